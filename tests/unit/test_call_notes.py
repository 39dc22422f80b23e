"""The dialplan's notes: told to the journal exactly once, with complaints and recordings."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ari_app.domain.complaints import ticket
from ari_app.domain.facts import Fact, Json, Record
from ari_app.domain.notes import with_recording
from ari_app.flows.complaints import Complaints, Tickets
from ari_app.store import notes as store_notes
from ari_app.store.journal import Journal, JournalReader, read, verify
from ari_app.store.notes import CallNotes
from tests.unit.conftest import OpenJournal
from tests.unit.note_lines import ABANDONED, ANSWERED, DAY, line

# ---- the file


class Notes:
    """The file of notes beside a journal."""

    def __init__(
        self,
        journal: Journal,
        path: Path,
        *,
        flush: Callable[[float], bool] | None = None,
        digest: Callable[[str, float], Mapping[str, Json] | None] | None = None,
    ) -> None:
        self.path = path.with_name("notes")
        self.taken = path.with_name("notes.taken")
        self.journal = path
        self.living: set[str] = set()
        self.ended: set[str] = set()
        self.complaints = Complaints(journal.append, Tickets(None, lambda: DAY))
        calls = CallNotes(
            path,
            self.path,
            region="ID",
            tell=journal.append,
            flush=flush or journal.flush,
            is_living=self.living.__contains__,
            is_told=self.ended.__contains__,
            opens=self.complaints.open_as,
            digest=digest,
        )
        self.bring_in, self.over = calls.bring_in, calls.over

    def add(self, text: str) -> None:
        """Write as Asterisk does: at the end, and the file is made when it is not there."""
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(text)

    def damaged(self) -> list[Path]:
        """Files of notes that were put aside because something in them could not be read."""
        return list(self.path.parent.glob("notes.damaged-*"))

    def told(self) -> dict[str | None, list[str]]:
        """The actions of each call in the journal."""
        actions: dict[str | None, list[str]] = {}
        for record in self.records():
            actions.setdefault(record.call, []).append(record.action)
        return actions

    def records(self) -> list[Record]:
        """The journal, whose chain is whole."""
        assert not verify(self.journal).problems
        return list(read(self.journal))


@pytest.fixture
def notes(open_journal: OpenJournal, path: Path) -> Notes:
    return Notes(open_journal(), path)


def test_no_notes(notes: Notes) -> None:
    assert notes.bring_in() == 0
    assert notes.records() == []


def test_brought_in_once(notes: Notes) -> None:
    notes.add(line("1.1") + "\n" + line("1.2", talked="", desk="") + "\n")
    assert notes.bring_in() == 2
    assert notes.told() == {"1.1": ANSWERED, "1.2": ABANDONED}
    assert not notes.path.exists()
    assert not notes.taken.exists()
    assert notes.records()[0].at == "2025-01-31T08:02:03.456+07:00"
    notes.add(line("1.1") + "\n")
    assert notes.bring_in() == 0
    assert notes.told() == {"1.1": ANSWERED, "1.2": ABANDONED}


def test_a_call_that_a_flow_has_in_its_hands_waits(notes: Notes) -> None:
    """The flow tells its end; the note is looked at again, in case it does not come to that."""
    notes.living.add("1.0")
    notes.add(line("1.0") + "\n" + line("2.0") + "\n")
    assert notes.bring_in() == 1
    assert notes.taken.exists()
    assert notes.told() == {"2.0": ANSWERED}
    notes.living.clear()
    assert notes.bring_in() == 1
    assert not notes.taken.exists()
    assert notes.told() == {"2.0": ANSWERED, "1.0": ANSWERED}


def test_a_call_whose_end_was_told_is_not_looked_up(notes: Notes) -> None:
    notes.ended.add("1.0")
    notes.add(line("1.0") + "\n")
    assert notes.bring_in() == 0
    assert not notes.taken.exists()
    assert notes.told() == {}


def test_two_notes_on_one_call(notes: Notes) -> None:
    notes.add(f"{line('1.1')}\n{line('1.1', cause='127')}\n")
    assert notes.bring_in() == 1
    assert notes.told() == {"1.1": ANSWERED}


def test_the_journal_began_the_story(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    notes = Notes(journal, path)
    # Not on disk yet when the notes are brought in: what the journal was told before counts.
    journal.append(Fact("caller", "call.received", "1.1"))
    journal.append(Fact("asterisk", "call.fallback", "1.1"))
    notes.add(line("1.1") + "\n")
    assert notes.bring_in() == 1
    assert notes.told() == {"1.1": ANSWERED}


def test_a_damaged_line_of_the_journal_holds_no_note_up(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    journal.append(Fact("caller", "call.received", "1.1"))
    assert journal.flush()
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TRIGGER journal_is_append_only_update")
        other.execute("UPDATE journal SET data = '{'")
        other.commit()
    notes = Notes(journal, path)
    notes.add(line("1.1") + "\n" + line("1.2") + "\n")
    assert notes.bring_in() == 2
    assert not notes.taken.exists()
    with JournalReader(path) as reader:
        assert [row[3] for row in reader.rows(after=0, call="1.1")] == ANSWERED


def test_half_written_last_line(notes: Notes) -> None:
    notes.add(line("1.1") + "\n" + line("1.2")[:40])
    assert notes.bring_in() == 1
    assert notes.told() == {"1.1": ANSWERED}
    assert not notes.taken.exists()


def test_damage_in_the_middle(notes: Notes) -> None:
    with notes.path.open("wb") as file:
        file.write(b"\xff\xfe\x00|||\r\n" + line("1.1").encode() + b"\r\n\r\n\x85\n" + line("1.2").encode() + b"\n")
    assert notes.bring_in() == 2
    assert notes.told() == {"1.1": ANSWERED, "1.2": ANSWERED}
    assert not notes.taken.exists()


FIRST, SECOND, THIRD = (f"1738285323.{number}" for number in (7, 8, 9))


def test_the_disk_was_full_in_the_middle_of_a_note(notes: Notes) -> None:
    """The next note stands on the same line: it counts, and what is left of the first is kept for whoever looks."""
    content = line(FIRST)[:40] + line(SECOND) + "\n" + line(THIRD) + "\n"
    notes.add(content)
    assert notes.bring_in() == 2
    assert notes.told() == {SECOND: ANSWERED, THIRD: ANSWERED}
    assert not notes.taken.exists()
    (kept,) = notes.damaged()
    assert kept.read_text() == content
    assert kept.stat().st_mode & 0o777 == 0o600


def test_nothing_is_kept_of_notes_that_were_whole(notes: Notes) -> None:
    notes.add(line("1.1") + "\n")
    assert notes.bring_in() == 1
    assert notes.damaged() == []


def test_what_is_kept_of_damaged_notes_has_an_end(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest are kept: a disk that goes bad must not be filled with them."""
    monkeypatch.setattr(store_notes, "MOST_KEPT", 3)
    for number in range(5):
        notes.add(f"torn {number}\n")
        os.utime(notes.path, (number, number))
        assert notes.bring_in() == 0
    assert {kept.read_text() for kept in notes.damaged()} == {f"torn {number}\n" for number in (2, 3, 4)}


def test_what_is_over_is_known_while_a_recording_is_read(open_journal: OpenJournal, path: Path) -> None:
    """Who starts does not wait for any of that: callers would hear it ring meanwhile, and no desk would."""
    is_read = threading.Event()
    notes = Notes(open_journal(), path, digest=lambda _call, _seconds: RECORDING if is_read.wait(10) else None)
    assert not notes.over()
    notes.add(line("1.1") + "\n" + line("1.2") + "\n")
    with ThreadPoolExecutor() as threads:
        bringing_in = threads.submit(notes.bring_in)
        while not notes.taken.exists():
            time.sleep(0.001)
        notes.add(line("1.3") + "\n" + line("1.4")[:-20])
        assert set(notes.over()) == {"1.1", "1.2", "1.3"}
        assert not bringing_in.done()
        is_read.set()
    assert not notes.over()
    assert set(notes.told()) == {"1.1", "1.2", "1.3"}


def test_what_is_over_is_always_known(open_journal: OpenJournal, path: Path) -> None:
    """From its notes or from the journal, whatever is done with them meanwhile."""
    journal = open_journal()
    looked: list[set[str]] = []

    def flush(timeout: float) -> bool:
        is_on_disk = journal.flush(timeout)
        ended = {record.call for record in read(path) if record.action == "call.ended"}
        looked.append({call for call in ("1.1", "1.2") if call in beside.over() or call in ended})
        return is_on_disk

    beside = Notes(journal, path, flush=flush)
    beside.add(line("1.1") + "\n" + line("1.2") + "\n")
    beside.bring_in()
    assert looked == [{"1.1", "1.2"}] * 2


def test_left_over_from_a_round_that_was_cut_short(notes: Notes) -> None:
    notes.taken.write_text(line("1.1") + "\n")
    notes.add(line("1.2") + "\n")
    assert notes.bring_in() == 2
    assert list(notes.told()) == ["1.1", "1.2"]
    assert not notes.path.exists()
    assert not notes.taken.exists()


def test_grows_meanwhile(open_journal: OpenJournal, path: Path) -> None:
    """Asterisk had the file open when it was moved, and goes on in the middle of a line."""
    journal = open_journal()
    more = [line("1.2")[40:] + "\n", line("1.3") + "\n"]

    def flush(timeout: float) -> bool:
        if more:
            with beside.taken.open("a", encoding="utf-8") as file:
                file.write(more.pop(0))
            beside.add(line(f"2.{len(more)}") + "\n")
        return journal.flush(timeout)

    beside = Notes(journal, path, flush=flush)
    beside.add(line("1.1") + "\n" + line("1.2")[:40])
    assert beside.bring_in() == 5
    assert set(beside.told()) == {"1.1", "1.2", "1.3", "2.1", "2.0"}
    assert all(actions == ANSWERED for actions in beside.told().values())
    assert not beside.path.exists()
    assert not beside.taken.exists()


@pytest.mark.parametrize("when", [0, 1])
def test_the_disk_is_full(open_journal: OpenJournal, path: Path, when: int) -> None:
    """What the journal does not have on disk stays in the notes, and is told once when it can be."""
    journal = open_journal()
    answers = [True] * when + [False]

    def flush(timeout: float) -> bool:
        return journal.flush(timeout) and (answers.pop(0) if answers else True)

    notes = Notes(journal, path, flush=flush)
    notes.add(line("1.1") + "\n")
    assert notes.bring_in() == when
    assert notes.taken.read_text() == line("1.1") + "\n"
    assert notes.bring_in() == 1 - when
    assert notes.told() == {"1.1": ANSWERED}
    assert not notes.taken.exists()


# ---- complaints


def test_who_was_answered_in_the_fallback_has_a_complaint(notes: Notes) -> None:
    """SOP V.3, with the next ticket; who was not answered has none."""
    assert notes.complaints.open("1.0", None, "operator:7001") == "110-20250131-0001"
    notes.add(f"{line('1.1')}\n{line('1.2', talked='', desk='')}\n{line('1.3', number='')}\n{line('1.1')}\n")
    assert notes.bring_in() == 3
    opened = [record for record in notes.records() if record.action == "complaint.opened"]
    assert [(record.call, record.actor, record.data) for record in opened[1:]] == [
        ("1.1", "desk:1002", {"ticket": "110-20250131-0002", "number": "+6281234567890", "desk": "1002"}),
        ("1.3", "desk:1002", {"ticket": "110-20250131-0003", "number": None, "desk": "1002"}),
    ]
    assert notes.told()["1.1"] == ANSWERED
    assert notes.complaints.open("1.4", None, "operator:7001") == "110-20250131-0004"


def test_a_flow_opened_the_complaint_before_the_fallback_had_the_call(notes: Notes) -> None:
    """It may not be on disk yet when the notes are read; the journal has it before they are told."""
    assert notes.complaints.open("1.1", None, "operator:7001") == "110-20250131-0001"
    notes.add(line("1.1") + "\n")
    assert notes.bring_in() == 1
    assert notes.told()["1.1"].count("complaint.opened") == 1


def test_complaints_of_flows_and_of_notes_at_the_same_time(notes: Notes) -> None:
    """One ticket after the other, and told in that order, whoever opens them: they are looked for by halving."""
    many = 400
    for number in range(many):
        notes.add(line(f"1.{number}") + "\n")

    def flows(thread: int) -> None:
        for number in range(many):
            notes.complaints.open(f"{thread}.{number}", None, "desk:1001")

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor() as pool:
            others = [pool.submit(flows, thread) for thread in (2, 3)]
            assert pool.submit(notes.bring_in).result() == many
            for other in others:
                other.result()
    finally:
        sys.setswitchinterval(before)
    tickets = [record.data["ticket"] for record in notes.records() if record.action == "complaint.opened"]
    assert tickets == [ticket(DAY, number) for number in range(1, 3 * many + 1)]


# ---- recordings


RECORDING: dict[str, Json] = {"file": "recordings/1.1.wav", "sha256": "ab", "bytes": 44, "seconds": 0.0}


class Digest:
    """Recordings of which one call has none; ``asked`` is for how long each was waited."""

    def __init__(self) -> None:
        self.asked: dict[str, float] = {}

    def __call__(self, call: str, seconds: float) -> dict[str, Json] | None:
        self.asked[call] = seconds
        return None if call == "1.2" else RECORDING


@pytest.mark.parametrize("age", [0, 1, 3600, -3600])
def test_the_recording_is_told_just_before_the_end(open_journal: OpenJournal, path: Path, age: int) -> None:
    digest = Digest()
    notes = Notes(open_journal(), path, digest=digest)
    ended = round(datetime.now(UTC).timestamp() * 1000) - age * 1000
    for call in ("1.1", "1.2"):
        notes.add(line(call, received=ended - 10_000, ended=ended) + "\n")
    assert notes.bring_in() == 2
    assert notes.told() == {"1.1": [*ANSWERED[:-1], "call.recorded", "call.ended"], "1.2": ANSWERED}
    recorded = next(record for record in notes.records() if record.action == "call.recorded")
    assert (recorded.actor, recorded.data) == ("asterisk", RECORDING)
    # Whoever ended long ago is not waited for; nor does a clock that was set make anybody wait longer.
    assert digest.asked["1.1"] == pytest.approx(min(max(0.0, 2.0 - age), 2.0), abs=0.5)
    notes.add(line("1.1") + "\n")
    assert notes.bring_in() == 0


def test_a_recording_is_told_once(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    journal.append(Fact("asterisk", "call.recorded", "1.1", RECORDING))
    notes = Notes(journal, path, digest=Digest())
    notes.add(line("1.1") + "\n")
    notes.bring_in()
    assert notes.told()["1.1"].count("call.recorded") == 1
    assert with_recording([], RECORDING) == []
