"""Runs the command and turns whatever ends it into an exit code and at most one line on standard error.

Exit codes: 0 done, 1 refused or not found, 2 wrong usage, 130 ended by Ctrl-C, 141 nobody reads the output any more.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Final

from cli.language import tr

REFUSED: Final = 1
INTERRUPTED: Final = 130
NOT_READ: Final = 141


def main() -> int:
    """Run ``siaga`` with the arguments of this process; returns the exit code."""
    _prepare_streams()
    try:
        from cli.app import run  # noqa: PLC0415 - a Ctrl-C during the imports is as quiet as one later

        code = run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except (BrokenPipeError, SystemExit):  # rich makes the second out of the first
        code = NOT_READ
    except OSError as error:
        say(_sentence(error))
        code = REFUSED
    _finish_output()
    return code


def say(text: str) -> None:
    """One line on standard error."""
    with suppress(OSError):
        sys.stderr.write(f"siaga: {' '.join(text.split())}\n")
        sys.stderr.flush()


def _sentence(error: OSError) -> str:
    reason = error.strerror or str(error)
    return (
        f"{error.filename}: {reason}" if error.filename else tr("the output cannot be written: {reason}", reason=reason)
    )


def _prepare_streams() -> None:
    """Text that the terminal's encoding lacks is escaped, and a closed stream takes everything silently."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _finish_output() -> None:
    """What could not be written must not be tried again, and complained about, when Python ends."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
