"""The Python environment: exactly the packages of the lock files, each checked against its hash.

``deps/venv`` leads to the one in use (``swap.py``). One that needs anything else is not changed: a new one is made.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Final

from scripts.install import InstallError, swap
from scripts.install.progress import step

LOCKS: Final = ("requirements.lock", "requirements-test.lock")
"""What the software needs, and what its checks need besides."""


def ready(repo: Path, deps: Path, *, tests: bool) -> bool:
    """Whether all is there, so that nothing has to be done."""
    return _fits(deps / "venv", repo, tests=tests)


def install(repo: Path, deps: Path, *, tests: bool) -> None:
    """Make ``deps/venv`` with the locked packages; with ``tests`` also those of the checks.

    Raises:
        InstallError: pip could not get or verify a package; what was there before is as it was.
    """
    name = deps / "venv"
    swap.mend(name)
    if _fits(name, repo, tests=tests):
        return
    before = swap.previous(name)
    if before is not None and _fits(before, repo, tests=tests):  # code of before, with its packages still here
        swap.use(name, before)
        return
    with swap.replacing(name) as venv:
        _make(repo, deps, venv, tests=tests)


def bring_up_to_date(repo: Path, deps: Path) -> None:
    """The command ``siaga`` as this code has it; and ours compiled, so that no start has to, for which callers wait.

    Where this may not write, the one stays as it was, and each start does the other.
    """
    if os.access(deps / "venv" / "bin", os.W_OK):
        _write_command(deps, deps / "venv")
    ours = [repo / name for name in ("ari_app", "cli", "scripts")]
    if all(os.access(folder, os.W_OK) for folder in ours):
        python = deps / "venv" / "bin" / "python"
        subprocess.run([python, "-m", "compileall", "-q", *ours], stdout=subprocess.DEVNULL, check=False)


def _make(repo: Path, deps: Path, venv: Path, *, tests: bool) -> None:
    with step("Python environment"):
        # Without pip of its own: Debian's Python has none to give, the fetched wheel serves instead.
        _run([sys.executable, "-m", "venv", "--without-pip", str(venv)])
    with step("Python packages" + (" and those of the checks" if tests else "")):
        wheel = next((deps / "debian" / "usr/share/python-wheels").glob("pip-*.whl"))
        requirements = [part for lock in _locks(repo, tests=tests) for part in ("--requirement", str(lock))]
        _run(
            [str(venv / "bin" / "python"), str(wheel / "pip"), "install", "--quiet", "--require-hashes", "--no-deps",
             "--only-binary", ":all:", "--no-input", "--disable-pip-version-check", *requirements],
        )  # fmt: skip
    _add_ourselves(repo, deps, venv)
    for checks in {False, tests}:  # with the packages of the checks it serves without them, too
        _stamp(venv, tests=checks).write_text(_made_from(repo, tests=checks)[0], encoding="utf-8")


def _add_ourselves(repo: Path, deps: Path, venv: Path) -> None:
    """The repository itself, importable from anywhere, and its command ``siaga``."""
    site = next(venv.glob("lib/python3*/site-packages"))
    (site / "siaga110.pth").write_text(f"{repo}\n")
    _write_command(deps, venv)


def _write_command(deps: Path, venv: Path) -> None:
    command = venv / "bin" / "siaga"
    # By the name that stays: systemd's units get the path of the Python that writes them. As scripts/siaga.
    text = f'#!/bin/sh\nPYTHONSAFEPATH=1 exec "{deps / "venv"}/bin/python" -m cli "$@"\n'
    if command.exists() and command.read_text(encoding="utf-8") == text:
        return
    fresh = command.with_name(".siaga.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(0o755)
    fresh.replace(command)


def _locks(repo: Path, *, tests: bool) -> list[Path]:
    return [repo / name for name in (LOCKS if tests else LOCKS[:1])]


def _stamp(venv: Path, *, tests: bool) -> Path:
    return venv / ("tests.stamp" if tests else "siaga.stamp")


def _made_from(repo: Path, *, tests: bool) -> tuple[str, str]:
    """What the stamp of a whole environment says; the second is what it said before.

    Packages are made for a minor version of Python: a security fix of 3.11 needs no other ones. Before, it did.
    """
    locked = b"".join(lock.read_bytes() for lock in _locks(repo, tests=tests))
    abi = str(sysconfig.get_config_var("SOABI"))
    first, before = (hashlib.sha256(python.encode() + locked).hexdigest() for python in (abi, sys.version))
    return first, before


def _fits(venv: Path, repo: Path, *, tests: bool) -> bool:
    stamp = _stamp(venv, tests=tests)
    if not (venv / "bin" / "python").exists() or not stamp.exists():
        return False
    return stamp.read_text(encoding="utf-8") in _made_from(repo, tests=tests)


def _run(command: list[str]) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME"}}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        reason = next((line for line in said if line.startswith("ERROR")), said[-1] if said else "no reason given")
        raise InstallError(f"{' '.join(command[1:4])} failed: {reason}")
