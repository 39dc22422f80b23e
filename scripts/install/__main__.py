"""``python -m scripts.install``: see its ``--help``."""

from __future__ import annotations

import argparse
import fcntl
import sys
import time
from pathlib import Path
from typing import Final

from scripts.install import InstallError, debian, python_env

AS_BEFORE: Final = 3
"""Exit code: what is asked for could not be had, and what was there before is whole and as it was."""
_LATER: Final = "Asterisk and Mosquitto that run now have them from their next start on."


def main(arguments: list[str] | None = None, repo: Path = Path(__file__).parents[2]) -> int:
    """Install; 0 when all is there, else one sentence and 3 or 1: with or without something whole from before."""
    options = _options(arguments)
    deps = repo / ".deps"
    start = time.monotonic()
    try:
        if options.versions:
            return _say_versions(deps)
        # Neither waits for somebody's update that hangs, nor has to be allowed to write here.
        if not (options.update or options.back) and _ready(repo, deps, tests=options.tests):
            python_env.bring_up_to_date(repo, deps)
            return 0
        deps.mkdir(exist_ok=True)
        # Two at once must not install over each other.
        with (deps / "lock").open("a", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _change(options, repo, deps)
    except InstallError as error:
        return _refuse(deps, str(error))
    except OSError as error:
        return _refuse(deps, f"{error.filename or deps}: {error.strerror}")
    except KeyboardInterrupt:
        return 130
    if time.monotonic() - start > 1:
        print(f"  installed in {time.monotonic() - start:.0f} s", file=sys.stderr)
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/setup",
        description="Installs what is missing into .deps/. What is in use there is replaced when the new one is whole, "
        "and is as it was when that cannot be had (exit code 3).",
    )
    parser.add_argument("--tests", action="store_true", help="also what the tests and checks need")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--update", action="store_true", help="take newer Debian packages: Asterisk, Mosquitto and all")
    what.add_argument("--back", action="store_true", help="back to the Debian packages before the last change")
    what.add_argument("--versions", action="store_true", help="only say which Debian packages are there")
    return parser.parse_args(arguments)


def _ready(repo: Path, deps: Path, *, tests: bool) -> bool:
    return debian.ready(deps) and python_env.ready(repo, deps, tests=tests)


def _change(options: argparse.Namespace, repo: Path, deps: Path) -> None:
    if options.back:
        _say_changes(debian.back(deps))
    elif options.update:
        changes = debian.update(deps)
        if changes:
            _say_changes(changes)
        else:
            print("nothing is newer; nothing was changed")
    else:
        debian.install(deps)
    python_env.install(repo, deps, tests=options.tests)
    python_env.bring_up_to_date(repo, deps)


def _say_changes(changes: list[str]) -> None:
    print(*changes, _LATER, sep="\n")


def _say_versions(deps: Path) -> int:
    versions = debian.versions(deps / "debian")
    if not versions:
        print("siaga110: no versions were written down here: scripts/setup --update does it", file=sys.stderr)
        return 1
    print(*(f"{name} {version}" for name, version in versions.items()), sep="\n")
    return 0


def _refuse(deps: Path, why: str) -> int:
    programs = (deps / "venv" / "bin" / "python", deps / "bin" / "asterisk")  # links, which may lead nowhere by now
    stamped = debian.stamp(deps / "debian") and any((deps / "venv").glob("*.stamp"))
    whole = stamped and all(each.exists() for each in programs)
    print(f"siaga110: {why}" + ("; what was there before is as it was" if whole else ""), file=sys.stderr)
    return AS_BEFORE if whole else 1


if __name__ == "__main__":
    sys.exit(main())
