"""The dialplan's notes: read whatever became of them, and told to the journal exactly once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ari_app.domain.facts import Fact, Json, Record
from ari_app.domain.notes import Note, parse, story, with_recording
from ari_app.store.journal import Journal, read, verify
from ari_app.store.notes import CallNotes
from tests.unit.conftest import OpenJournal

RECEIVED = datetime(2025, 1, 31, 1, 2, 3, 456000, tzinfo=UTC)
START = 1738285323456
"""The same moment in milliseconds."""


def line(
    call: str = "1738285323.7", *, number: str = "081234567890", talked: str = "4000", desk: str = "1002",
    by: str = "caller", state: str = "Up", cause: str = "16", received: int = START, ended: int = START + 10_000,
) -> str:  # fmt: skip
    """A note as the dialplan writes it: ten seconds, of which the last four were talked."""
    return f"{call}|{number}|110|{received}|{received + 801}|{ended}|{talked}|{desk}|{by}|{state}|{cause}"


ANSWERED = ["call.received", "call.fallback", "call.answered", "call.ended"]
ABANDONED = ["call.received", "call.fallback", "call.abandoned", "call.ended"]


def noted(text: str) -> Note:
    note = parse(text)
    assert note is not None, text
    return note


def facts(text: str, told: set[str] | None = None) -> list[Fact]:
    return story(noted(text), told or set(), "ID")


# ---- one line


def test_the_dialplan_writes_these_fields() -> None:
    """The order here is that of dialplan/note.conf."""
    dialplan = (Path(__file__).parents[2] / "dialplan" / "note.conf").read_text(encoding="utf-8")
    written = next(text for text in dialplan.splitlines() if "Set(FILE(${NOTES}" in text).partition(")=")[2]
    assert written == (
        "${UNIQUEID}|${CALLERID(num)}|${DIALLED}|${RECEIVED}|${FALLBACK}|${ENDED}|${ANSWEREDTIME_MS}|"
        "${FILTER(0-9,${DIALEDPEERNUMBER})}|${BY}|${CHANNEL(state)}|${HANGUPCAUSE})"
    )
    assert noted(line()) == Note(
        "1738285323.7", "081234567890", "110", RECEIVED, RECEIVED + timedelta(milliseconds=801),
        RECEIVED + timedelta(seconds=10), 4000, "1002", "caller", True, 16,
    )  # fmt: skip


def test_answered() -> None:
    told = facts(line())
    assert [fact.action for fact in told] == ANSWERED
    assert told[0].data["caller"] == "+6281234567890"
    assert told[0].at == RECEIVED
    assert (told[2].actor, told[2].data) == ("desk:1002", {"desk": "1002", "waited_ms": 6000})
    assert told[2].at == RECEIVED + timedelta(seconds=6)
    assert (told[3].actor, told[3].data) == ("caller", {"by": "caller", "outcome": "fallback", "cause": 16})
    assert facts(line(by="desk"))[3].actor == "desk:1002"


@pytest.mark.parametrize(("talked", "desk"), [("", ""), ("0", "1002"), ("", "1002"), ("4000", "")])
def test_abandoned(talked: str, desk: str) -> None:
    told = facts(line(talked=talked, desk=desk, number=""))
    assert [fact.action for fact in told] == ABANDONED
    assert told[0].data["caller"] is None
    assert told[2].data == {"waited_ms": 10_000}
    assert told[3].data == {"by": "caller", "outcome": "abandoned", "cause": 16}


def with_application(*, state: str, by: str = "caller") -> str:
    """A note on a call that the fallback never had."""
    return line(talked="", desk="", state=state, by=by).replace(f"|{START + 801}|", "||")


def test_the_application_was_away_when_its_call_ended() -> None:
    begun = {"call.received", "call.queued", "call.offered"}
    told = facts(with_application(state="Up"), {*begun, "call.answered"})
    assert [(fact.actor, fact.action, fact.data) for fact in told] == [
        ("caller", "call.ended", {"by": "caller", "outcome": "answered", "cause": 16})
    ]
    assert facts(with_application(state="Up", by="desk"), begun)[0].data["by"] == "desk"
    assert [fact.action for fact in facts(with_application(state="Up"))] == ["call.received", "call.ended"]
    told = facts(with_application(state="Ring"), begun)
    assert [fact.action for fact in told] == ["call.abandoned", "call.ended"]
    assert told[1].data["outcome"] == "abandoned"


def test_only_what_is_not_told() -> None:
    assert [fact.action for fact in facts(line(), {"call.received", "call.offered"})] == ANSWERED[1:]
    assert [fact.action for fact in facts(line(), {"call.received", "call.fallback"})] == ANSWERED[2:]
    assert facts(line(), {"call.ended"}) == []


def test_the_clock_was_set_back() -> None:
    told = facts(line(ended=START - 5000))
    assert told[2].data["waited_ms"] == 0
    assert told[2].at == told[3].at == RECEIVED - timedelta(seconds=5)
    assert facts(line(ended=START - 5000, talked=""))[2].data["waited_ms"] == 0


def test_talked_longer_than_the_call() -> None:
    told = facts(line(talked="999999999999"))
    assert told[2].at == RECEIVED
    assert told[2].data["waited_ms"] == 0


def test_zeros_of_a_power_cut() -> None:
    assert parse("\0" * 4000 + line()) == parse(line())


@pytest.mark.parametrize(
    "text",
    [
        "", "|", "|" * 9, "|" * 10, line() + "|", line()[1:].partition("|")[2], line(call=""), line(call="a b"),
        line(call="\udcff"), line(call="\0"), line(number="anonymous"), line(desk="PJSIP/1"), line(by="x"),
        line(cause="sixteen"), line(cause="-1"), line(cause="9" * 5000), line(talked="-1"), line(talked="9" * 400),
        line(ended=10**20), line(received=-1), line(number="١٢٣"), line(desk="²"),
    ],
)  # fmt: skip
def test_damaged(text: str) -> None:
    assert parse(text) is None


WHOLE = st.builds(
    line,
    call=st.from_regex(r"\A[0-9]{1,12}\.[0-9]{1,9}\Z"),
    number=st.text("0123456789+", max_size=20),
    talked=st.text("0123456789", max_size=12),
    desk=st.text("0123456789", max_size=8),
    by=st.sampled_from(["caller", "desk"]),
    state=st.sampled_from(["Up", "Ring", "Down"]),
    cause=st.text("0123456789", max_size=3),
    received=st.integers(0, 10**13),
    ended=st.integers(0, 10**14 - 1),
)
"""Notes as the dialplan writes them."""

NASTY = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=())),
    st.lists(st.text(st.sampled_from("0123456789+|.a-"), max_size=25), min_size=9, max_size=12).map("|".join),
    st.lists(st.integers() | st.sampled_from(["", "caller", "desk", "Up", "nan", "1e9"]), min_size=10, max_size=11).map(
        lambda values: "|".join(map(str, values))
    ),
    st.builds(
        line,
        received=st.integers(0, 10**14 - 10**4),
        ended=st.integers(0, 10**14 - 1),
    ),
    WHOLE,
)


@settings(max_examples=500)
@given(text=NASTY, told=st.sets(st.sampled_from([*ANSWERED, "call.abandoned", "call.offered"])))
@example(text="1|1|110|0|0|0|" + "9" * 12 + "|1|desk|16", told=set())
@example(text="1|1|110|0|0|0|" + "9" * 12 + "|1|desk|Up|16", told=set())
def test_no_line_is_too_odd(text: str, told: set[str]) -> None:
    note = parse(text)
    if note is None:
        return
    facts = story(note, told, "ID")
    assert bool(facts) == ("call.ended" not in told)
    assert not {fact.action for fact in facts} & (told & {"call.received", "call.fallback", "call.ended"})
    assert story(note, told | {fact.action for fact in facts}, "ID") == []
    assert {fact.call for fact in facts} <= {note.call}
    assert all(int(str(fact.data.get("waited_ms", 0))) >= 0 for fact in facts)


@given(st.data())
def test_half_a_line_is_damaged_or_lacks_a_digit_of_the_cause(data: st.DataObject) -> None:
    whole = data.draw(WHOLE)
    half = parse(whole[: data.draw(st.integers(0, len(whole) - 1))])
    if half is not None:
        note = noted(whole)
        assert {name for name in Note.__slots__ if getattr(half, name) != getattr(note, name)} <= {"cause"}


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
        self.bring_in = CallNotes(
            path,
            self.path,
            region="ID",
            tell=journal.append,
            flush=flush or journal.flush,
            is_living=self.living.__contains__,
            is_told=self.ended.__contains__,
            digest=digest,
        ).bring_in

    def add(self, text: str) -> None:
        """Write as Asterisk does: at the end, and the file is made when it is not there."""
        with self.path.open("a", encoding="utf-8", newline="") as file:
            file.write(text)

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
