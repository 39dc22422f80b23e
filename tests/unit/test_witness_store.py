"""Asterisk's files: read, put away, compared with the journal, and the regular comparison with its result."""

from __future__ import annotations

import fcntl
import gzip
import os
import shutil
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog.testing
from msgspec import structs

from ari_app.domain.asterisk_log import Event
from ari_app.store import asterisk_log, hourly, witness
from ari_app.store.asterisk_log import CURRENT, Damaged, begins, events, put_away
from ari_app.store.errors import StoreError
from ari_app.store.hourly import HourlyWitness
from ari_app.store.journal import Journal
from ari_app.store.reader import JournalReader
from ari_app.store.witness import KEEP, RESULT, LastResult, Place, has_nothing_yet, last_result, reconcile, regular
from tests.unit.two_witnesses import DESKS, START, ZONE, Both, Played, Talk, both

LONG_AFTER = START + timedelta(days=400)
DAY_SECONDS = 86_400


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "witness").mkdir()
    return Place(tmp_path / "journal.sqlite3", tmp_path / "witness", tmp_path / "asterisk.pid", ZONE, DESKS)


def call(number: int, begin: float) -> Played:
    return Played(f"{int(START.timestamp() + begin)}.{number}", begin, begin + 60, (Talk("1001", begin + 5, 40),))


def write(place: Place, found: Both) -> None:
    tell(place, found)
    see(place, found.lines)


def tell(place: Place, found: Both) -> None:
    journal = Journal.open(place.journal, timezone="Asia/Jakarta")
    for fact in found.facts:
        journal.append(fact)
    assert journal.close()


def see(place: Place, lines: Sequence[str]) -> None:
    with (place.folder / CURRENT).open("a", encoding="utf-8") as file:
        file.writelines(f"{each}\n" for each in lines)


def all_events(place: Place) -> list[Event | Damaged]:
    return list(events(place.folder, since=START - timedelta(days=1), until=LONG_AFTER))


# ---- the files


def test_nothing_is_lost_when_files_are_put_away(place: Place) -> None:
    found = both([call(0, 0), call(1, 2 * DAY_SECONDS)])
    lines, half = found.lines, len(found.lines) // 2
    see(place, lines[:half])
    before = all_events(place)
    assert put_away(place.folder, START + timedelta(hours=23)) == []
    made = put_away(place.folder, START + timedelta(hours=25))
    assert [each.name for each in made] == ["asterisk-20250201T020000Z-0000.tsv"]
    assert all_events(place) == before
    see(place, lines[half:])
    whole = all_events(place)
    assert len(whole) == len(lines)
    assert put_away(place.folder, START + timedelta(hours=25, minutes=5)) == []  # somebody may still write into it
    made = put_away(place.folder, START + timedelta(hours=26))
    assert [each.name for each in made] == ["asterisk-20250201T020000Z-0000.tsv.gz"]
    assert sorted(each.name for each in place.folder.glob("asterisk*")) == [
        "asterisk-20250201T020000Z-0000.tsv.gz",
        CURRENT,
    ]
    assert all_events(place) == whole
    assert begins(place.folder) == START


def test_a_large_file_is_put_away_before_its_day(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    see(place, both([call(0, 0)]).lines)
    monkeypatch.setattr(asterisk_log, "LARGE", 500)
    assert len(put_away(place.folder, START)) == 1


def test_the_order_is_kept_when_the_clock_is_set_back(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asterisk_log, "LARGE", 1)
    whole = both([call(number, number * 60) for number in range(3)]).lines
    for number, now in enumerate((START, START - timedelta(hours=1), START - timedelta(hours=1))):
        see(place, whole[number::3])
        put_away(place.folder, now)
    put_away(place.folder, START + timedelta(hours=1))
    names = [f"asterisk-20250131T010000Z-000{number}.tsv.gz" for number in range(3)]
    assert sorted(each.name for each in place.folder.glob("asterisk*")) == names
    at = [each.at.timestamp() for each in all_events(place) if isinstance(each, Event)]
    assert at == [float(each.split("\t")[0]) for number in range(3) for each in whole[number::3]]


def test_cut_short_while_it_was_compressed(place: Place) -> None:
    """A crash behind the compressing leaves both files: the lines are there once."""
    see(place, both([call(0, 0)]).lines)
    (made,) = put_away(place.folder, START + timedelta(days=2))
    whole = all_events(place)
    made.with_name(f"{made.name}.gz").write_bytes(gzip.compress(made.read_bytes()))
    assert all_events(place) == whole
    put_away(place.folder, START + timedelta(days=2))
    assert not made.exists()
    assert all_events(place) == whole


def test_a_full_disk_keeps_the_file(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    see(place, both([call(0, 0)]).lines)
    put_away(place.folder, START + timedelta(days=2))
    whole = all_events(place)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        put_away(place.folder, START + timedelta(days=3))
    assert all_events(place) == whole
    assert not list(place.folder.glob(".*"))


def test_nothing_changes_its_name_while_somebody_reads(place: Place) -> None:
    see(place, both([call(0, 0)]).lines)
    reading = events(place.folder, since=START, until=LONG_AFTER)
    next(reading)
    assert put_away(place.folder, LONG_AFTER) == []
    assert len(list(reading)) == len(both([call(0, 0)]).lines) - 1
    assert len(put_away(place.folder, LONG_AFTER)) == 1


def test_damaged_lines_and_the_one_that_is_being_written(place: Place) -> None:
    see(place, ["\0\0\0", *both([call(0, 0)]).lines, "cut of"])
    with (place.folder / CURRENT).open("a", encoding="utf-8") as file:
        file.write("1738285200.1\tCHAN")
    found = all_events(place)
    assert [each for each in found if isinstance(each, Damaged)] == [Damaged(CURRENT, 1), Damaged(CURRENT, len(found))]


# ---- the comparison


def test_they_agree_over_many_days(place: Place) -> None:
    """Day by day, with files put away in the midst of calls, and calls that live over midnight."""
    found = both([call(number, number * 20_000.0) for number in range(30)])
    tell(place, found)
    for number, each in enumerate(found.lines):
        see(place, [each])
        if number % 37 == 0:
            put_away(place.folder, datetime.fromtimestamp(float(each.split("\t")[0]) + 0.5, UTC))
    result = reconcile(place, LONG_AFTER)
    assert (result.report.calls, result.report.differences) == (30, [])
    assert result.since == START


def test_one_line_less_in_the_journal_is_found_in_any_day(place: Place) -> None:
    found = both([call(number, number * 20_000.0) for number in range(30)])
    gone = [fact for fact in found.facts if fact.action == "call.ended"][17]
    found.facts.remove(gone)
    write(place, found)
    differences = reconcile(place, LONG_AFTER).report.differences
    assert [(each.call, each.kind) for each in differences] == [(gone.call, "no_end_in_journal")]
    day = reconcile(place, LONG_AFTER, since=differences[0].at - timedelta(hours=1), until=differences[0].at)
    assert day.report.differences == differences
    assert reconcile(place, LONG_AFTER, until=differences[0].at - timedelta(hours=1)).report.differences == []


def test_asterisk_died_and_nobody_has_called_since(place: Place) -> None:
    """That another Asterisk runs now is seen by the file that it makes when it starts."""
    found = both([replace(call(0, 0), died=True)])
    ended = structs.replace(found.facts[-1], data={"outcome": "answered", "by": "caller", "cause": 0})
    write(place, Both(found.lines, [*found.facts[:-1], ended]))
    assert [each.kind for each in reconcile(place, LONG_AFTER).report.differences] == ["no_end_in_asterisk"]
    place.pid_file.touch()
    assert reconcile(place, LONG_AFTER).report.differences == []


def test_a_call_longer_than_a_day_is_read_to_its_end(place: Place) -> None:
    long = Played("1738285200.0", 0, 20 * 3600, (Talk("1001", 5, 20 * 3600 - 10),))
    write(place, both([long]))
    assert reconcile(place, LONG_AFTER, until=START + timedelta(hours=1)).report.differences == []


def test_calls_from_before_asterisks_records_are_not_judged(place: Place) -> None:
    found = both([call(0, 0), call(1, 600)])
    tell(place, found)
    see(place, [each for each in found.lines if ".1" in each.split("\t")[2]])
    result = reconcile(place, LONG_AFTER)
    assert (result.report.calls, result.report.differences) == (1, [])


def test_damaged_lines_are_named(place: Place) -> None:
    write(place, both([call(0, 0)]))
    see(place, ["?"])
    (only,) = reconcile(place, LONG_AFTER).report.differences
    assert (only.kind, only.call) == ("damaged_line", None)
    assert only.text.endswith(f"of Asterisk's file {CURRENT} cannot be read")


def test_no_records_of_asterisk(place: Place) -> None:
    tell(place, both([call(0, 0)]))
    with pytest.raises(StoreError, match="Asterisk has written down nothing"):
        reconcile(place, LONG_AFTER)
    shutil.rmtree(place.folder)
    with pytest.raises(StoreError, match="Asterisk has written down nothing"):
        reconcile(place, LONG_AFTER)


def test_nobody_has_called_yet(place: Place) -> None:
    """A new installation is no trouble; one whose calls Asterisk knows nothing of is."""
    tell(place, both([]))
    assert has_nothing_yet(place)
    tell(place, both([call(0, 0)]))
    assert not has_nothing_yet(place)


def test_no_journal(place: Place) -> None:
    see(place, both([call(0, 0)]).lines)
    with pytest.raises(StoreError, match="there is no journal"):
        reconcile(place, LONG_AFTER)


# ---- once an hour


def test_the_result_is_kept(place: Place) -> None:
    write(place, both([call(0, 0)]))
    assert last_result(place.folder) is None
    found = regular(place, START + timedelta(hours=1))
    assert last_result(place.folder) == found
    assert (found.calls, found.differences, found.begins) == (1, (), START)
    assert found.sentence == "journal and Asterisk agree in 1 call, compared at 2025-01-31 09:00"
    assert (place.folder / RESULT).stat().st_mode & 0o077 == 0


def test_a_difference_is_shown_for_a_week(place: Place) -> None:
    found = both([call(0, 0)])
    found.facts.pop()
    write(place, found)
    first = regular(place, START + timedelta(hours=1))
    assert [each.kind for each in first.differences] == ["no_end_in_journal"]
    assert first.sentence.startswith("1 difference in the last 7 days, the first: 1738285200.0: it ended at")
    for hours in (2, 9, 20, 100, 167):
        assert regular(place, START + timedelta(hours=hours)).differences == first.differences
    assert regular(place, START + KEEP + timedelta(hours=1)).differences == ()


def test_a_difference_that_is_settled_goes_away(place: Place) -> None:
    """The application was away for long: what it tells afterwards is in time for the next comparison."""
    found = both([call(0, 0)])
    write(place, Both(found.lines, found.facts[:-1]))
    assert regular(place, START + timedelta(hours=1)).differences
    tell(place, Both([], found.facts[-1:]))
    assert regular(place, START + timedelta(hours=2)).differences == ()


def test_records_of_asterisk_that_vanish_are_noticed(place: Place) -> None:
    write(place, both([call(0, 0)]))
    regular(place, START + timedelta(hours=1))
    later = both([call(1, 5000)])
    tell(place, later)
    (place.folder / CURRENT).unlink()
    assert {each.kind for each in regular(place, START + timedelta(hours=2)).differences} == {"not_in_asterisk"}


def test_why_nothing_was_compared(place: Place) -> None:
    found = regular(place, START)
    assert found.trouble is not None
    assert found.sentence == f"not compared at 2025-01-31 08:00: {found.trouble}"
    write(place, both([call(0, 0)]))
    assert regular(place, START + timedelta(hours=1)).trouble is None


def test_trouble_keeps_the_differences(place: Place) -> None:
    found = both([call(0, 0)])
    write(place, Both(found.lines, found.facts[:-1]))
    first = regular(place, START + timedelta(hours=1))
    place.journal.rename(place.journal.with_name("away"))
    second = regular(place, START + timedelta(hours=2))
    assert second.trouble is not None
    assert second.differences == first.differences


def test_a_damaged_result_is_made_anew(place: Place) -> None:
    write(place, both([call(0, 0)]))
    (place.folder / RESULT).write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        last_result(place.folder)
    assert regular(place, START + timedelta(hours=1)).calls == 1


class Clock:
    """Tells when it was asked for the second time: a comparison has begun."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def run_once(place: Place, monkeypatch: pytest.MonkeyPatch, now: datetime) -> list[str]:
    """Let the hourly comparison run once; what it logged."""
    done = threading.Event()

    def put_away_and_tell(folder: Path, at: datetime) -> list[Path]:
        made = put_away(folder, at)
        done.set()
        return made

    monkeypatch.setattr(hourly, "START_SECONDS", 0.0)
    monkeypatch.setattr(hourly, "put_away", put_away_and_tell)
    with structlog.testing.capture_logs() as logs:
        running = HourlyWitness(place, Clock(now))
        assert done.wait(10)
        running.close()
    return [each["event"] for each in logs]


def test_the_hourly_comparison(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    found = both([call(0, 0)])
    write(place, Both(found.lines, found.facts[:-1]))
    now = START + timedelta(days=2)
    assert run_once(place, monkeypatch, now) == ["witness.difference", "witness.compared"]
    assert len(list(place.folder.glob("asterisk-*"))) == 1
    # Said once; the result has it on.
    assert run_once(place, monkeypatch, now + timedelta(hours=1)) == ["witness.compared"]
    result = last_result(place.folder)
    assert result is not None
    assert len(result.differences) == 1


def test_it_is_due_an_hour_after_the_last_one(place: Place) -> None:
    write(place, both([call(0, 0)]))
    regular(place, START)
    running = HourlyWitness(place, Clock(START + timedelta(minutes=20)))
    assert running._first_pause() == 40 * 60
    running._now = Clock(START + timedelta(hours=3))
    assert running._first_pause() == hourly.START_SECONDS
    running._now = Clock(START - timedelta(hours=3))  # the clock was set
    assert running._first_pause() == hourly.HOUR_SECONDS
    running.close()


def test_the_lock_is_let_go(place: Place) -> None:
    see(place, both([call(0, 0)]).lines)
    all_events(place)
    with (place.folder / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_result_reads_as_it_was_written() -> None:
    assert LastResult(START).sentence == "journal and Asterisk agree in 0 calls, compared at 2025-01-31 01:00"


def test_where_a_moment_lies_in_the_journal(place: Place) -> None:
    found = both([call(number, number * 600.0) for number in range(40)])
    tell(place, found)
    with JournalReader(place.journal) as reader:
        records = reader.records()
        for record in records[::7]:
            at = datetime.fromisoformat(record.at)
            earlier = [each.seq for each in records if datetime.fromisoformat(each.at) < at]
            assert witness._before(reader, at) == max(earlier, default=0)
        assert witness._before(reader, LONG_AFTER) == records[-1].seq
