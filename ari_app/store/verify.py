"""Checking the journal, or an exported file of it: is every line there, unchanged, in its place?

The lines are streamed; only what does not fit is remembered. Somebody who can write the file could compute
the whole chain anew: compare the last line's hash with one that was noted elsewhere (docs/journal.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from ari_app.store.chain import GENESIS, body, link, parse_line
from ari_app.store.errors import JournalError
from ari_app.store.journal_file import Head
from ari_app.store.reader import PAGE, JournalReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ari_app.store.chain import Row

MOST_PROBLEMS: Final = 100
"""Problems that are described; the others are counted."""

_REORDER_WINDOW: Final = 200
"""Among so many broken lines it is tried whether they only changed places."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. ``seq`` is the line's number (0: the file as a whole)."""

    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found. ``first`` and ``last`` are the numbers of the first and last line that are there."""

    records: int
    first: int
    last: int
    hash: str
    problems: tuple[Problem, ...] = ()
    more: int = 0
    """Problems beyond those that are described."""

    @property
    def ok(self) -> bool:
        """Nothing is wrong."""
        return not self.problems


@dataclass(slots=True)
class _Line:
    """A line with the number that its content says, its hash, and the part that is hashed."""

    seq: int
    hash: str
    row: Row

    def follows(self, before: str, seq: int | None = None) -> bool:
        """Whether it is the line after the one with hash ``before`` (as if it had the number ``seq``)."""
        _, at, actor, action, call, data, hash_ = self.row
        number = self.seq if seq is None else seq
        return link(before, body(number, at, actor, action, call, str(data).encode())) == hash_


@dataclass(slots=True)
class _Check:
    """Goes through the lines in the order in which they are found."""

    next: int = 1
    """The number that the next line should have."""
    before: str | None = GENESIS
    """The hash of the line with the number before that; None: not known."""
    records: int = 0
    first: int = 0
    problems: list[Problem] = field(default_factory=list)
    more: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    hashes: dict[int, str] = field(default_factory=dict)
    """Hashes of lines beside a gap and of lines out of place."""
    late: list[_Line] = field(default_factory=list)
    """Lines whose predecessor has not been seen yet."""
    broken: list[_Line] = field(default_factory=list)
    broken_before: str | None = None

    def add(self, problem: Problem) -> None:
        """Note a problem."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.more += 1

    def line(self, line: _Line) -> None:
        """Look at the next line of the file."""
        self.records += 1
        self.first = self.first or line.seq
        if line.seq == self.next:
            self._in_place(line)
        elif line.seq > self.next:
            self._after_gap(line)
        else:
            self._out_of_place(line)

    def _in_place(self, line: _Line) -> None:
        if self.before is not None and not line.follows(self.before):
            self._broken(line)
        elif self.broken:
            self._settle()
        self.before, self.next = line.hash, line.seq + 1

    def _broken(self, line: _Line) -> None:
        if not self.broken:
            self.broken_before = self.before
        self.broken.append(line)
        if len(self.broken) >= _REORDER_WINDOW:
            self._settle()

    def _settle(self) -> None:
        """Say what is wrong with a run of broken lines: some may only have changed places."""
        lines, self.broken = self.broken, []
        left = {line.seq: line for line in lines}
        before, at_home = self.broken_before, set[int]()
        for seq in sorted(left):
            match = next((each for each in left.values() if before and each.follows(before, seq)), None)
            if match is None:
                before = left[seq].hash  # changed: take it as it stands and look at those behind it
                continue
            at_home.add(match.seq)
            if match.seq != seq:
                self.add(Problem(match.seq, f"out of order: this is line {seq}"))
            before = match.hash
        for line in lines:
            if line.seq not in at_home:
                self.add(Problem(line.seq, "changed: it, or the line before it, is not what was written"))

    def _after_gap(self, line: _Line) -> None:
        if self.broken:
            self._settle()
        if self.before is not None:
            self.hashes[self.next - 1] = self.before
        self.gaps.append((self.next, line.seq - 1))
        self.late.append(line)
        self.hashes[line.seq] = line.hash
        self.before, self.next = line.hash, line.seq + 1

    def _out_of_place(self, line: _Line) -> None:
        gap = next((each for each in self.gaps if each[0] <= line.seq <= each[1]), None)
        if gap is None:
            self.add(Problem(line.seq, "there twice"))
            return
        self.add(Problem(line.seq, f"out of order: it comes after line {self.next - 1}"))
        self.gaps.remove(gap)
        rest = [(gap[0], line.seq - 1), (line.seq + 1, gap[1])]
        self.gaps += [each for each in rest if each[0] <= each[1]]
        self.hashes[line.seq] = line.hash
        self.late.append(line)

    def end(self, last: int | None) -> Verification:
        """All lines have been looked at; the last one should have been ``last`` (None: not known)."""
        if self.broken:
            self._settle()
        for line in self.late:
            before = self.hashes.get(line.seq - 1)
            if before is not None and not line.follows(before):
                self.add(Problem(line.seq, "changed: it, or the line before it, is not what was written"))
        if last is not None and self.next <= last:
            self.gaps.append((self.next, last))
        for start, end in sorted(self.gaps):
            what = "missing" if start == end else f"missing, and all up to {end}"
            self.add(Problem(start, what))
        problems = tuple(sorted(self.problems, key=lambda problem: problem.seq))
        return Verification(
            self.records, self.first, self.next - 1 if self.records else 0, self.before or "", problems, self.more
        )


def verify(path: Path, *, last: int | None = None) -> Verification:
    """Check the journal, or only its ``last`` so many lines, against its chain and its head.

    Raises:
        JournalError: there is none, or it cannot be read at all.
    """
    with JournalReader(path) as reader:
        head = reader.head()
        check = _Check()
        if last is not None and head.seq > last:
            check = _from(reader, head.seq - last)
        for row in _rows(reader, check.next - 1):
            check.line(_Line(row[0], str(row[6]), row))
        # The writer may have gone on meanwhile: lines behind the head that was read first are no fault.
        now = reader.head()
    found = check.end(now.seq)
    wrong = _head_problem(found, now)
    if wrong is None or not found.ok:
        return found
    return Verification(found.records, found.first, found.last, found.hash, (wrong,))


def _from(reader: JournalReader, seq: int) -> _Check:
    """A check that begins behind line ``seq`` and takes that line's hash as it stands."""
    rows = reader.rows(after=seq - 1, limit=1)
    known = str(rows[0][6]) if rows and rows[0][0] == seq else None
    return _Check(next=seq + 1, before=known)


def _head_problem(found: Verification, head: Head) -> Problem | None:
    if found.last > head.seq:
        return Problem(head.seq + 1, "not written by the journal: the head ends before it")
    if found.last == head.seq and found.records and found.hash != head.hash:
        return Problem(head.seq, "changed: it does not have the hash that the head names")
    return None


def _rows(reader: JournalReader, after: int) -> Iterator[Row]:
    while rows := reader.rows(after=after, limit=PAGE):
        yield from rows
        after = rows[-1][0]


def verify_export(lines: Iterable[bytes], *, since: int = 1, until: int | None = None) -> Verification:
    """Check an exported file, given as its lines.

    ``since`` and ``until`` are the numbers of the first and last line that it should have. A tail that
    was cut off can only be noticed with ``until``.

    Raises:
        JournalError: a line is not one of a journal.
    """
    check = _Check(next=since, before=GENESIS if since == 1 else None)
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            row = parse_line(text)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            msg = f"line {number} of the file is not a line of a journal: {error}"
            raise JournalError(msg) from error
        check.line(_Line(row[0], row[6], row))
    return check.end(until)
