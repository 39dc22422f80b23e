"""``deps/bin/NAME`` starts a program of the tree in use, with the tree's own loader and libraries.

A starter lies in the tree to which it belongs, and ``deps/bin`` has links through ``deps/debian``: a tree that is put
into use brings its own.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path
from typing import Final

from scripts.install import InstallError, swap

PROGRAMS: Final = ("asterisk", "mosquitto", "mosquitto_passwd", "sipp", "espeak-ng")
OURS: Final = "siaga"
"""The folder of the tree in which is what we put there ourselves."""


def write(deps: Path, tree: Path, own: Path | None) -> None:
    """Write the starters into a tree; ``own`` is the machine's own Asterisk, for a tree without one.

    Raises:
        InstallError: the tree lacks something.
    """
    libraries = next(tree.glob("usr/lib/*-linux-gnu*/libc.so.6"), None)
    loader = next((path for path in tree.glob("usr/lib*/ld-linux*.so*")), None)
    if libraries is None or loader is None:
        raise InstallError(f"{tree} is not complete: remove {deps} and start again")
    place = libraries.parent.relative_to(tree)
    # The links from a library's short name to its file, which some packages leave to ldconfig.
    subprocess.run(["/sbin/ldconfig", "-n", str(libraries.parent)], check=False, capture_output=True)
    bin_ = tree / OURS / "bin"
    shutil.rmtree(bin_, ignore_errors=True)
    bin_.mkdir(parents=True)
    for name in PROGRAMS:
        starter = bin_ / name
        program = next((path for path in (tree / "usr/sbin" / name, tree / "usr/bin" / name) if path.exists()), None)
        if program is None:
            if name != "asterisk" or own is None:
                raise InstallError(f"{tree} is not complete, there is no {name}: remove {deps} and start again")
            starter.symlink_to(own)
            continue
        starter.write_text(
            "#!/bin/sh\n"
            # Without links: all files of one start are of one tree, also while another one is put into use.
            f'tree=$(readlink -f "$0") && tree=${{tree%/{OURS}/bin/*}}\n'
            f'export ESPEAK_DATA_PATH="$tree/{place}" TERMINFO="$tree/usr/share/terminfo"\n'
            f'exec "$tree/{loader.relative_to(tree)}" --library-path "$tree/{place}:$tree/{place}/pulseaudio" \\\n'
            f'    "$tree/{program.relative_to(tree)}" "$@"\n'
        )
        starter.chmod(0o755)
    in_use = deps / "debian"  # Asterisk's files name these, and are not written anew when a tree is replaced
    has_asterisk = (tree / "usr/sbin/asterisk").exists()
    modules = in_use / place / "asterisk/modules" if has_asterisk else modules_of_own()
    data = in_use / "usr/share/asterisk" if has_asterisk else Path("/usr/share/asterisk")
    (tree / OURS / "asterisk.env").write_text(f"ASTERISK_MODULES_DIR={modules}\nASTERISK_DATA_DIR={data}\n")


def modules_of_own() -> Path | None:
    """Where the machine's own Asterisk has its modules; None: it has none that we need."""
    places = [Path(f"/usr/lib/{platform.machine()}-linux-gnu/asterisk/modules"), Path("/usr/lib/asterisk/modules")]
    return next((place for place in places if (place / "app_stasis.so").exists()), None)


def linked(deps: Path) -> bool:
    """Whether everything in ``deps`` leads into the tree; one that was set up before there were links needs none."""
    if not (deps / "debian" / OURS / "stamp").exists():
        return True
    return all(link.is_symlink() and str(link.readlink()) == target for link, target in _links(deps))


def link(deps: Path) -> None:
    """Have everything in ``deps`` lead into the tree in use, whichever that is."""
    if linked(deps):
        return
    (deps / "bin").mkdir(exist_ok=True)
    for name, target in _links(deps):
        swap.lead(name, target)


def _links(deps: Path) -> list[tuple[Path, str]]:
    return [
        *((deps / "bin" / name, f"../debian/{OURS}/bin/{name}") for name in PROGRAMS),
        (deps / "asterisk.env", f"debian/{OURS}/asterisk.env"),
        (deps / "debian.stamp", f"debian/{OURS}/stamp"),  # where code of before the links looks for it
    ]
