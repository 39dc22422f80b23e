"""``python -m scripts.install [--tests]``: install what is missing; with ``--tests`` also what the checks need."""

from __future__ import annotations

import argparse
import fcntl
import sys
import time
from pathlib import Path
from typing import TextIO

from scripts.install import InstallError, debian, python_env


def main() -> int:
    """Install; 0 when all is there, 1 with one sentence when it cannot be."""
    parser = argparse.ArgumentParser(prog="scripts/setup", description="Installs what is missing into .deps/.")
    parser.add_argument("--tests", action="store_true", help="also what the tests and checks need")
    options = parser.parse_args()
    repo = Path(__file__).parents[2]
    deps = repo / ".deps"
    start = time.monotonic()
    try:
        deps.mkdir(exist_ok=True)
        # Two starts at once must not install over each other.
        with _lock(deps / "lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            debian.install(deps)
            python_env.install(repo, deps, tests=options.tests)
    except InstallError as error:
        print(f"siaga110: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"siaga110: {error.filename or deps}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if time.monotonic() - start > 1:
        print(f"  installed in {time.monotonic() - start:.0f} s", file=sys.stderr)
    return 0


def _lock(path: Path) -> TextIO:
    """The lock; a service's user who may not write here needs it only to see that nothing is missing."""
    try:
        return path.open("a", encoding="utf-8")
    except PermissionError:
        return path.open(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
