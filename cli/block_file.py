"""The block list as a CSV file: read for ``siaga block import``, written by ``siaga block export``."""

from __future__ import annotations

import codecs
import csv
import os
import stat
import sys
from bisect import bisect_right
from codecs import StreamWriter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from operator import itemgetter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, TypeAlias

import msgspec

from ari_app.domain.blocklist import BlockRefused, blockable
from ari_app.domain.facts import Json
from ari_app.site.rules import number_rules
from cli.asking import order_each
from cli.csv_lines import csv_lines, open_csv
from cli.errors import Refused
from cli.files import whole_file
from cli.language import localised, tr
from cli.main import say
from cli.options import STANDARD
from cli.output import counted, plain, print_json, print_line

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ari_app.domain.blocklist import NumberRules
    from ari_app.site.settings import Settings
    from ari_app.site.state import StateDir

CHUNK: Final = 1000
"""Numbers in one request at most."""

CHUNK_BYTES: Final = 60_000
"""Of a request at most; the application takes a little more."""

_Line: TypeAlias = tuple[int, str, str | None]
"""A line's number in the file, and the telephone number and note that it has."""

_NUMBER_NAMES: Final = ("number", "nomor")
_NOTE_NAMES: Final = ("note", "catatan", "keterangan", "ket")
"""What a file's first line may call the columns that are read, in small letters."""

COLUMNS: Final = ("number", "since", "by", "reason", "note")

_OBEYED: Final = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet carries out a cell that begins so."""


class _Import:
    """A file on its way in: what of it goes where, and what became of it.

    The numbers go out as they were entered: who carries it out says which are none, and which are blocked already.
    """

    def __init__(self, rules: NumberRules, *, dry_run: bool, as_json: bool) -> None:
        self.blocked = self.unchanged = self.bad = 0
        self._rules = rules
        self._dry_run, self._as_json = dry_run, as_json
        self._shown: set[str] = set()
        self._sent: dict[int, list[_Line]] = {}
        self._finished: dict[int, int] = {}
        self._next = self._last = 0
        self._refused: list[tuple[int, str]] = []

    def requests(self, lines: Iterator[_Line]) -> Iterator[dict[str, Json]]:
        """The arguments of one command after the other."""
        numbers: list[Json] = []
        sent: list[_Line] = []
        size = made = 0
        for line in lines:
            item: list[Json] = [line[1], line[2] or None]
            more = len(msgspec.json.encode(item)) + 1
            if len(numbers) == CHUNK or size + more > CHUNK_BYTES:
                self._sent[made] = sent
                yield {"numbers": numbers, "dry_run": self._dry_run}
                numbers, sent, size, made = [], [], 0, made + 1
            numbers.append(item)
            sent.append(line)
            size += more
        if numbers:
            self._sent[made] = sent
            yield {"numbers": numbers, "dry_run": self._dry_run}

    def done(self, index: int, result: Json) -> None:
        """A command's result."""
        sent = self._sent.pop(index)
        found = result if isinstance(result, dict) else {}
        changed, refused = found.get("changed"), found.get("refused")
        for place in changed if isinstance(changed, list) else ():
            self._changed(*sent[int(str(place))])
        for each in refused if isinstance(refused, list) else ():
            if isinstance(each, list):
                self.refuse(sent[int(str(each[0]))][0], str(each[1]))
        self.unchanged += int(str(found.get("unchanged", 0)))
        self.report(sent[-1][0])
        self._finished[index] = sent[-1][0]
        while self._next in self._finished:  # some are under way at once
            self._last = self._finished.pop(self._next)
            self._next += 1

    def _changed(self, line: int, entered: str, _note: str | None) -> None:
        if self._dry_run:  # so nothing was, and a number that comes again later is the same to who carries it out
            with suppress(BlockRefused):  # an application that runs may do so by rules from before
                entered = blockable(entered, self._rules)
            if entered in self._shown:
                self.unchanged += 1
                return
            self._shown.add(entered)
            if not self._as_json:
                print_line(tr("line {line}: {number} would be blocked", line=line, number=entered))
        self.blocked += 1

    def refuse(self, line: int, reason: str) -> None:
        """Take note that a line cannot be used."""
        self.bad += 1
        self._refused.append((line, reason))

    def report(self, last: int | None = None) -> None:
        """Say which lines could not be used, up to the last that this is known of; None: of all."""
        self._refused.sort()
        count = len(self._refused) if last is None else bisect_right(self._refused, last, key=itemgetter(0))
        for line, reason in self._refused[:count]:
            say(tr("line {line}: {reason}", line=line, reason=plain(localised(reason))))
        del self._refused[:count]

    def summarise(self, *, is_whole: bool) -> None:
        """Print what became of the file; not ``is_whole``: it came to an end before its last line."""
        if self._as_json:
            counts = {"blocked": self.blocked, "unchanged": self.unchanged, "bad": self.bad}
            print_json({"dry_run": self._dry_run, **counts, "stopped_at": None if is_whole else self._last})
        else:
            print_line(self._summary(is_whole=is_whole))

    def _summary(self, *, is_whole: bool) -> str:
        left = tr(
            "{number} blocked already or there twice, {bad}", number=self.unchanged, bad=counted(self.bad, "bad line")
        )
        numbers = counted(self.blocked, "number")
        if self._dry_run:
            text = tr("{numbers} would be blocked, {left}", numbers=numbers, left=left)
        elif self.blocked == 1:
            text = tr("{numbers} is blocked, {left}", numbers=numbers, left=left)
        else:
            text = tr("{numbers} are blocked, {left}", numbers=numbers, left=left)
        if is_whole:
            return f"{text}."
        reached = tr("line {line} was the last", line=self._last) if self._last else tr("no line was reached")
        return tr("{text}, and then it stopped: {where}. Import the file again for the rest.", text=text, where=reached)


def import_from(file: Path, place: StateDir, settings: Settings, *, dry_run: bool, as_json: bool) -> bool:
    """Have all numbers of a file blocked; whether every line was good. What became of it is printed.

    Raises:
        Refused: the file cannot be read, or nobody carries it out.
    """
    taken = _Import(number_rules(settings), dry_run=dry_run, as_json=as_json)
    with _reading(file):
        text = open_csv(file)
    with text, _progress(text) as advance:
        lines = _advancing(_lines(_cells(file, text, taken.refuse)), advance)
        is_whole = False
        try:
            order_each(place, settings, "block.import", taken.requests(lines), taken.done)
            is_whole = True
        finally:
            taken.report()
            taken.summarise(is_whole=is_whole)
    return not taken.bad


@contextmanager
def _reading(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Refused(tr("{file} cannot be read: {reason}", file=plain(str(file)), reason=error.strerror)) from None


def _cells(file: Path, text: IO[str], refuse: Callable[[int, str], None]) -> Iterator[tuple[int, list[str]]]:
    with _reading(file):
        yield from csv_lines(text, refuse)


def _lines(cells_of: Iterator[tuple[int, list[str]]]) -> Iterator[_Line]:
    """Each line's number, telephone number and note; the first line may name the columns."""
    number, note, is_first = 0, 1, True
    for line, cells in cells_of:
        if is_first:
            is_first = False
            names = [cell.strip().lower() for cell in cells]
            found = _place(names, _NUMBER_NAMES)
            if found is not None:
                place = _place(names, _NOTE_NAMES)
                number, note = found, len(names) if place is None else place
                continue
        given = cells[number] if number < len(cells) else ""
        if given or any(map(str.strip, cells)):
            yield line, given, _without_quote(cells[note]) if note < len(cells) else None


def _place(names: list[str], wanted: Iterable[str]) -> int | None:
    """Where the first of these names stands; None: nowhere."""
    return next((names.index(name) for name in wanted if name in names), None)


def _advancing(lines: Iterator[_Line], advance: Callable[[], None]) -> Iterator[_Line]:
    for count, line in enumerate(lines):
        if count % CHUNK == 0:
            advance()
        yield line


@contextmanager
def _progress(text: IO[str]) -> Iterator[Callable[[], None]]:
    """A bar on the terminal that shows how far the file has been read; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415 - needed for a person only
    from rich.progress import Progress  # noqa: PLC0415

    descriptor = text.fileno()
    is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)  # how much will come out of a pipe nobody knows
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(tr("Importing"), total=os.fstat(descriptor).st_size if is_file else None)
        yield lambda: bar.update(task, completed=os.lseek(descriptor, 0, os.SEEK_CUR) if is_file else None)


def export_to(file: Path | None, place: StateDir, engine: Engine | None, *, since_ms: int) -> None:
    """Write all numbers that were blocked after this moment (ms since 1970) and still are, by number.

    A file is there as a whole or stays as it was. A device or a pipe is written to.

    Raises:
        Refused: it cannot be written, or is below the state directory.
        DatabaseError: the tables cannot be read.
    """
    if file is None or file == STANDARD:
        _write(sys.stdout, engine, since_ms)
        return
    with whole_file(place, file) as raw:
        _write(codecs.getwriter("utf-8")(raw), engine, since_ms)


def _write(text: IO[str] | StreamWriter, engine: Engine | None, since_ms: int) -> None:
    from ari_app.store.queries import all_blocked  # noqa: PLC0415 - an import needs no tables

    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in all_blocked(engine, since_ms=since_ms) if engine is not None else ():
        writer.writerow((row.number, row.blocked_at, row.blocked_by, row.reason, _with_quote(row.note)))


def _with_quote(note: str | None) -> str | None:
    """A note for a spreadsheet, to which ' says that it is text; so ``_without_quote`` has every note again."""
    return f"'{note}" if note is not None and _would_be_obeyed(note) else note


def _without_quote(note: str) -> str:
    return note[1:] if note.startswith("'") and _would_be_obeyed(note) else note


def _would_be_obeyed(note: str) -> bool:
    """Also one that has a quote of its own before it, which must not be taken for ours when it comes back."""
    return note.lstrip("'").startswith(_OBEYED)
