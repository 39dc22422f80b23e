"""What Debian's suite has of the packages, and fetching them, without root.

apt-get runs with a configuration, lists and a cache of its own and an empty list of installed packages, so it fetches
all that a program needs, down to the C library; it checks the signatures. What the machine's own mirror is, apt-get
tells.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scripts.install import InstallError
from scripts.install.progress import step

SUITE: Final = "forky"
_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_PLANNED: Final = re.compile(r"^'[^']*' (([^_\s]+)_([^_\s]+)_[^_\s]+\.deb) ", re.MULTILINE)
"""A line of ``--print-uris``: the address, then the file's name, which is made of package, version and machine."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package as the mirror has it now, and the name of its file."""

    name: str
    version: str
    file: str


def plan(home: Path, packages: Sequence[str]) -> list[Package]:
    """Take a fresh list of packages: these, and all that they need; ``home`` holds apt's own files.

    Raises:
        InstallError: a tool, the archive's keyring or the mirror is missing.
    """
    for tool, package in (("apt-get", "apt"), ("dpkg", "dpkg"), ("setpriv", "util-linux")):
        if not shutil.which(tool):
            raise InstallError(f"{tool} is missing: as root, apt-get install {package}")
    _set_up(home)
    with step("Debian's list of packages"):
        _apt(home, "update")
    # With an empty cache: it does not name what it has fetched already.
    said = _apt(home, f"-oDir::Cache::archives={home}/none", "--print-uris", "--yes", "install", *packages)
    planned = [Package(name, version.replace("%3a", ":"), file) for file, name, version in _PLANNED.findall(said)]
    if missing := set(packages) - {package.name for package in planned}:
        raise InstallError(f"the mirror does not have {', '.join(sorted(missing))}")
    return planned


def fetch(home: Path, planned: Sequence[Package], packages: Sequence[str]) -> list[Path]:
    """Fetch what was planned for these packages; returns its files.

    Raises:
        InstallError: something could not be fetched.
    """
    archives = [home / "archives" / package.file for package in planned]

    def how_far() -> str:
        return f"{sum(archive.exists() for archive in archives)} of {len(archives)}"

    with step(f"{len(archives)} packages: Asterisk, Mosquitto, SIPp, espeak-ng", how_far):
        _apt(home, "--yes", "--download-only", "install", *packages)
    for archive in archives:
        if not archive.exists():
            raise InstallError(f"apt-get has not fetched {archive.name}")
    return archives


def is_newer(version: str, than: str) -> bool:
    """Whether Debian counts a version as newer than another one."""
    return subprocess.run(["dpkg", "--compare-versions", version, "gt", than], check=False).returncode == 0


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


def _set_up(home: Path) -> None:
    """Write apt's own configuration, and the folders that it needs."""
    if not _KEYRING.exists():
        raise InstallError(f"{_KEYRING} is missing: as root, apt-get install debian-archive-keyring")
    for folder in ("lists/partial", "archives/partial", "none/partial", "preferences.d"):
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


def _apt(home: Path, *arguments: str) -> str:
    environment = {**os.environ, "APT_CONFIG": str(home / "apt.conf"), "LC_ALL": "C"}
    done = subprocess.run(["apt-get", "-q", *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = sorted(line for line in (done.stderr + done.stdout).splitlines() if line.startswith(("E:", "W:")))
        what = next(word for word in arguments if not word.startswith("-"))
        raise InstallError(f"apt-get {what} failed: {said[0] if said else done.returncode}")
    return done.stdout
