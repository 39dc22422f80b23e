"""Who gets whom: the call that waits longest gets the desk that is idle longest (SOP V.2)."""

from __future__ import annotations

import anyio
import pytest

from ari_app.ari.errors import InboxFull
from ari_app.domain.desks import DeskState
from ari_app.domain.facts import Fact
from ari_app.flows.messages import DeskReady
from ari_app.flows.switchboard import REFUSED_SECONDS, Switchboard
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import floor

pytestmark = pytest.mark.anyio


async def test_longest_idle_desk_rings(lags: Lags) -> None:
    async with floor("1001", "1002", "1003", lags=lags) as here:
        for desk in ("1002", "1001", "1003"):
            here.asterisk.register(desk, answers_after=0.5)
            await anyio.sleep(1)
        for _ in range(6):
            call = here.asterisk.call()
            await here.ended_talk(call)
    assert here.asterisk.rung == ["1002", "1001", "1003"] * 2


async def test_who_let_it_ring_is_not_ready_until_they_say_so(lags: Lags) -> None:
    async with floor("1001", "1002", "1003", lags=lags) as here:
        here.asterisk.register("1001")
        for desk in ("1002", "1003"):
            await anyio.sleep(1)
            here.asterisk.register(desk, answers_after=0.5)
        for _ in range(3):
            await here.ended_talk(here.asterisk.call())
        here.asterisk.phones["1001"].answers_after = 0.5
        here.asterisk.dial("1001", "service", "*12")
        await anyio.sleep(10)
        for _ in range(3):
            await here.ended_talk(here.asterisk.call())
    assert here.asterisk.rung == ["1001", "1002", "1003", "1002", "1003", "1002", "1001"]
    (told,) = [fact for fact in here.journal if fact.action == "operator.not_ready"]
    assert (told.actor, told.data) == ("system", {"operator": None, "desk": "1001", "reason": "no_answer"})


async def test_an_abandoned_call_that_got_no_desk_costs_no_desk_its_place(lags: Lags) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        call = here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(call))
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
        for desk in ("1001", "1002"):
            here.asterisk.register(desk, answers_after=0.5)
            await anyio.sleep(1)
        await here.ended_talk(here.asterisk.call())
    assert here.asterisk.rung == ["1001"]


async def test_two_calls_two_desks(lags: Lags) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        for desk in ("1001", "1002"):
            here.asterisk.register(desk, answers_after=0.5)
            await anyio.sleep(1)
        first = here.asterisk.call()
        await anyio.sleep(0.001)
        second = here.asterisk.call()
        await here.talking(first, "1001")
        await here.talking(second, "1002")
        here.asterisk.caller_hangs_up(first)
        await here.ended(first)
        assert here.asterisk.is_talking(second, "1002")
        here.asterisk.desk_hangs_up("1002")
        await here.ended(second)


async def test_one_desk_serves_the_queue_in_order(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        calls = []
        for _ in range(5):
            calls.append(here.asterisk.call())
            await anyio.sleep(1)
        here.asterisk.register("1001", answers_after=0.5)
        for call in calls:
            await here.ended_talk(call)
    answered = [fact.call for fact in here.journal if fact.action == "call.answered"]
    assert answered == calls


async def test_many_calls_few_desks(lags: Lags) -> None:
    async with floor("1001", "1002", "1003", lags=lags) as here:
        for desk in ("1001", "1002", "1003"):
            here.asterisk.register(desk, answers_after=0.2)
        calls = [here.asterisk.call() for _ in range(60)]
        async with anyio.create_task_group() as tasks:
            for call in calls:
                tasks.start_soon(here.ended_talk, call)
    assert sorted(fact.call or "" for fact in here.journal if fact.action == "call.answered") == sorted(calls)
    assert not [fact for fact in here.journal if fact.action == "call.not_answered"]


# ---- the switchboard by itself ------------------------------------------------------------------


class Everybody:
    """A staff that is always there and ready."""

    def operator_at(self, desk: str) -> str | None:
        return None if desk else ""

    def is_staffed(self, desk: str) -> bool:
        return bool(desk)

    def is_ready(self, desk: str) -> bool:
        return bool(desk)

    def not_ready(self, desk: str, reason: str, actor: str) -> None:
        raise AssertionError((desk, reason, actor))

    def phone_came(self, desk: str) -> None:
        """Nothing changes."""


def _board(*desks: str) -> tuple[Switchboard, list[Fact]]:
    told: list[Fact] = []
    return Switchboard(dict.fromkeys(desks, "polda"), Everybody(), told.append), told


async def test_registrations_are_told_once() -> None:
    board, told = _board("1001")
    for registered in (True, True, False, False):
        board.phone("1001", registered=registered)
    board.phone("9999", registered=True)
    assert [(fact.action, fact.data) for fact in told] == [
        ("desk.registered", {"desk": "1001"}),
        ("desk.unregistered", {"desk": "1001"}),
    ]


async def test_a_resting_desk_is_offered_when_it_has_rested() -> None:
    board, _ = _board("1001")
    board.phone("1001", registered=True)
    got: list[float] = []
    board.wait("first", lambda _: got.append(anyio.current_time()))
    board.withdraw("first")
    board.release("1001", refused=True)
    began = anyio.current_time()
    board.wait("second", lambda _: got.append(anyio.current_time()))
    await anyio.sleep(60)
    assert got == [began, began + REFUSED_SECONDS]


async def test_who_leaves_the_queue_gets_no_desk_and_frees_its_own() -> None:
    board, _ = _board("1001")
    got: list[tuple[str, DeskReady]] = []
    for call in ("first", "second", "third"):
        board.wait(call, lambda ready, call=call: got.append((call, ready)))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    board.withdraw("first")
    board.phone("1001", registered=True)
    assert got == [("second", DeskReady("1001"))]
    board.leave("second")
    assert got[1:] == [("third", DeskReady("1001"))]
    board.leave("third")
    assert board.desks["1001"].state is DeskState.FREE


async def test_a_stuck_call_costs_the_next_one_nothing() -> None:
    """Its inbox is full: the desk goes to the next call, and nobody else hears of the exception."""
    board, _ = _board("1001")
    got: list[DeskReady] = []

    def full(_: DeskReady) -> None:
        raise InboxFull

    board.wait("stuck", full)
    board.wait("next", got.append)
    board.phone("1001", registered=True)
    assert got == [DeskReady("1001")]
    assert board.desks["1001"].call == "next"


async def test_adopting_leaves_busy_and_unknown_desks_as_they_are() -> None:
    board, _ = _board("1001", "1002")
    board.phone("1001", registered=True)
    board.wait("ringing", lambda _: None)
    for desk in ("1001", "1002", "9999"):
        board.take(desk, "found")
    assert {desk.extension: (desk.state, desk.call) for desk in board.desks.values()} == {
        "1001": (DeskState.RINGING, "ringing"),
        "1002": (DeskState.TALKING, "found"),
    }
