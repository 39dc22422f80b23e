"""Files that a command writes for a person: readable by the owner only, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cli.errors import Refused
from cli.language import tr
from cli.output import plain


@contextmanager
def whole_file(file: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the other's place when all is written. A device or a pipe is written to.

    Raises:
        Refused: it cannot be written.
    """
    try:
        if file.exists() and not file.is_file():
            with file.open("wb") as there:
                yield there
        else:
            yield from _fresh(file.resolve())
    except OSError as error:  # which names the new file that would take the other's place
        raise Refused(tr("{file} cannot be written: {reason}", file=plain(str(file)), reason=error.strerror)) from None


def _fresh(file: Path) -> Iterator[BinaryIO]:
    fresh = file.with_name(f".{file.name}.new")
    with suppress(FileNotFoundError):
        fresh.unlink()
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            yield raw
        fresh.replace(file)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise
