"""Asterisk and its helpers from Debian, unpacked beside each other, without root.

Debian 12 and 13 have no Asterisk; the suite named here has. apt-get runs with a configuration, lists and a
cache of its own and an empty list of installed packages, so it fetches all that a program needs, down to
the C library; it checks the signatures. What the machine's own mirror is, apt-get tells.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from scripts.install import InstallError
from scripts.install.progress import step

SUITE: Final = "forky"
PACKAGES: Final = ("asterisk", "mosquitto", "sip-tester", "espeak-ng", "python3-pip-whl")
PROGRAMS: Final = ("asterisk", "mosquitto", "mosquitto_passwd", "sipp", "espeak-ng")
OLDEST_ASTERISK: Final = (22, 10)
_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_LAYOUT: Final = "5"
"""Goes up when this file puts things elsewhere, so that older trees are made anew."""


def install(deps: Path) -> None:
    """Fetch and unpack the packages into ``deps/debian`` and put starters into ``deps/bin``.

    Raises:
        InstallError: a tool, the archive's keyring or the mirror is missing.
    """
    stamp = deps / "debian.stamp"
    own = _own_asterisk()
    packages = [name for name in PACKAGES if name != "asterisk" or own is None]
    wanted = hashlib.sha256(" ".join([SUITE, *packages, _LAYOUT, str(own)]).encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    stamp.unlink(missing_ok=True)
    for tool, package in (("apt-get", "apt"), ("dpkg", "dpkg"), ("setpriv", "util-linux")):
        if not shutil.which(tool):
            raise InstallError(f"{tool} is missing: as root, apt-get install {package}")
    tree = deps / "debian"
    shutil.rmtree(tree, ignore_errors=True)
    archives = _download(deps / "apt", packages)
    _unpack(archives, tree)
    _write_starters(deps, tree, own)
    shutil.rmtree(deps / "apt")
    stamp.write_text(wanted)


def _own_asterisk() -> Path | None:
    """The machine's own Asterisk, if it is new enough."""
    path = shutil.which("asterisk", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if path is None:
        return None
    said = subprocess.run([path, "-V"], capture_output=True, text=True, check=False).stdout
    version = asterisk_version(said)
    if version is None or version < OLDEST_ASTERISK:
        return None
    return Path(path) if _modules_of_own() else None


def asterisk_version(said: str) -> tuple[int, int] | None:
    """The version in what ``asterisk -V`` says; None: it does not say one."""
    version = re.match(r"Asterisk (?:certified[-/])?(\d+)\.(\d+)", said)
    return None if version is None else (int(version[1]), int(version[2]))


def _modules_of_own() -> Path | None:
    places = [Path(f"/usr/lib/{platform.machine()}-linux-gnu/asterisk/modules"), Path("/usr/lib/asterisk/modules")]
    return next((place for place in places if (place / "app_stasis.so").exists()), None)


def _mirror() -> str:
    """The address from which this machine gets Debian's main archive.

    Raises:
        InstallError: apt-get names none.
    """
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    # What an update would fetch: unlike "indextargets" it is known on a new machine too, where there never was one.
    said = subprocess.run(["apt-get", "-q", "--print-uris", "update"], capture_output=True, text=True, check=False)
    archives: list[tuple[str, str]] = re.findall(r"'(\S+?)/+dists/([^/\s]+)/main/binary-", said.stdout)
    ours = [address for address, suite in archives if suite in {codename, SUITE, "stable", "testing", "unstable"}]
    if not ours:
        raise InstallError("apt-get knows no Debian mirror on this machine: see /etc/apt/sources.list.d")
    # Others have a "bookworm main" and a "stable main" too; Debian is the one that has updates to its own.
    return next((address for address in ours if (address, f"{codename}-updates") in archives), ours[0])


def _download(home: Path, packages: list[str]) -> list[Path]:
    """Fetch the packages and all that they need; ``home`` holds apt's own files and the archives."""
    if not _KEYRING.exists():
        raise InstallError(f"{_KEYRING} is missing: as root, apt-get install debian-archive-keyring")
    for folder in ("lists/partial", "archives/partial", "preferences.d"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    (home / "status").touch()
    (home / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {_mirror()} {SUITE} main\n")
    (home / "apt.conf").write_text(
        f'Dir::Etc::sourcelist "{home}/sources.list";\nDir::Etc::sourceparts "/dev/null";\n'
        f'Dir::Etc::preferences "/dev/null";\nDir::Etc::preferencesparts "{home}/preferences.d";\n'
        f'Dir::State "{home}";\nDir::State::lists "{home}/lists";\nDir::State::status "{home}/status";\n'
        f'Dir::Cache "{home}";\nDir::Cache::archives "{home}/archives";\n'
        'Dir::Log "/dev/null";\nAPT::Sandbox::User "";\nAPT::Install-Recommends "false";\n'
        'Acquire::Languages "none";\nAcquire::Retries "3";\nDPkg::Options "";\n'
        'APT::Update::Error-Mode "any";\n'  # else a mirror that cannot be reached is a warning
    )
    archives = home / "archives"
    with step("Debian's list of packages"):
        _apt(home, "update")
    plan = _apt(home, "--print-uris", "--yes", "--download-only", "install", *packages)
    count = plan.count(".deb ")

    def how_far() -> str:
        return f"{len(list(archives.glob('*.deb')))} of {count}"

    with step(f"{count} packages: Asterisk, Mosquitto, SIPp, espeak-ng", how_far):
        _apt(home, "--yes", "--download-only", "install", *packages)
    return sorted(archives.glob("*.deb"))


def _apt(home: Path, *arguments: str) -> str:
    environment = {**os.environ, "APT_CONFIG": str(home / "apt.conf"), "LC_ALL": "C"}
    done = subprocess.run(["apt-get", "-q", *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = sorted(line for line in (done.stderr + done.stdout).splitlines() if line.startswith(("E:", "W:")))
        what = next(word for word in arguments if not word.startswith("-"))
        raise InstallError(f"apt-get {what} failed: {said[0] if said else done.returncode}")
    return done.stdout


def _unpack(archives: list[Path], tree: Path) -> None:
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


def _write_starters(deps: Path, tree: Path, own: Path | None) -> None:
    """``deps/bin/NAME`` starts a program of the tree with the tree's own loader and libraries."""
    libraries = next(tree.glob("usr/lib/*-linux-gnu*/libc.so.6"), None)
    loader = next((path for path in tree.glob("usr/lib*/ld-linux*.so*")), None)
    if libraries is None or loader is None:
        raise InstallError(f"{tree} is not complete: remove {deps} and start again")
    place = libraries.parent.relative_to(tree)
    # The links from a library's short name to its file, which some packages leave to ldconfig.
    subprocess.run(["/sbin/ldconfig", "-n", str(libraries.parent)], check=False, capture_output=True)
    bin_ = deps / "bin"
    shutil.rmtree(bin_, ignore_errors=True)
    bin_.mkdir()
    for name in PROGRAMS:
        starter = bin_ / name
        if name == "asterisk" and own is not None:
            starter.symlink_to(own)
            continue
        program = next(path for path in (tree / "usr/sbin" / name, tree / "usr/bin" / name) if path.exists())
        starter.write_text(
            "#!/bin/sh\n"
            'tree=$(cd "$(dirname "$0")/../debian" && pwd)\n'
            f'export ESPEAK_DATA_PATH="$tree/{place}" TERMINFO="$tree/usr/share/terminfo"\n'
            f'exec "$tree/{loader.relative_to(tree)}" --library-path "$tree/{place}:$tree/{place}/pulseaudio" \\\n'
            f'    "$tree/{program.relative_to(tree)}" "$@"\n'
        )
        starter.chmod(0o755)
    modules = _modules_of_own() if own else tree / place / "asterisk/modules"
    data = Path("/usr/share/asterisk") if own else tree / "usr/share/asterisk"
    (deps / "asterisk.env").write_text(f"ASTERISK_MODULES_DIR={modules}\nASTERISK_DATA_DIR={data}\n")
