"""The Python environment: exactly the packages of the lock files, each checked against its hash."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from scripts.install import InstallError
from scripts.install.progress import step

LOCKS: Final = ("requirements.lock", "requirements-test.lock")
"""What the software needs, and what its checks need besides."""


def install(repo: Path, deps: Path, *, tests: bool) -> None:
    """Make ``deps/venv`` with the locked packages; with ``tests`` also those of the checks.

    Raises:
        InstallError: pip could not get or verify a package.
    """
    locks = [repo / name for name in (LOCKS if tests else LOCKS[:1])]
    wanted = hashlib.sha256(sys.version.encode() + b"".join(lock.read_bytes() for lock in locks)).hexdigest()
    stamp, venv = deps / "venv" / ("tests.stamp" if tests else "siaga.stamp"), deps / "venv"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not (venv / "bin" / "python").exists() or _version_of(venv) != sys.version:
        shutil.rmtree(venv, ignore_errors=True)
        with step("Python environment"):
            # Without pip of its own: Debian's Python has none to give, the fetched wheel serves instead.
            _run([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    for old in venv.glob("*.stamp"):
        old.unlink()
    with step("Python packages" + (" and those of the checks" if tests else "")):
        wheel = next((deps / "debian" / "usr/share/python-wheels").glob("pip-*.whl"))
        requirements = [part for lock in locks for part in ("--requirement", str(lock))]
        _run(
            [str(venv / "bin" / "python"), str(wheel / "pip"), "install", "--quiet", "--require-hashes", "--no-deps",
             "--only-binary", ":all:", "--no-input", "--disable-pip-version-check", *requirements],
        )  # fmt: skip
    _add_ourselves(repo, venv)
    _compile(repo, venv)
    stamp.write_text(wanted)
    if tests:
        shutil.copy(stamp, venv / "siaga.stamp")
        only_ours = hashlib.sha256(sys.version.encode() + locks[0].read_bytes()).hexdigest()
        (venv / "siaga.stamp").write_text(only_ours)


def _add_ourselves(repo: Path, venv: Path) -> None:
    """The repository itself, importable from anywhere, and its command ``siaga``."""
    site = next(venv.glob("lib/python3*/site-packages"))
    (site / "siaga110.pth").write_text(f"{repo}\n")
    command = venv / "bin" / "siaga"
    command.write_text(f'#!/bin/sh\nPYTHONSAFEPATH=1 exec "{venv}/bin/python" -m cli "$@"\n')  # as scripts/siaga
    command.chmod(0o755)


def _compile(repo: Path, venv: Path) -> None:
    """So that no start has to, for which callers wait. Where this may not write, each start does it."""
    ours = [str(repo / name) for name in ("ari_app", "cli", "scripts")]
    subprocess.run([venv / "bin" / "python", "-m", "compileall", "-q", *ours], stdout=subprocess.DEVNULL, check=False)


def _version_of(venv: Path) -> str:
    python = venv / "bin" / "python"
    return subprocess.run(
        [python, "-c", "import sys; print(sys.version, end='')"], capture_output=True, text=True, check=False
    ).stdout


def _run(command: list[str]) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME"}}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        reason = next((line for line in said if line.startswith("ERROR")), said[-1] if said else "no reason given")
        raise InstallError(f"{' '.join(command[1:4])} failed: {reason}")
