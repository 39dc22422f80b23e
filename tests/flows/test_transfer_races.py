"""Everything that can meet the Polres's answer or the end of its time, a millisecond before and after it (SOP V.10).

There is exactly one winner each time, and no leg is left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import anyio
import pytest

from ari_app.domain.desks import Pause
from tests.flows.fake_asterisk import BUSY, Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import hear_each_other, in_talk, is_idle, leg_at, rings

pytestmark = pytest.mark.anyio

DOINGS = ("answer", "other answer", "caller", "polda", "polres", "polres gone", "take back", "code")
STEPS = [step / 1000 for step in (0, 1, 2, 3, 5)]


def _do(here: Floor, call: str, doing: str) -> None:
    """What somebody does in this moment."""
    asterisk = here.asterisk
    match doing:
        case "answer":
            asterisk.desk_answers("2011")
        case "other answer":
            asterisk.desk_answers("2012")
        case "caller":
            asterisk.caller_hangs_up(call)
        case "polda":
            asterisk.desk_hangs_up("1001")
        case "polres":
            for desk in ("2011", "2012"):
                asterisk.desk_hangs_up(desk, BUSY)
        case "polres gone":
            asterisk.desk_hangs_up("2011", 20)
        case "take back":
            asterisk.press("1001", "#")
        case "code":
            asterisk.press("1001", "*5")


async def _race(lags: Lags, doings: Sequence[str], at: float, offset: float = 0.0) -> Floor:
    """The doings, the second ``offset`` after the first, which is ``at`` so many seconds from the end of the time."""
    async with floor("1001", "2011", "2012", lags=lags) as here:
        here.asterisk.register("2011")
        here.asterisk.register("2012")
        call = await in_talk(here)
        here.asterisk.press("1001", "*201#")
        await here.until(lambda: here.facts(call, "call.transfer_started"), seconds=1)
        over = anyio.current_time() + here.rules.answer
        await here.until(lambda: rings(here, "2011", "2012"), seconds=1)
        if "take back" in doings:
            await anyio.sleep(over + at - 0.5 - anyio.current_time())
            here.asterisk.press("1001", "#")  # the first of the two
        await anyio.sleep(over + at - anyio.current_time())
        for doing in doings:
            _do(here, call, doing)
            await anyio.sleep(offset)
        await anyio.sleep(1)
        if "call.taken_back" not in here.told(call) and "call.transfer_answered" not in here.told(call):
            await here.until(lambda: {"call.taken_back", "call.ended"} & set(here.told(call)), seconds=6)
        await anyio.sleep(4)  # every sentence has been said
        _assert_one_winner(here, call, doings)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    return here


def _assert_one_winner(here: Floor, call: str, doings: Sequence[str]) -> None:
    told = here.told(call)
    won = told.count("call.transfer_answered") + told.count("call.taken_back")
    assert told.count("call.transfer_answered") <= 1, told
    assert told.count("call.taken_back") <= 1, told
    assert told.count("call.requeued") <= 1, told
    if "call.ended" in told:
        assert won <= 1, told
        assert {"caller", "polda", "polres", "polres gone"} & set(doings), told
        assert all(is_idle(here, desk) for desk in ("1001", "2011", "2012"))
        return
    assert won == 1, told
    talking = [desk for desk in ("1001", "2011", "2012") if here.asterisk.is_talking(call, desk)]
    assert len(talking) == 1, (told, talking)
    assert hear_each_other(here, call, leg_at(here, talking[0]))
    assert all(is_idle(here, desk) for desk in {"1001", "2011", "2012"} - set(talking))
    is_with_polda = bool({"call.taken_back", "call.requeued"} & set(told))
    assert (talking == ["1001"]) == is_with_polda, (told, talking)


async def _sweep(what: str, run: Callable[[float], Awaitable[Floor]]) -> None:
    for step in STEPS:
        try:
            await run(step)
        except BaseException as error:
            error.add_note(f"{what}, {step * 1000:g} ms")
            raise


@pytest.mark.parametrize("first", DOINGS)
async def test_any_two_meet_while_it_rings(lags: Lags, first: str) -> None:
    for second in DOINGS:
        if first != second:
            await _sweep(f"{first}, {second}", partial(_race, lags, (first, second), -2.0))


@pytest.mark.parametrize("doing", DOINGS)
async def test_any_meets_the_end_of_the_time(lags: Lags, doing: str) -> None:
    await _sweep(f"{doing} before", lambda step: _race(lags, (doing,), -step))
    await _sweep(f"{doing} after", lambda step: _race(lags, (doing,), step))


@pytest.mark.parametrize("after_ms", [10, 15, 20, 25, 30])
async def test_the_callers_end_is_heard_late(after_ms: int) -> None:
    """The Polres answers, and the caller has just hung up: that desk is not taken for one that nobody can reach."""
    async with floor("1001", "2011", lags=Lags(event=lambda: 0.02)) as here:
        here.asterisk.register("2011")
        call = await in_talk(here)
        here.asterisk.press("1001", "*201#")
        await here.until(lambda: rings(here, "2011"), seconds=1)
        await anyio.sleep(1)
        here.asterisk.desk_answers("2011")
        await anyio.sleep(after_ms / 1000)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
        assert "call.taken_back" not in here.told(call)
        assert here.board.desks["2011"].pause is not Pause.REFUSED


@pytest.mark.parametrize("after_ms", [10, 15, 20, 25, 30])
async def test_the_callers_end_is_heard_late_in_an_emergency(after_ms: int) -> None:
    """As above for the first desk that rings (SOP V.2)."""
    async with floor("1001", lags=Lags(event=lambda: 0.02)) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001"), seconds=1)
        await anyio.sleep(1)
        here.asterisk.desk_answers("1001")
        await anyio.sleep(after_ms / 1000)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
        assert "call.not_answered" not in here.told(call)
        assert here.board.desks["1001"].pause is not Pause.REFUSED
