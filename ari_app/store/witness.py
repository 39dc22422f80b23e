"""The journal held against what Asterisk wrote down itself (``domain.witness``), and what came of it the last time."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import takewhile
from pathlib import Path
from typing import Final

import msgspec

from ari_app.domain.asterisk_log import Event, fold
from ari_app.domain.facts import Record
from ari_app.domain.witness import LONGEST, SETTLED, Difference, Report, Span, compare, told
from ari_app.store import asterisk_log
from ari_app.store.asterisk_log import CLOCK, WHOLE_DAY, Damaged
from ari_app.store.errors import JournalError, StoreError
from ari_app.store.reader import PAGE, JournalReader

RESULT: Final = "result.json"
LOOK_BACK: Final = LONGEST + timedelta(hours=2)
"""So far back a regular comparison goes: by then every call has an end, or is named for having none."""

KEEP: Final = timedelta(days=7)
"""So long a difference is shown that a regular comparison has found."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where both are kept: the journal, the folder of Asterisk's files; and the site's time zone and desks.

    ``pid_file`` is what Asterisk makes anew whenever it starts.
    """

    journal: Path
    folder: Path
    pid_file: Path
    zone: tzinfo
    desks: Collection[str]


@dataclass(slots=True)
class Result:
    """What was found in the calls that began from ``since`` on and before ``until``."""

    since: datetime
    until: datetime
    report: Report = field(default_factory=Report)


@dataclass(frozen=True, slots=True)
class LastResult:
    """What came of the last regular comparison, ``at`` when; ``trouble``: why there was none, in one sentence.

    ``until`` is how far calls have been compared at all. ``differences`` are those of the last seven days.
    """

    at: datetime
    begins: datetime | None = None
    until: datetime | None = None
    calls: int = 0
    living: int = 0
    recent: int = 0
    differences: tuple[Difference, ...] = ()
    trouble: str | None = None

    @property
    def sentence(self) -> str:
        """What to say of it."""
        when = f"{self.at:%Y-%m-%d %H:%M}"
        if self.trouble is not None:
            return f"not compared at {when}: {self.trouble}"
        if self.differences:
            first = self.differences[0]
            many = _counted(len(self.differences), "difference")
            return f"{many} in the last {KEEP.days} days, the first: {first.call or 'no call'}: {first.text}"
        return f"journal and Asterisk agree in {_counted(self.calls, 'call')}, compared at {when}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def reconcile(  # noqa: PLR0913 - named, and each a thing of its own
    place: Place,
    now: datetime,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    begins: datetime | None = None,
    settled: timedelta = SETTLED,
) -> Result:
    """Compare all calls that began from ``since`` on and before ``until``; without them, all that can be.

    ``begins`` is when Asterisk's records are known to begin; without it, as far as they are there. It reads day by day,
    so that a year takes no more memory than a busy day.

    Raises:
        StoreError: there are no records of Asterisk, or the journal or they cannot be read.
    """
    try:
        if begins is None:
            begins = asterisk_log.begins(place.folder) if place.folder.is_dir() else None
        if begins is None:
            raise StoreError(f"Asterisk has written down nothing in {place.folder} yet")
        result = Result(max(since or begins, begins), min(until or now, now))
        with JournalReader(place.journal) as reader:
            start = result.since
            while start < result.until:
                stop = min(start + WHOLE_DAY, result.until)
                _add(result.report, _compare(place, reader, Span(start, stop, now, place.zone, settled)))
                start = stop
    except OSError as error:
        raise StoreError(f"what Asterisk wrote down cannot be read: {error}") from error
    except ValueError as error:
        raise JournalError(f"{place.journal} is damaged ({error}): see `siaga journal verify`") from error
    return result


def _add(whole: Report, part: Report) -> None:
    whole.calls += part.calls
    whole.living += part.living
    whole.recent += part.recent
    whole.differences += part.differences


def _compare(place: Place, reader: JournalReader, span: Span) -> Report:
    sound = _Sound(span.since)
    events = asterisk_log.events(place.folder, since=span.since, until=span.until + WHOLE_DAY)
    asterisk = fold(sound.only(events), _started(place.pid_file))
    journal = told(_records(reader, span.since - CLOCK, span.until + LONGEST + CLOCK))
    report = compare(journal, asterisk, span, place.desks)
    if report.differences:
        for call in {each.call for each in report.differences if each.call is not None}:
            journal.update(told(_story(reader, call)))  # a part of it may lie outside of what was read
        report = compare(journal, asterisk, span, place.desks)
    report.differences += [_unreadable(line, at, span) for line, at in sound.damaged if span.has(at)]
    return report


def _started(pid_file: Path) -> datetime | None:
    """When the Asterisk that runs was started; None: not known."""
    try:
        return datetime.fromtimestamp(pid_file.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


class _Sound:
    """Sorts out the lines that cannot be read, each with the moment of the line before it."""

    def __init__(self, first: datetime) -> None:
        """``first`` is the moment of those that have none before them."""
        self.damaged: list[tuple[Damaged, datetime]] = []
        self._last = first

    def only(self, found: Iterator[Event | Damaged]) -> Iterator[Event]:
        for each in found:
            if isinstance(each, Damaged):
                self.damaged.append((each, self._last))
            else:
                self._last = each.at
                yield each


def _story(reader: JournalReader, call: str) -> Iterator[Record]:
    after = 0
    while records := reader.records(after=after, call=call):
        yield from records
        after = records[-1].seq


def _unreadable(line: Damaged, at: datetime, span: Span) -> Difference:
    text = f"line {line.number} of Asterisk's file {line.file} cannot be read"
    return Difference(at.astimezone(span.zone), None, "damaged_line", text)


# ---- the journal from a moment to another -------------------------------------------------------


def _records(reader: JournalReader, since: datetime, until: datetime) -> Iterator[Record]:
    """The records of calls between two moments, about: a clock that was set may add some or leave some out."""
    after, last = _before(reader, since), _before(reader, until)
    while records := reader.records(after=after, limit=PAGE):
        yield from takewhile(lambda record: record.seq <= last, records)
        after = records[-1].seq
        if after >= last:
            return


def _before(reader: JournalReader, moment: datetime) -> int:
    """The number of the last line from before a moment."""
    low, high = 0, reader.head().seq
    while low < high:
        middle = (low + high + 1) // 2
        rows = reader.rows(after=middle - 1, limit=1)
        if rows and datetime.fromisoformat(rows[0][1]) < moment:
            low = rows[0][0]
        else:
            high = middle - 1
    return low


# ---- the regular comparison ---------------------------------------------------------------------


def has_nothing_yet(place: Place) -> bool:
    """Whether nobody has called since this installation was made: Asterisk's file begins with the first call.

    Raises:
        StoreError, OSError: it cannot be read.
    """
    if place.folder.is_dir() and asterisk_log.begins(place.folder) is not None:
        return False
    with JournalReader(place.journal) as reader:
        return not reader.rows(after=0, limit=1, actions=["call.received"])


def regular(place: Place, now: datetime) -> LastResult:
    """Compare what is new since the last time, keep the result for ``last_result``, and return it.

    Raises:
        StoreError: the result cannot be kept.
    """
    before: LastResult | None = None
    with suppress(StoreError):  # a result that cannot be read is made anew, from all that is there
        before = last_result(place.folder)
    at = now.astimezone(place.zone)
    try:
        found = _go_on(place, at, before)
    except StoreError as error:
        found = replace(before, at=at, trouble=str(error)) if before else LastResult(at, trouble=str(error))
    _keep(place.folder / RESULT, found)
    return found


def _go_on(place: Place, now: datetime, before: LastResult | None) -> LastResult:
    begins, known = (before.begins, before.until) if before is not None else (None, None)
    since = known - LOOK_BACK if known is not None else None
    result = reconcile(place, now, since=since, begins=begins)
    kept = [] if before is None else [each for each in before.differences if now - KEEP <= each.at < result.since]
    report = result.report
    return LastResult(
        now,
        begins or result.since,
        result.until,
        report.calls,
        report.living,
        report.recent,
        (*kept, *report.differences),
    )


def last_result(folder: Path) -> LastResult | None:
    """What came of the last regular comparison; None: there was none yet. ``folder`` is the state directory's.

    Raises:
        StoreError: it cannot be read.
    """
    path = folder / RESULT
    try:
        return msgspec.json.decode(path.read_bytes(), type=LastResult)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def _keep(path: Path, result: LastResult) -> None:
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))
        fresh.chmod(0o600)
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
