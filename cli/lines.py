"""The journal's lines as they are shown and exported: also damaged ones, which must not hide the others."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec

from ari_app.store.chain import Row, body, line
from ari_app.store.reader import JournalReader
from cli.output import pairs, print_bytes, print_line

_POLL_SECONDS: Final = 0.2


@dataclass(frozen=True)
class Line:
    """A line of the journal."""

    row: Row

    @property
    def seq(self) -> int:
        """Its number."""
        return self.row[0]

    @property
    def day(self) -> str:
        """The date, ``2025-01-31``."""
        return str(self.row[1])[:10]

    @cached_property
    def data(self) -> object:
        """What the fact says of itself; a text when it is damaged."""
        try:
            return msgspec.json.decode(self.row[5])
        except (msgspec.DecodeError, TypeError):
            return str(self.row[5])

    def text(self) -> str:
        """The line for people, without the date."""
        seq, at, actor, action, call, _, _ = self.row
        words = f"{seq:>6} {str(at)[11:23]} {action:<19} {actor:<11} {call or '-'} {pairs(self.data)}"
        return words.rstrip()

    def exported(self) -> bytes:
        """The line of JSON that is exported; the data of a whole line go byte for byte, as they are hashed."""
        seq, at, actor, action, call, data, hash_ = self.row
        whole = str(data).encode() if not isinstance(self.data, str) else msgspec.json.encode(self.data)
        return line(body(seq, at, actor, action, call, whole), str(hash_))


class Shower:
    """Prints lines: as JSON, or for people, with a heading for each day."""

    def __init__(self, *, as_json: bool) -> None:
        """Nothing has been printed yet."""
        self._as_json = as_json
        self._day = ""

    def show(self, line: Line) -> None:
        """Print one line."""
        if self._as_json:
            print_bytes(line.exported())
            return
        if line.day != self._day:
            self._day = line.day
            print_line(f"--- {line.day}")
        print_line(line.text())


def lines(reader: JournalReader, *, after: int, until: int, call: str | None = None) -> Iterator[Line]:
    """The lines behind number ``after``, up to number ``until``, oldest first.

    Raises:
        JournalError: they cannot be read.
    """
    while rows := reader.rows(after=after, call=call):
        for row in rows:
            if row[0] > until:
                return
            yield Line(row)
        after = rows[-1][0]


def last_lines(reader: JournalReader, number: int, *, until: int, call: str | None) -> Iterator[Line]:
    """The last ``number`` lines up to number ``until``, oldest first.

    Raises:
        JournalError: they cannot be read.
    """
    if call is None:
        return lines(reader, after=max(0, until - number), until=until)
    return iter(deque(lines(reader, after=0, until=until, call=call), maxlen=number))


def follow(journal: Path, after: int, call: str | None) -> Iterator[list[Line]]:
    """The lines behind number ``after`` as they come, for ever; with a new journal in its place, all of those.

    Raises:
        JournalError: they cannot be read.
    """
    while True:
        if journal.exists():
            with JournalReader(journal) as reader:
                begun = _identity(journal)
                while begun == _identity(journal):
                    if rows := reader.rows(after=after, call=call):
                        after = rows[-1][0]
                        yield [Line(row) for row in rows]
                    else:
                        time.sleep(_POLL_SECONDS)
            after = 0
        time.sleep(_POLL_SECONDS)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file lies there; None: none."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_dev, stat.st_ino
