"""The phone's own transfer key, pressed in the caller's call or in the one with the Polres: SOP V.6 and V.7."""

from __future__ import annotations

import anyio
import pytest

from tests.flows.fake_asterisk import Lags
from tests.flows.floor import floor
from tests.flows.scenes import at_polres, goodbye, hear_each_other, heard, in_talk, is_idle, leg_at, rings

pytestmark = pytest.mark.anyio

LATE = [None, 0.0, 0.005, 0.05]
"""How long after the phone's end the news of it comes; None: before."""


async def test_the_phones_own_transfer_key_does_the_same(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011")
        call = await in_talk(here)
        here.asterisk.refer("1001", "201")
        await here.until(lambda: rings(here, "2011"), seconds=1)
        assert is_idle(here, "1001")
        assert heard(here, call) == ["izin-menunggu"]
        here.asterisk.desk_answers("2011")
        await at_polres(here, call, "2011")
        assert hear_each_other(here, call, leg_at(here, "2011"))
        await goodbye(here, call)
    assert here.facts(call, "call.referred")[0].data == {"desk": "1001", "to": "201"}
    assert len(here.facts(call, "call.transfer_answered")) == 1


@pytest.mark.parametrize("late", [0.0, 0.005, 0.05])
@pytest.mark.parametrize("held", [False, True])
async def test_the_news_of_it_comes_after_the_phones_end(lags: Lags, late: float, held: bool) -> None:  # noqa: FBT001 - drawn
    """Whoever transfers has not hung up on the caller, whatever is heard first."""
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011", answers_after=1.0)
        call = await in_talk(here)
        if held:
            here.asterisk.hold_key("1001", on=True)
            await anyio.sleep(1)
        here.asterisk.refer("1001", "201", late=late)
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=5)
        assert "call.requeued" not in here.told(call)
        assert here.facts(call, "call.referred")[0].data == {"desk": "1001", "to": "201"}
        await anyio.sleep(1)
        assert is_idle(here, "1001")
        await goodbye(here, call)


@pytest.mark.parametrize("to", ["201", "2019", "1002", "0812", "299"])
async def test_the_phones_own_transfer_key_fails(lags: Lags, to: str) -> None:
    """The operator has left by then: the caller goes to the head of the queue."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.refer("1001", to)
        await here.until(lambda: "call.requeued" in here.told(call), seconds=7)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=3)
        await goodbye(here, call)


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("to", ["201", "2011"])
@pytest.mark.parametrize("is_first", [True, False])
async def test_two_calls_are_joined(lags: Lags, late: float | None, to: str, *, is_first: bool) -> None:
    """The phone presses the key in the caller's call or in the other one: phones differ. The Polres has the caller."""
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011", answers_after=0.1)
        call = await in_talk(here)
        first = leg_at(here, "1001")
        here.asterisk.hold_key("1001", on=True)
        second = here.asterisk.dial("1001", "colleague", to)
        await here.until(lambda: here.asterisk.legs[second].bridge)
        await anyio.sleep(0.5)
        here.asterisk.join_calls(*((first, second) if is_first else (second, first)), late=late)
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=1)
        await anyio.sleep(2)
        assert hear_each_other(here, call, leg_at(here, "2011"))
        assert "call.requeued" not in here.told(call)
        assert is_idle(here, "1001")
        await goodbye(here, call)
    assert len(here.facts(call, "call.transfer_answered")) == 1


@pytest.mark.parametrize("is_first", [True, False])
async def test_the_colleague_hangs_up_while_the_two_are_joined(lags: Lags, *, is_first: bool) -> None:
    """Then nobody has the caller, who goes to the head of the queue."""
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011", answers_after=0.1)
        call = await in_talk(here)
        first = leg_at(here, "1001")
        second = here.asterisk.dial("1001", "colleague", "2011")
        await here.until(lambda: here.asterisk.legs[second].bridge)
        await anyio.sleep(0.5)
        here.asterisk.join_calls(*((first, second) if is_first else (second, first)))
        here.asterisk.desk_hangs_up("2011")
        await here.until(lambda: "call.requeued" in here.told(call), seconds=3)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=3)
        await goodbye(here, call)
