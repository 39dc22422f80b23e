"""The phone's own transfer key in the fallback, as the dialplan notes it: every desk that had the caller is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.facts import Fact
from ari_app.domain.notes import parse, story, within
from tests.unit.note_lines import RECEIVED, START, line

FIRST = f"1001@{START + 1000}/"
SENT = f"{FIRST}>201@{START + 2000}/"


def facts(text: str, told: set[str] | None = None) -> list[Fact]:
    note = parse(text)
    assert note is not None, text
    return story(note, told or {"call.received", "call.fallback"}, "ID")


def names(found: list[Fact]) -> list[str]:
    return [fact.action for fact in found]


def test_the_polres_answers() -> None:
    told = facts(line(earlier=SENT, desk="2011", by="desk"))
    assert names(told) == [
        "call.answered", "complaint.opened", "call.referred", "call.transfer_started", "call.transfer_answered",
        "call.ended",
    ]  # fmt: skip
    assert (told[0].actor, told[0].data) == ("desk:1001", {"desk": "1001", "waited_ms": 1000})
    assert told[1].data["desk"] == "1001"
    assert (told[2].actor, told[2].data) == ("desk:1001", {"desk": "1001", "to": "201"})
    assert told[3].data == {"polres": "01", "desk": None}
    assert (told[4].actor, told[4].data) == ("desk:2011", {"polres": "01", "desk": "2011", "waited_ms": 4000})
    assert (told[5].actor, told[5].data["outcome"]) == ("desk:2011", "fallback")
    assert [fact.at for fact in told] == [
        RECEIVED + timedelta(seconds=seconds) for seconds in (1, 1, 2, 2, 6, 10)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("why", "reason"),
    [("NOANSWER", "no_answer"), ("BUSY", "busy"), ("CHANUNAVAIL", "unreachable"), ("", "unreachable")],
)
def test_it_is_taken_back(why: str, reason: str) -> None:
    told = facts(line(earlier=f"{SENT}{why}@{START + 5000}/", desk="1002"))
    assert names(told)[-3:] == ["call.taken_back", "call.answered", "call.ended"]
    assert told[-3].data == {"polres": "01", "desk": None, "reason": reason, "waited_ms": 3000}
    assert told[-2].data == {"desk": "1002", "waited_ms": 6000}
    assert names(told).count("complaint.opened") == 1


def test_the_caller_gives_up() -> None:
    """An operator has spoken with them: the call is not abandoned."""
    told = facts(line(earlier=SENT, desk="", talked=""))
    assert names(told)[-2:] == ["call.transfer_ended", "call.ended"]
    assert told[-2].data == {"polres": "01", "desk": None, "reason": "caller_left", "waited_ms": 8000}
    assert told[-1].data["outcome"] == "fallback"
    told = facts(line(earlier=f"{SENT}BUSY@{START + 5000}/", desk="", talked=""))
    assert names(told)[-2:] == ["call.taken_back", "call.ended"]


def test_joined_with_a_call_that_came_to_nothing() -> None:
    told = facts(line(earlier=FIRST, desk="1002"))
    assert names(told) == ["call.answered", "complaint.opened", "call.answered", "call.ended"]
    assert [told[place].data["desk"] for place in (0, 2)] == ["1001", "1002"]


def test_from_polres_to_polres_and_back() -> None:
    more = f"2011@{START + 3000}/>202@{START + 4000}/NOANSWER@{START + 5000}/"
    told = facts(line(earlier=SENT + more, desk="1001"))
    assert names(told)[4:] == [
        "call.transfer_answered", "call.referred", "call.transfer_started", "call.taken_back", "call.answered",
        "call.ended",
    ]  # fmt: skip
    assert [fact.data.get("polres") for fact in told[4:8]] == ["01", None, "02", "02"]


@pytest.mark.parametrize(
    "earlier", ["/", "1001@1", "1001/", ">201@1/", "1001@1/>@1/", "1001@1/>201@/", "1001@1/BUSY@1/", "1001@1/>2*@1/"]
)
def test_damaged(earlier: str) -> None:
    assert parse(line(earlier=earlier)) is None


@given(st.lists(st.sampled_from([FIRST, SENT, f"{SENT}BUSY@0/", f"@/>201@{10**14 - 1}/", "1@99999999999999/"])))
def test_any_row_of_them(rows: list[str]) -> None:
    text = line(earlier="".join(rows))
    told = facts(text)
    assert names(told).count("call.ended") == 1
    assert all(fact.at and RECEIVED <= fact.at <= RECEIVED + timedelta(seconds=10) for fact in told)
    assert all(int(str(fact.data.get("waited_ms", 0))) >= 0 for fact in told)
    assert within(f"1738285323.6|torn{text}") == [parse(text)]
