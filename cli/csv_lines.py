"""A CSV file from anywhere, each of its lines by itself: what is wrong with one takes no other with it."""

from __future__ import annotations

import csv
import io
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from cli.language import tr
from cli.options import STANDARD

LONGEST_LINE: Final = 4096
"""Characters of a line; of a longer one no more is ever in memory."""


_STANDARD_INPUT: Final = 0


def open_csv(file: Path) -> IO[str]:
    """A file, or standard input, for ``csv_lines``: UTF-8, byte order mark or not, lines ending with LF, CR LF or CR.

    Raises:
        OSError: it cannot be opened.
    """
    with ExitStack() as stack:
        source: IO[bytes] = stack.enter_context(
            open(_STANDARD_INPUT if file == STANDARD else file, "rb", closefd=file != STANDARD)
        )
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            # As long as it takes: whoever carries the lines out holds the journal, and must not wait for more of them.
            whole = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(source, whole)
            whole.seek(0)
            source.close()
            source = whole
        stack.pop_all()
        return io.TextIOWrapper(source, encoding="utf-8-sig", errors="surrogateescape")


def csv_lines(text: IO[str], refuse: Callable[[int, str], None]) -> Iterator[tuple[int, list[str]]]:
    """Each line's number, from 1, and its cells; ``refuse`` gets the number of one that cannot be used, and why.

    Blank lines are passed over. The cells are separated by what separates those of the first line that is not blank:
    a semicolon where that one has it and no comma, else a comma.

    Raises:
        OSError: the file cannot be read.
    """
    separator, number = "", 0
    while line := text.readline(LONGEST_LINE + 2):
        number += 1
        is_whole = line.endswith("\n")
        line = line.removesuffix("\n")
        if len(line) > LONGEST_LINE:
            if not is_whole:
                _pass_over(text)
            refuse(number, tr("it is longer than {number} characters", number=LONGEST_LINE))
        elif line and not line.isspace():
            separator = separator or (";" if ";" in line and "," not in line else ",")
            trouble = _trouble(line)
            cells = _cells(line, separator) if trouble is None else None
            if cells is None:
                refuse(number, trouble or tr("a quotation mark is not closed, or stands where none may be"))
            else:
                yield number, cells


def _pass_over(text: IO[str]) -> None:
    """Read on to the end of a line."""
    while (part := text.readline(LONGEST_LINE)) and not part.endswith("\n"):
        pass


def _trouble(line: str) -> str | None:
    if "\0" in line:
        return tr("it has a NUL byte")
    try:
        line.isascii() or line.encode()
    except UnicodeEncodeError:
        return tr("it is not UTF-8")
    return None


def _cells(line: str, separator: str) -> list[str] | None:
    """None: its quotation marks do not fit."""
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        return None
