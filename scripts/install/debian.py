"""Asterisk and its helpers from Debian, unpacked beside each other, without root.

Debian 12 and 13 have no Asterisk; the suite named in ``apt.py`` has. ``deps/debian`` leads to the tree in use
(``swap.py``): a new one is fetched, unpacked and tried out beside it, and one that cannot be had changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.install import InstallError, apt, starters, swap
from scripts.install.progress import step
from scripts.install.starters import OURS

PACKAGES: Final = ("asterisk", "mosquitto", "sip-tester", "espeak-ng", "python3-pip-whl")
OLDEST_ASTERISK: Final = (22, 10)
_LAYOUT: Final = "5"
"""Goes up when a tree of before can no longer be used, so that it is made anew."""
_ROOM_MB: Final = 700
"""A tree and its archives take 460; the rest is for who else writes there, as the journal."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What this code needs on this machine. ``own`` is the machine's own Asterisk, if it serves."""

    own: Path | None
    packages: list[str]
    stamp: str


def ready(deps: Path) -> bool:
    """Whether all is there, so that nothing has to be done."""
    return stamp(deps / "debian") == _wanted().stamp and starters.linked(deps)


def install(deps: Path) -> None:
    """Put the packages under ``deps/debian`` and their starters into ``deps/bin``, if they are not there.

    Raises:
        InstallError: something is missing, as the mirror; what was there before is as it was.
    """
    wanted, tree = _wanted(), deps / "debian"
    swap.mend(tree)
    if stamp(tree) != wanted.stamp:
        before = swap.previous(tree)
        if before is not None and stamp(before) == wanted.stamp:  # code of before, with its packages still here
            swap.use(tree, before)
        else:
            _replace(deps, wanted, apt.plan(deps / "apt", wanted.packages))
    starters.link(deps)


def update(deps: Path) -> list[str]:
    """Take what has become newer since; returns what has changed, a line for each, or nothing.

    Raises:
        InstallError: something is missing, as the mirror; what was there before is as it was.
    """
    wanted, tree, home = _wanted(), deps / "debian", deps / "apt"
    swap.mend(tree)
    had, plan = versions(tree), apt.plan(home, wanted.packages)
    offered = {package.name: package.version for package in plan}
    if stamp(tree) == wanted.stamp and had and not _newer(had, offered):
        shutil.rmtree(home)
        return []
    _replace(deps, wanted, plan)
    starters.link(deps)
    return changes(had, offered)


def back(deps: Path) -> list[str]:
    """Go back to the packages of before the last change; returns what that changes, a line for each.

    Raises:
        InstallError: there are none, or none that this code can use.
    """
    tree = deps / "debian"
    swap.mend(tree)
    before = swap.previous(tree)
    if before is None or stamp(before) != _wanted().stamp:
        raise InstallError("there are no packages of before that this code can use")
    had = versions(tree)
    swap.use(tree, before)
    starters.link(deps)
    return changes(had, versions(tree))


def versions(tree: Path) -> dict[str, str]:
    """The version of each package of a tree; none: it was set up before they were written down."""
    file = tree / OURS / "versions"
    if not file.exists():
        return {}
    return dict(line.split(" ", 1) for line in file.read_text(encoding="utf-8").splitlines())


def stamp(tree: Path) -> str:
    """What a whole tree was made from; empty: there is none."""
    places = [tree / OURS / "stamp"]
    if not tree.is_symlink() and tree.is_dir():  # set up before there were links
        places.append(tree.with_name("debian.stamp"))
    return next((place.read_text(encoding="utf-8") for place in places if place.is_file()), "")


def changes(had: Mapping[str, str], has: Mapping[str, str]) -> list[str]:
    """What is other in the second than in the first, the programs first."""
    if not has:
        return ["the packages of before; their versions were not written down"]
    if not had:
        return [f"{name} {has[name]} (of before no version was written down)" for name in PACKAGES if name in has]
    names = sorted(had.keys() | has.keys(), key=lambda name: (name not in PACKAGES, name))
    return [
        f"{name} {had.get(name, '(none)')} -> {has.get(name, '(none)')}"
        for name in names
        if had.get(name) != has.get(name)
    ]


def asterisk_version(said: str) -> tuple[int, int] | None:
    """The version in what ``asterisk -V`` says; None: it does not say one."""
    version = re.match(r"Asterisk (?:certified[-/])?(\d+)\.(\d+)", said)
    return None if version is None else (int(version[1]), int(version[2]))


def _wanted() -> _Wanted:
    own = _own_asterisk()
    packages = [name for name in PACKAGES if name != "asterisk" or own is None]
    text = " ".join([apt.SUITE, *packages, _LAYOUT, str(own)])
    return _Wanted(own, packages, hashlib.sha256(text.encode()).hexdigest())


def _own_asterisk() -> Path | None:
    """The machine's own Asterisk, if it is new enough."""
    path = shutil.which("asterisk", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        return None
    said = subprocess.run([path, "-V"], capture_output=True, text=True, check=False).stdout
    version = asterisk_version(said)
    if version is None or version < OLDEST_ASTERISK:
        return None
    return Path(path) if starters.modules_of_own() else None


def _newer(had: Mapping[str, str], offered: Mapping[str, str]) -> bool:
    """Whether anything has become newer; a mirror that lags behind offers only older things."""
    return any(
        version != had.get(name) and (name not in had or apt.is_newer(version, had[name]))
        for name, version in offered.items()
    )


def _replace(deps: Path, wanted: _Wanted, plan: Sequence[apt.Package]) -> None:
    """Make a new tree of what was planned and put it into use."""
    home, tree = deps / "apt", deps / "debian"
    if shutil.disk_usage(deps).free < _ROOM_MB << 20:
        raise InstallError(f"{deps} has less than {_ROOM_MB} MB free")
    archives = apt.fetch(home, plan, wanted.packages)
    with suppress(InstallError):  # its own Asterisk may be gone by now; it serves the way back only
        _adopt(deps, wanted.own)
    with swap.replacing(tree) as fresh:
        _unpack(archives, fresh)
        starters.write(deps, fresh, wanted.own)
        _try_out(fresh)
        lines = sorted(f"{package.name} {package.version}\n" for package in plan)
        (fresh / OURS / "versions").write_text("".join(lines), encoding="utf-8")
        (fresh / OURS / "stamp").write_text(wanted.stamp, encoding="utf-8")
    shutil.rmtree(home)


def _adopt(deps: Path, own: Path | None) -> None:
    """Give a tree that was set up before there were links what newer ones have, so that one can go back to it."""
    tree = deps / "debian"
    made_from = stamp(tree)
    if tree.is_symlink() or not made_from or (tree / OURS / "stamp").exists():
        return
    starters.write(deps, tree, own)
    (tree / OURS / "stamp").write_text(made_from, encoding="utf-8")
    starters.link(deps)


def _try_out(tree: Path) -> None:
    """Have its Asterisk say its version, before anybody depends on it."""
    done = subprocess.run([tree / OURS / "bin/asterisk", "-V"], capture_output=True, text=True, check=False)
    version = asterisk_version(done.stdout)
    if version is None:
        said = (done.stderr.strip() or str(done.returncode)).splitlines()[0]
        raise InstallError(f"the new Asterisk does not start: {said}")
    if version < OLDEST_ASTERISK:
        raise InstallError(f"the mirror has {done.stdout.strip()}: 22.10 is needed")


def _unpack(archives: Sequence[Path], tree: Path) -> None:
    # Debian's packages expect these to lead into usr/; without the links they would be split over two places.
    for name in ("bin", "lib", "lib64", "sbin"):
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    with step("unpacking"), ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in pool.map(lambda deb: _unpack_one(deb, tree), archives):
            if done:
                raise InstallError(done)


def _unpack_one(archive: Path, tree: Path) -> str:
    done = subprocess.run(["dpkg", "-x", archive, tree], capture_output=True, text=True, check=False)
    return f"{archive.name} cannot be unpacked: {done.stderr.strip()}" if done.returncode else ""
