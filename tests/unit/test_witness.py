"""The journal held against Asterisk's own records: what is a difference, and what is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ari_app.domain.facts import Fact
from ari_app.domain.witness import LONGEST, SETTLED, Difference
from tests.unit.two_witnesses import LATER, START, Both, Played, Talk, both, calls, line, moment

CALL = "1738285200.0"
ANSWERED = Played(CALL, 0, 60, (Talk("1001", 5, 20), Talk("2001", 26, 30)))
ABANDONED = Played(CALL, 0, 60)
FALLBACK = Played(CALL, 0, 60, (Talk("1001", 5, 20),), in_fallback=True)


def only(found: Both) -> Difference:
    differences = found.report().differences
    assert len(differences) == 1, differences
    return differences[0]


def without(found: Both, *, action: str | None = None, kind: str | None = None) -> Both:
    facts = [each for each in found.facts if each.action != action]
    lines = [each for each in found.lines if kind is None or f"\t{kind}\t{CALL}\t" not in each]
    return Both(lines, facts)


def changed(found: Both, action: str, **data: str | int) -> Both:
    facts = [
        structs.replace(each, data={**each.data, **data}) if each.action == action else each for each in found.facts
    ]
    return Both(found.lines, facts)


def moved(found: Both, action: str, seconds: float) -> Both:
    return Both(
        found.lines,
        [
            structs.replace(each, at=(each.at or START) + timedelta(seconds=seconds)) if each.action == action else each
            for each in found.facts
        ],
    )


# ---- they agree


@given(calls)
def test_calls_of_every_kind_agree(played: tuple[Played, ...]) -> None:
    report = both(played).report()
    assert report.differences == []
    assert report.calls == len(played)


@given(calls, st.data())
def test_a_fact_that_is_missing_is_named_at_its_call(played: tuple[Played, ...], data: st.DataObject) -> None:
    found = both(played)
    telling = {"call.received", "call.ended", "call.answered", "call.transfer_answered"}
    gone = data.draw(st.sampled_from([each for each in found.facts if each.action in telling]))
    differences = Both(found.lines, [each for each in found.facts if each is not gone]).report().differences
    assert {each.call for each in differences} == {gone.call}


@given(calls, st.data())
def test_a_line_that_is_missing_is_named_at_its_call(played: tuple[Played, ...], data: st.DataObject) -> None:
    found = both(played)
    callers = {call.id for call in played}
    telling = [
        each
        for each in found.lines
        if each.split("\t")[2] in callers and each.split("\t")[1] in {"CHAN_START", "HANGUP"}
    ]
    gone = data.draw(st.sampled_from(telling))
    differences = Both([each for each in found.lines if each is not gone], found.facts).report().differences
    assert {each.call for each in differences} == {gone.split("\t")[2]}


@given(calls, st.data())
def test_what_is_there_twice_is_named_at_its_call(played: tuple[Played, ...], data: st.DataObject) -> None:
    found = both(played)
    twice = data.draw(st.sampled_from([each for each in found.facts if each.action in {"call.received", "call.ended"}]))
    differences = Both(found.lines, [*found.facts, twice]).report().differences
    assert [(each.call, "2 times in the journal" in each.text) for each in differences] == [(twice.call, True)]


@given(calls, st.floats(-7 * 3600, 7 * 3600))
def test_a_clock_that_was_set_makes_no_difference(played: tuple[Played, ...], hours: float) -> None:
    """Both look at the same clock: after the call's first line it is another time for both."""
    first = played[0]
    later = replace(
        first,
        end=first.end + hours,
        talks=tuple(replace(talk, start=talk.start + hours) for talk in first.talks),
    )
    found = Both([entry.line for entry in later.entries() if entry.line], [e.fact for e in later.entries() if e.fact])
    wide = {"since": START - timedelta(days=2), "until": LATER + timedelta(days=2), "now": LATER + timedelta(days=2)}
    assert found.report(**wide).differences == []


# ---- one after the other, in words


def test_a_call_that_the_journal_lacks() -> None:
    one = only(Both(both([ANSWERED]).lines, []))
    assert (one.call, one.kind, one.journal) == (CALL, "not_in_journal", None)
    expected = "Asterisk has the call from 2025-01-31 08:00:00 to 2025-01-31 08:01:00, the journal has nothing of it"
    assert one.text == expected


def test_a_call_that_asterisk_lacks() -> None:
    one = only(Both([], both([ANSWERED]).facts))
    assert (one.kind, one.asterisk) == ("not_in_asterisk", None)
    assert one.text.endswith("Asterisk has nothing of it")


def test_a_beginning_that_the_journal_lacks() -> None:
    one = only(without(both([ANSWERED]), action="call.received"))
    assert one.text == "it began at 2025-01-31 08:00:00 in Asterisk, the journal has no beginning"


def test_an_end_that_the_journal_lacks() -> None:
    one = only(without(both([ANSWERED]), action="call.ended"))
    assert one.text == "it ended at 2025-01-31 08:01:00, cause 16 in Asterisk, the journal has no end"


def test_an_end_that_asterisk_lacks() -> None:
    one = only(without(both([ANSWERED]), kind="HANGUP"))
    assert one.text == "it ended at 2025-01-31 08:01:00 (answered) in the journal, Asterisk has no end"


def test_an_end_that_both_lack() -> None:
    one = only(without(both([ANSWERED]), action="call.ended", kind="HANGUP"))
    assert one.kind == "no_end"


@pytest.mark.parametrize("action", ["call.received", "call.answered", "call.ended"])
def test_another_time(action: str) -> None:
    assert only(moved(both([ANSWERED]), action, 10.5)).kind in {"beginning", "desk_time", "end"}
    assert moved(both([ANSWERED]), action, 9).report().differences == []


def test_another_cause() -> None:
    one = only(changed(both([ANSWERED]), "call.ended", cause=34))
    assert one.text == "it ended with cause 34 in the journal, 16 in Asterisk"
    assert changed(both([ANSWERED]), "call.ended", cause=0).report().differences == []  # the journal does not know


def test_another_desk() -> None:
    found = changed(both([replace(ANSWERED, talks=ANSWERED.talks[:1])]), "call.answered", desk="1002")
    assert {each.kind for each in found.report().differences} == {"desk_not_in_journal", "desk_not_in_asterisk"}


def test_answered_for_a_moment_only() -> None:
    """Who lifts the receiver as the caller goes has not had the call."""
    found = without(both([Played(CALL, 0, 60, (Talk("1001", 5, 0.2),))]), action="call.answered")
    assert found.report().differences == []
    longer = without(both([Played(CALL, 0, 60, (Talk("1001", 5, 0.3),))]), action="call.answered")
    assert only(longer).text == (
        "desk 1001 heard the caller from 2025-01-31 08:00:05 on in Asterisk, the journal does not say so"
    )


def test_answered_as_the_caller_went() -> None:
    """The desk has entered the bridge when the caller has left it: they missed each other."""
    found = both([Played(CALL, 0, 5.2, (Talk("1001", 5, 0.2),))])
    assert Both([each for each in found.lines if "BRIDGE" not in each], found.facts).report().differences == []
    later = both([Played(CALL, 0, 5.4, (Talk("1001", 5, 0.4),))])
    assert (
        only(Both([each for each in later.lines if "BRIDGE" not in each], later.facts)).kind == "desk_not_in_asterisk"
    )


def test_a_supervisor_who_joins_heard_the_caller_and_one_who_listens_did_not() -> None:
    """Asterisk has the desk of the first in the caller's bridge, and never that of the second."""
    talks = (Talk("1001", 2, 30), Talk("1002", 5, 10))
    found = both([Played(CALL, 0, 40, talks)])
    joined = {"desk": "1002", "mode": "barge"}
    at = next(fact.at for fact in found.facts if fact.data.get("desk") == "1002")
    facts = [each for each in found.facts if each.data.get("desk") != "1002"]
    assert [each.kind for each in Both(found.lines, facts).report().differences] == ["desk_not_in_journal"]
    told = [*facts, Fact("supervisor:r", "monitor.started", CALL, joined, at)]
    assert Both(found.lines, told).report().differences == []
    listens = Fact("supervisor:r", "monitor.started", CALL, {"desk": "1003", "mode": "listen"}, at)
    assert Both(found.lines, [*told, listens]).report().differences == []


def test_a_note_long_after_a_call_is_no_call() -> None:
    note = Fact("supervisor:r", "call.noted", "1738300000.1", {"text": "x"}, START + timedelta(minutes=1))
    assert Both([], [note]).report().calls == 0


def test_somebody_who_is_no_desk_in_the_bridge() -> None:
    found = both([replace(ANSWERED, talks=(*ANSWERED.talks[:1], Talk("300", 26, 30)))])
    assert without(found, action="call.transfer_answered").report().differences == []


def test_lost_though_asterisk_saw_the_end() -> None:
    one = only(changed(both([ANSWERED]), "call.ended", outcome="lost"))
    assert one.kind == "lost"


@pytest.mark.parametrize(("call", "outcome"), [(ANSWERED, "fallback"), (FALLBACK, "answered")])
def test_who_answered(call: Played, outcome: str) -> None:
    assert only(changed(both([call]), "call.ended", outcome=outcome)).kind == "fallback"


def test_the_fallback_answered_for_a_moment_only() -> None:
    found = both([Played(CALL, 0, 60, (Talk("1001", 5, 0.0003),), in_fallback=True)])
    assert changed(without(found, action="call.answered"), "call.ended", outcome="abandoned").report().differences == []


# ---- Asterisk died


def died(*, outcome: str = "lost", end: float = 61) -> Both:
    found = changed(both([replace(ANSWERED, died=True, end=end)]), "call.ended", outcome=outcome)
    after = Played("1738285300.0", 100, 110)
    return Both([*found.lines, *both([after]).lines], [*found.facts, *both([after]).facts])


def test_asterisk_died_and_the_journal_has_lost_the_call() -> None:
    assert died().report().differences == []


def test_asterisk_died_as_the_call_ended() -> None:
    assert died(outcome="answered").report().differences == []


def test_asterisk_died_and_had_the_call_after_its_end() -> None:
    one = only(died(outcome="answered", end=10))
    assert "Asterisk still had it when it died" in one.text


def test_asterisk_died_and_the_journal_has_no_end() -> None:
    found = died()
    facts = [each for each in found.facts if (each.call, each.action) != (CALL, "call.ended")]
    assert (
        only(Both(found.lines, facts)).text == "Asterisk died with it after 2025-01-31 08:00:26, the journal has no end"
    )


def test_lost_while_nobody_has_called_since() -> None:
    assert both([replace(ANSWERED, died=True)]).report().differences == []


# ---- what is not in doubt yet


def test_living_calls_are_left_out() -> None:
    found = without(both([ANSWERED]), action="call.ended", kind="HANGUP")
    report = found.report(now=moment(60) + LONGEST - timedelta(minutes=10))
    assert (report.living, report.calls, report.differences) == (1, 0, [])


def test_a_caller_who_waits_in_the_fallback_is_not_in_the_journal_yet() -> None:
    report = Both([both([ABANDONED]).lines[0]], []).report(now=START + timedelta(hours=1))
    assert (report.living, report.differences) == (1, [])


def test_recent_calls_are_left_out() -> None:
    found = Both([], both([ANSWERED]).facts)
    report = found.report(now=moment(60) + SETTLED)
    assert (report.recent, report.differences) == (1, [])
    assert found.report(now=moment(61) + SETTLED).differences


def test_only_calls_that_began_in_the_span() -> None:
    found = Both([], both([ANSWERED]).facts)
    assert found.report(since=moment(1)).differences == []
    assert found.report(until=moment(0)).differences == []
    assert len(found.report(since=moment(0), until=moment(1)).differences) == 1


def test_what_desks_say_to_each_other_is_no_call() -> None:
    fact = Fact("desk:1001", "desk.called", "1738285201.3", {"desk": "1001", "to": "1002"}, START)
    own = line(1, "CHAN_START", "1738285201.3", "PJSIP/1001-0", context="from-desk")
    assert Both([own], [fact]).report().differences == []
