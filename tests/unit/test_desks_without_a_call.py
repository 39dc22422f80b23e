"""Wrap-up and desks that talk to each other: what screens and listings say of them, and when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ari_app.bus.board import desk_state
from ari_app.domain.facts import Fact
from tests.unit.cli_site import CliSite
from tests.unit.test_floor import at, fact, folded, records
from tests.unit.test_watch_screen import shown, view_of

HERE = [fact("desk.registered", desk="1002"), fact("desk.registered", desk="2001")]
WRAPUP = fact("desk.wrapup", desk="1002", seconds=15)
TALK = fact("desk.talking", desk="1002", to="2001")


def states(*told: Fact, seconds: float | None = None) -> dict[str, tuple[str, str | None]]:
    """State and since when, of both desks; ``seconds``: that much later, if nothing more is told."""
    floor = folded(records([*HERE, *told]))
    if seconds is not None:
        floor.pass_time(at(len(HERE) + len(told) + seconds))
    return {name: (floor.desks[name].state, floor.desks[name].since) for name in ("1002", "2001")}


def test_a_wrap_up_begins_and_ends_by_itself() -> None:
    assert states(WRAPUP)["1002"] == ("wrapup", at(3))
    assert states(WRAPUP, seconds=14.9)["1002"] == ("wrapup", at(3))
    assert states(WRAPUP, seconds=15)["1002"] == ("ready", at(18))
    assert states(WRAPUP, seconds=15)["2001"] == ("ready", at(2))


@pytest.mark.parametrize(
    "end", [fact("desk.free", desk="1002"), fact("desk.registered", desk="1002"), fact("application.started")]
)
def test_what_ends_a_wrap_up_before_its_time(end: Fact) -> None:
    """The operator's `*12`, a phone that registers anew, another application: for none of them it goes on."""
    assert states(WRAPUP, end)["1002"] == ("ready", at(4))


def test_who_is_not_ready_or_not_there_is_in_no_wrap_up() -> None:
    assert states(WRAPUP, fact("operator.not_ready", desk="1002", reason="meal"))["1002"][0] == "not_ready"
    assert states(WRAPUP, fact("desk.unregistered", desk="1002"))["1002"][0] == "unregistered"


def test_the_talk_counts_until_it_is_over() -> None:
    """The desk is free while the call's last facts are told; and rings in need, whatever its operator still does."""
    story = [fact("call.received", "a"), fact("call.answered", "a", desk="1002"), WRAPUP]
    assert states(*story)["1002"] == ("talking", at(4))
    assert states(*story, fact("call.ended", "a", outcome="answered"))["1002"] == ("wrapup", at(6))
    assert states(WRAPUP, fact("call.received", "a"), fact("call.offered", "a", desk="1002"))["1002"][0] == "ringing"


def test_two_desks_talk() -> None:
    assert states(TALK) == {"1002": ("talking", at(3)), "2001": ("talking", at(3))}
    assert states(TALK, fact("desk.free", desk="1002", to="2001")) == {
        "1002": ("ready", at(4)),
        "2001": ("ready", at(4)),
    }
    assert states(TALK, fact("application.started"), TALK)["2001"] == ("talking", at(5)), "adopted"
    assert states(TALK, fact("application.started"))["2001"] == ("ready", at(4)), "over, and nobody saw it"


def test_the_end_of_one_talk_is_not_that_of_the_next() -> None:
    """The other desk has a caller by then (an attended transfer), or talks to somebody else."""
    story = [TALK, fact("call.received", "a"), fact("call.transfer_answered", "a", desk="2001", polres="01")]
    assert states(*story, fact("desk.free", desk="1002", to="2001"))["2001"] == ("talking", at(5))
    later = fact("desk.talking", desk="1001", to="2001")
    assert states(TALK, later, fact("desk.free", desk="1002", to="2001"))["2001"] == ("talking", at(4))


@pytest.mark.parametrize("seconds", [None, "15", True, [], 0, -3])
def test_a_wrap_up_that_makes_no_sense_is_none(seconds: object) -> None:
    assert states(fact("desk.wrapup", desk="1002", seconds=seconds), seconds=0.0)["1002"][0] == "ready"


def test_the_message_of_a_desk_says_with_whom_and_until_when() -> None:
    floor = folded(records([*HERE, WRAPUP]))
    assert (desk_state(floor.desks["1002"]).colleague, desk_state(floor.desks["1002"]).wrapup_until) == (None, at(18))
    assert floor.ready_desks() == 0
    floor = folded(records([*HERE, TALK]))
    assert (desk_state(floor.desks["1002"]).colleague, desk_state(floor.desks["1002"]).wrapup_until) == ("2001", None)


@pytest.mark.parametrize(("told", "words"), [([WRAPUP], ["wrapup"]), ([TALK], ["-> 2001", "-> 1002"])])
def test_siaga_watch(told: Sequence[Fact], words: Sequence[str]) -> None:
    lines = shown(view_of([*HERE, *told]), seconds=8)
    for word in words:
        (line,) = [line for line in lines if word in line]
        assert f"{word:<13}0:05" in line


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    return CliSite(tmp_path / "state", monkeypatch, capfd)


def test_siaga_desks_list(site: CliSite) -> None:
    """State, since when, with whom, until when; what is over is not there any more."""
    began = datetime.now(UTC) - timedelta(seconds=60)
    site.tell(
        Fact("system", each.action, None, each.data, began)
        for each in [
            *(fact("desk.registered", desk=desk) for desk in ("1001", "1002", "2001")),
            fact("operator.logged_in", operator="87020001", desk="1001"),
            fact("operator.logged_in", operator="87020002", desk="1002"),
            fact("desk.wrapup", desk="1001", seconds=3000),
            fact("desk.wrapup", desk="1002", seconds=15),
            fact("desk.talking", desk="2001", to="1003"),
        ]
    )
    desks = {desk["extension"]: desk for desk in site.run("desks", "list", "--json").json()}
    assert {name: desk["state"] for name, desk in desks.items()} == {
        "1001": "wrapup", "1002": "ready", "2001": "talking",
    }  # fmt: skip
    assert datetime.fromisoformat(desks["1001"]["wrapup_until"]) - began >= timedelta(seconds=2999)
    assert abs(datetime.fromisoformat(desks["2001"]["busy_since"]) - began) < timedelta(seconds=1)
    assert [desks[name]["colleague"] for name in ("1001", "1002", "2001")] == [None, None, "1003"]
    assert (desks["1002"]["busy_since"], desks["1002"]["wrapup_until"]) == (None, None)
    assert "1003" in site.run("desks", "list").out
