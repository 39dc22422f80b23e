"""The dialplan's notes: read whatever became of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ari_app.domain.facts import Fact
from ari_app.domain.notes import Note, parse, story, within
from tests.unit.note_lines import ABANDONED, ANSWERED, RECEIVED, START, line, older_line


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
        "${UNIQUEID}|${CALLERID(num)}|${DIALLED}|${RECEIVED}|${FALLBACK}|${ENDED}|${TALKS}${SHARED(ANSWERED)}+${ANSWEREDTIME_MS}|"
        "${FILTER(0-9,${SHARED(DESK)})}|${BY}|${CHANNEL(state)}|${HANGUPCAUSE})"
    )
    assert noted(line()) == Note(
        "1738285323.7", "081234567890", "110", RECEIVED, RECEIVED + timedelta(milliseconds=801),
        RECEIVED + timedelta(seconds=10), 9000, "1002", "caller", True, 16, RECEIVED + timedelta(seconds=6),
    )  # fmt: skip


@pytest.mark.parametrize("text", [line(), older_line(), line(lifted="", talked="4000")])
def test_answered(text: str) -> None:
    told = facts(text)
    assert [fact.action for fact in told] == ANSWERED
    assert told[0].data["caller"] == "+6281234567890"
    assert told[0].at == RECEIVED
    assert (told[2].actor, told[2].data) == ("desk:1002", {"desk": "1002", "waited_ms": 6000})
    assert told[2].at == told[3].at == RECEIVED + timedelta(seconds=6)
    assert (told[3].actor, told[3].data) == ("desk:1002", {"number": "+6281234567890", "desk": "1002"})
    assert (told[4].actor, told[4].data) == ("caller", {"by": "caller", "outcome": "fallback", "cause": 16})
    assert facts(line(by="desk"))[4].actor == "desk:1002"


@pytest.mark.parametrize(
    ("talked", "desk", "state"), [("", "", "Up"), ("0", "1002", "Ring"), ("", "1002", "Up"), ("4000", "", "Up")]
)
def test_abandoned(talked: str, desk: str, state: str) -> None:
    told = facts(line(talked=talked, desk=desk, number="", state=state))
    assert [fact.action for fact in told] == ABANDONED
    assert told[0].data["caller"] is None
    assert told[2].data == {"waited_ms": 10_000}
    assert told[3].data == {"by": "caller", "outcome": "abandoned", "cause": 16}


def test_a_talk_on_a_line_that_was_moved_is_one() -> None:
    """The desk's phone joined its two calls: Asterisk counts no time then, and nobody was abandoned."""
    told = facts(line(talked="0"))
    assert [fact.action for fact in told] == ANSWERED
    assert told[2].at == RECEIVED + timedelta(seconds=6)


def with_application(*, state: str, by: str = "caller") -> str:
    """A note on a call that the fallback never had."""
    return line(talked="", desk="", state=state, by=by).replace(f"|{START + 801}|", "||")


def test_the_application_was_away_when_its_call_ended() -> None:
    begun = {"call.received", "call.queued", "call.offered"}
    told = facts(with_application(state="Up"), {*begun, "call.answered", "complaint.opened"})
    assert [(fact.actor, fact.action, fact.data) for fact in told] == [
        ("caller", "call.ended", {"by": "caller", "outcome": "answered", "cause": 16})
    ]
    assert facts(with_application(state="Up", by="desk"), begun)[0].data["by"] == "desk"
    assert [fact.action for fact in facts(with_application(state="Up"))] == ["call.received", "call.ended"]
    told = facts(with_application(state="Ring"), begun)
    assert [fact.action for fact in told] == ["call.abandoned", "call.ended"]
    assert told[1].data["outcome"] == "abandoned"


def test_the_application_died_in_the_moment_of_the_answer() -> None:
    """Nothing of the desk is told yet, and the talk was over before there was another application."""
    told = facts(with_application(state="Up"), {"call.received", "call.adopted", "call.queued"})
    assert [(fact.action, fact.data["outcome"]) for fact in told] == [("call.ended", "answered")]


@pytest.mark.parametrize("note", [line(talked="", desk=""), with_application(state="Up")])
def test_answered_by_an_application_that_died_before_it_opened_the_complaint(note: str) -> None:
    told = facts(note, {"call.received", "call.queued", "call.offered", "call.answered"})
    assert (told[-2].actor, told[-2].action, told[-2].data) == (
        "system", "complaint.opened", {"number": "+6281234567890"},
    )  # fmt: skip
    assert [fact.action for fact in told[-1:]] == ["call.ended"]


def test_only_what_is_not_told() -> None:
    assert [fact.action for fact in facts(line(), {"call.received", "call.offered"})] == ANSWERED[1:]
    assert [fact.action for fact in facts(line(), {"call.received", "call.fallback"})] == ANSWERED[2:]
    without = [action for action in ANSWERED if action != "complaint.opened"]
    assert [fact.action for fact in facts(line(), {"complaint.opened"})] == without, "it is never opened again"
    assert facts(line(), {"call.ended"}) == []


def test_the_clock_was_set_back() -> None:
    told = facts(line(ended=START - 5000))
    assert told[2].data["waited_ms"] == 0
    assert told[2].at == told[3].at == told[4].at == RECEIVED - timedelta(seconds=5)
    assert facts(line(ended=START - 5000, talked=""))[2].data["waited_ms"] == 0


@pytest.mark.parametrize("text", [older_line(talked="999999999999"), line(lifted=str(START - 1))])
def test_talked_longer_than_the_call(text: str) -> None:
    told = facts(text)
    assert told[2].at == RECEIVED
    assert told[2].data["waited_ms"] == 0


def test_answered_after_the_end() -> None:
    """The clock was set back in the talk."""
    told = facts(line(lifted=str(START + 20_000)))
    assert told[2].at == told[4].at == RECEIVED + timedelta(seconds=10)


def test_a_desk_that_answered_when_the_caller_was_gone_talked_to_nobody() -> None:
    assert [fact.action for fact in facts(line(talked=""))] == ABANDONED


def test_zeros_of_a_power_cut() -> None:
    assert parse("\0" * 4000 + line()) == parse(line())


@pytest.mark.parametrize(
    "text",
    [
        "", "|", "|" * 9, "|" * 10, line() + "|", line()[1:].partition("|")[2], line(call=""), line(call="a b"),
        line(call="\udcff"), line(call="\0"), line(number="anonymous"), line(desk="PJSIP/1"), line(by="x"),
        line(cause="sixteen"), line(cause="-1"), line(cause="9" * 5000), line(talked="-1"), line(talked="9" * 400),
        line(lifted="-1"), line(lifted="9" * 15), line(lifted="1+1"),
            line(ended=10**20), line(received=-1), line(number="١٢٣"), line(desk="²"),
    ],
)  # fmt: skip
def test_damaged(text: str) -> None:
    assert parse(text) is None


WHOLE = st.builds(
    line,
    call=st.from_regex(r"\A[0-9]{1,10}\.[0-9]{1,9}\Z"),
    number=st.text("0123456789+", max_size=20),
    talked=st.text("0123456789", max_size=12),
    desk=st.text("0123456789", max_size=8),
    by=st.sampled_from(["caller", "desk"]),
    state=st.sampled_from(["Up", "Ring", "Down"]),
    cause=st.text("0123456789", max_size=3),
    received=st.integers(0, 10**13),
    ended=st.integers(0, 10**14 - 1),
    lifted=st.text("0123456789", max_size=14),
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
    st.builds(
        older_line,
        talked=st.text("0123456789", max_size=12),
        received=st.integers(0, 10**13),
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
    once = {"call.received", "call.fallback", "complaint.opened", "call.ended"}
    assert not {fact.action for fact in facts} & told & once
    actions = [*told, *(fact.action for fact in facts)]
    if facts and "call.answered" in actions:
        assert actions.count("complaint.opened") == 1, "every answered call opens one"
    assert story(note, told | {fact.action for fact in facts}, "ID") == []
    assert {fact.call for fact in facts} <= {note.call}
    assert all(int(str(fact.data.get("waited_ms", 0))) >= 0 for fact in facts)


REAL = st.builds(lambda second, number: f"{second}.{number}", st.integers(10**9, 10**10 - 1), st.integers(0, 10**7))
"""Calls as Asterisk names them."""


@given(st.lists(st.tuples(REAL, st.integers(0, 200)), min_size=1, max_size=4), REAL, st.sampled_from(["", "\r", "\0"]))
@example([("1738285323.7", 199)], "1738285323.8", "")
@example([("1738285323.7", 10)], "1738285323.8", "")
@example([("1738285323.7", 11)], "1738285323.8", "")
def test_a_whole_note_behind_torn_ones(torn: list[tuple[str, int]], call: str, end: str) -> None:
    """Wherever they were torn, it is found as it was written; what else is found was noted, too."""
    lines = [line(each) for each, _ in torn]
    text = "".join(each[:length] for each, (_, length) in zip(lines, torn, strict=True))
    *others, last = within(text + line(call) + end)
    assert last == noted(line(call))
    assert {other.call for other in others} <= {each for each, _ in torn}


@pytest.mark.parametrize("torn", ["1", "173828532", "1738285323", "1738285323.", "1738285323.6"])
def test_torn_in_the_call(torn: str) -> None:
    """What is behind it must not be told under a name made of two calls."""
    assert parse(torn + line()) is None
    assert within(torn + line()) == [noted(line())]


def test_whole_notes_on_one_line() -> None:
    calls = ["1738285323.7", "1738285323.8", "1738285323.9"]
    assert within("".join(map(line, calls))) == [noted(line(call)) for call in calls]


@given(NASTY)
def test_nothing_is_too_odd_to_look_within(text: str) -> None:
    assert len(within(text)) <= 1


@given(st.data())
def test_half_a_line_is_damaged_or_lacks_a_digit_of_the_cause(data: st.DataObject) -> None:
    whole = data.draw(WHOLE)
    half = parse(whole[: data.draw(st.integers(0, len(whole) - 1))])
    if half is not None:
        note = noted(whole)
        assert {name for name in Note.__slots__ if getattr(half, name) != getattr(note, name)} <= {"cause"}
