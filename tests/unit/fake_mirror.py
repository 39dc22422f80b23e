"""A Debian mirror for scripts/install that is made up: what it has, whether it answers, what is unpacked from it."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from scripts.install import InstallError, debian

OLD, NEW = "22.10.1-1", "22.11.0-1"
"""Two versions of Asterisk."""

LIBRARIES = "usr/lib/x86_64-linux-gnu"
LOADER = '#!/bin/sh\nshift 2\nexec "$@"\n'


class Mirror:
    """Stands for apt-get and dpkg."""

    def __init__(self) -> None:
        self.offered = dict.fromkeys(debian.PACKAGES, "1.0") | {"asterisk": f"1:{OLD}", "libc6": "2.41"}
        self.away = False
        self.fetched = 0
        self.broken_package = ""

    def apt(self, home: Path, *arguments: str) -> str:
        """In the place of ``apt._apt``."""
        if self.away:
            raise InstallError("apt-get update failed: E: the mirror is away")
        files = [f"{name}_{version.replace(':', '%3a')}_amd64.deb" for name, version in self.offered.items()]
        if "--print-uris" in arguments:
            return "Reading...\n" + "".join(
                f"'http://mirror.example/pool/{file}' {file} 1 SHA256:0\n" for file in files
            )
        if "--download-only" in arguments:
            self.fetched += 1
            for file in files:
                (home / "archives" / file).touch()
        return ""

    def unpack(self, archive: Path, tree: Path) -> str:
        """In the place of ``debian._unpack_one``."""
        name, version, _ = archive.name.split("_")
        if name == self.broken_package:
            return f"{archive.name} cannot be unpacked: it is damaged"
        for file, text in contents(name, version.rpartition("%3a")[2]).items():
            put(tree / file, text)
        return ""


def contents(package: str, version: str) -> dict[str, str]:
    """The files of a package."""
    says = f"#!/bin/sh\necho {package} {version}\n"
    return {
        "asterisk": {"usr/sbin/asterisk": f"#!/bin/sh\necho Asterisk {version}\n"},
        "mosquitto": {"usr/sbin/mosquitto": says, "usr/bin/mosquitto_passwd": says},
        "sip-tester": {"usr/bin/sipp": says},
        "espeak-ng": {"usr/bin/espeak-ng": says},
        "libc6": {f"{LIBRARIES}/libc.so.6": "", "usr/lib64/ld-linux-x86-64.so.2": LOADER},
    }.get(package, {f"usr/share/doc/{package}/copyright": ""})


def put(file: Path, text: str) -> None:
    """Write a file that can be executed; not by Path's own, which some tests watch."""
    os.makedirs(file.parent, exist_ok=True)  # noqa: PTH103
    with open(file, "w", encoding="utf-8") as out:  # noqa: PTH123
        out.write(text)
    os.chmod(file, 0o755)  # noqa: PTH101


def set_up_before_there_were_links(deps: Path) -> None:
    """What an installation looks like that was made by code of before."""
    for package in (*debian.PACKAGES, "libc6"):
        for file, text in contents(package, OLD).items():
            put(deps / "debian" / file, text)
    for program in ("sbin/asterisk", "sbin/mosquitto", "bin/mosquitto_passwd", "bin/sipp", "bin/espeak-ng"):
        put(
            deps / "bin" / Path(program).name,
            '#!/bin/sh\ntree=$(cd "$(dirname "$0")/../debian" && pwd)\n'
            f'exec "$tree/usr/lib64/ld-linux-x86-64.so.2" --library-path x "$tree/usr/{program}" "$@"\n',
        )
    put(deps / "asterisk.env", f"ASTERISK_MODULES_DIR={deps}/debian/{LIBRARIES}/asterisk/modules\n")
    put(deps / "debian.stamp", debian._wanted().stamp)


def asterisk_says(deps: Path) -> str:
    """The version of the Asterisk that would be started; empty: none would."""
    with suppress(OSError):
        done = subprocess.run([deps / "bin/asterisk", "-V"], capture_output=True, text=True, check=False)
        return done.stdout.strip().removeprefix("Asterisk ") if done.returncode == 0 else ""
    return ""


def trees(deps: Path) -> list[str]:
    """The names of all folders with packages, whole or not."""
    return sorted(path.name for path in deps.glob("debian*") if path.is_dir() and not path.is_symlink())
