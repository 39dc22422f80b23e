"""The judge of scripts/chaos finds every planted fault, and none where there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ari_app.domain.facts import Json, Record
from scripts.faults.oracle import CallSeen, Evidence, Finding, Flaw, Promise, Spell, judge, quiet_spells

NUMBER = "081300000001"
CALL = CallSeen(NUMBER, answered=True, served=True, by="caller")


def line(seq: int, action: str, call: str | None = "1.1", **data: Json) -> Record:
    return Record(seq, "2026-01-01T00:00:00.000+07:00", "system", action, call, data, f"hash{seq}")


def story(*actions: str, call: str = "1.1", number: str = NUMBER, outcome: str = "answered") -> list[Record]:
    data: dict[str, dict[str, Json]] = {"call.received": {"number_raw": number}, "call.ended": {"outcome": outcome}}
    data["call.answered"] = {"desk": "1001"}
    return [line(seq, action, call, **data.get(action, {})) for seq, action in enumerate(actions, 1)]


WHOLE = story("call.received", "call.queued", "call.offered", "call.answered", "call.recorded", "call.ended")


def flaws(*calls: CallSeen, records: list[Record] | None = None, **more: object) -> list[Flaw]:
    evidence = Evidence(calls, WHOLE if records is None else records, **more)  # type: ignore[arg-type]  # each test's own
    return [finding.flaw for finding in judge(evidence)]


def test_all_is_well() -> None:
    acknowledged = {record.seq: record.hash for record in WHOLE}
    promise = Promise("a desk answers", 1.2, 0.5)
    assert flaws(CALL, acknowledged=acknowledged, promises=[promise]) == []


# ---- callers


def test_dropped() -> None:
    assert flaws(replace(CALL, by="other")) == [Flaw.DROPPED]


@pytest.mark.parametrize("excuse", ["excused", "desk_left"])
def test_ended_for_a_reason_that_the_phones_saw(excuse: str) -> None:
    assert flaws(replace(CALL, by="other", **{excuse: True})) == []  # type: ignore[arg-type]  # both are bool


@pytest.mark.parametrize("action", ["call.closed", "prank.marked"])
def test_ended_by_an_operators_key(action: str) -> None:
    records = story("call.received", "call.answered", action, "call.ended")
    assert flaws(replace(CALL, by="other"), records=records) == []


def test_turned_away() -> None:
    records = story("call.received", "call.ended", outcome="turned_away")
    assert flaws(CallSeen(NUMBER, answered=True, by="other"), records=records) == []


def test_unanswered_and_late() -> None:
    never, late = Promise("a desk answers", 1.2, None), Promise("a desk answers", 1.2, 1.3)
    assert flaws(CALL, promises=[never, late]) == [Flaw.UNANSWERED, Flaw.LATE]


def test_a_promise_of_another_kind() -> None:
    never = Promise("it is back", 2, None, Flaw.LATE)
    assert flaws(CALL, promises=[never]) == [Flaw.LATE]


def test_silent() -> None:
    assert flaws(replace(CALL, quiet=[Spell(10.0, 10.9), Spell(12.0, 13.1)])) == [Flaw.SILENT]
    assert flaws(replace(CALL, quiet=[Spell(12.0, 13.1)]), silence_limit=7.0) == []


# ---- the journal


def test_a_call_that_the_journal_does_not_know() -> None:
    assert flaws(CALL, records=[]) == [Flaw.LOST]
    assert flaws(replace(CALL, reached=False), records=[]) == []


@pytest.mark.parametrize("missing", ["call.received", "call.ended"])
def test_a_beginning_or_an_end_is_missing(missing: str) -> None:
    records = story(*(action for action in ("call.received", "call.answered", "call.ended") if action != missing))
    assert Flaw.LOST in flaws(CALL, records=records)


def test_an_answer_is_missing() -> None:
    assert flaws(CALL, records=story("call.received", "call.ended", outcome="abandoned")) == [Flaw.LOST]
    assert flaws(CALL, records=story("call.received", "call.fallback", "call.ended", outcome="fallback")) == []


def test_an_answer_that_nobody_got() -> None:
    assert flaws(CallSeen(NUMBER, by="caller")) == [Flaw.DOUBLED]


@pytest.mark.parametrize("twice", ["call.received", "call.ended", "call.closed", "call.recorded", "call.abandoned"])
def test_a_line_is_doubled(twice: str) -> None:
    actions = ["call.received", "call.closed", "call.abandoned", "call.recorded", "call.ended"]
    actions.insert(actions.index(twice), twice)
    assert Flaw.DOUBLED in flaws(CALL, records=story(*actions))


@pytest.mark.parametrize("between", [[], ["complaint.opened"], ["call.held", "call.resumed"]])
def test_an_answer_is_doubled(between: list[str]) -> None:
    records = story("call.received", "call.answered", *between, "call.answered", "call.ended")
    assert flaws(CALL, records=records) == [Flaw.DOUBLED]


@pytest.mark.parametrize("between", ["call.offered", "call.queued", "call.requeued", "call.fallback"])
def test_a_desk_answers_a_second_time(between: str) -> None:
    """The caller was without a desk meanwhile."""
    records = story("call.received", "call.answered", between, "call.answered", "call.ended")
    assert flaws(CALL, records=records) == []


def test_another_desk_answers() -> None:
    records = story("call.received", "call.answered", "call.answered", "call.ended")
    records[2] = structs.replace(records[2], data={"desk": "1002"})
    assert flaws(CALL, records=records) == []


@pytest.mark.parametrize("call", [CALL, CallSeen(NUMBER, by="caller"), replace(CALL, by="")])
def test_a_call_that_lived_is_told_as_lost(call: CallSeen) -> None:
    """Only Asterisk's own end takes calls away."""
    records = story("call.received", "call.answered", "call.ended", outcome="lost")
    assert flaws(call, records=records) == [Flaw.LOST]
    assert flaws(replace(call, excused=True), records=records) == [Flaw.LOST]
    assert flaws(call, records=records, asterisk_died=True) == []


def test_a_call_is_doubled() -> None:
    second = [structs.replace(record, call="1.2", seq=record.seq + len(WHOLE)) for record in WHOLE]
    assert flaws(CALL, records=[*WHOLE, *second]) == [Flaw.DOUBLED]


def test_a_call_goes_on_after_its_end() -> None:
    records = story("call.received", "call.answered", "call.ended", "call.adopted")
    assert flaws(CALL, records=records) == [Flaw.DOUBLED]


def test_work_on_the_complaint_of_an_ended_call() -> None:
    records = story("call.received", "call.answered", "call.ended", "complaint.closed")
    assert flaws(CALL, records=records) == []


def test_a_call_that_nobody_made() -> None:
    assert flaws(records=WHOLE) == [Flaw.DOUBLED]
    assert flaws(records=[line(1, "call.ended")]) == [Flaw.DOUBLED]
    assert flaws(records=[line(1, "desk.registered", None)]) == []


def test_strangers_call_too() -> None:
    assert flaws(records=WHOLE, strangers=True) == []
    assert flaws(records=WHOLE[:-1], strangers=True) == [Flaw.LOST]


def test_an_acknowledged_line_is_gone_or_another() -> None:
    acknowledged = {record.seq: record.hash for record in WHOLE}
    assert flaws(CALL, acknowledged={**acknowledged, 7: "hash7"}) == [Flaw.LOST]
    assert flaws(CALL, acknowledged={**acknowledged, 3: "other"}) == [Flaw.LOST]


def test_a_gap_in_the_numbers() -> None:
    assert flaws(CALL, records=[*WHOLE[:2], *WHOLE[3:]]) == [Flaw.LOST]


def test_what_verify_found() -> None:
    assert flaws(CALL, problems=["line 3: changed"]) == [Flaw.LOST]


def test_left_over() -> None:
    assert flaws(CALL, left=["channel 1.1-leg-x"]) == [Flaw.LEFT_OVER]


def test_a_finding_says_which_call() -> None:
    (found,) = judge(Evidence([replace(CALL, by="other")], WHOLE))
    assert found == Finding(Flaw.DROPPED, f"{NUMBER} was hung up on without an operator's doing")


def test_a_recording_that_is_missing_or_too_short() -> None:
    talked = replace(CALL, talked=9.0)
    assert flaws(talked) == [Flaw.LOST]
    assert flaws(talked, recorded={"1.1": 5.0}) == [Flaw.LOST]
    assert flaws(talked, recorded={"1.1": 8.2}) == []
    assert flaws(replace(talked, excused=True)) == []


# ---- silence


def test_quiet_spells() -> None:
    loud = [1.0, 1.5, 3.0, 3.2, 9.9]
    assert quiet_spells(loud, 0.0, 4.5, longer_than=1.0) == [Spell(1.5, 3.0), Spell(3.2, 4.5)]
    assert quiet_spells([], 0.0, 2.0, longer_than=1.0) == [Spell(0.0, 2.0)]
    assert quiet_spells([], 0.0, 0.5, longer_than=1.0) == []


@given(st.lists(st.floats(0, 100), max_size=50), st.floats(0, 50), st.floats(0, 50), st.floats(0.1, 5))
def test_no_spell_has_a_sound_in_it(loud: list[float], start: float, length: float, limit: float) -> None:
    end = start + length
    loud.sort()
    spells = quiet_spells(loud, start, end, longer_than=limit)
    for spell in spells:
        assert start <= spell.start < spell.end <= end
        assert spell.seconds > limit
        assert not [at for at in loud if spell.start < at < spell.end]


# ---- the radio


def air(*actions: str) -> list[Record]:
    return [*WHOLE, *(line(len(WHOLE) + n, action, None, transmission="t1") for n, action in enumerate(actions, 1))]


@pytest.mark.parametrize(
    ("actions", "flaw"),
    [
        (["radio.keyed"], Flaw.LOST),
        (["radio.released"], Flaw.LOST),
        (["radio.keyed", "radio.released", "radio.released"], Flaw.DOUBLED),
        (["radio.keyed", "radio.keyed", "radio.released"], Flaw.DOUBLED),
    ],
)
def test_a_transmission_without_exactly_one_beginning_and_end(actions: list[str], flaw: Flaw) -> None:
    assert flaws(CALL, records=air(*actions)) == [flaw]


def test_a_transmission_that_is_whole() -> None:
    assert flaws(CALL, records=air("radio.keyed", "radio.released")) == []
