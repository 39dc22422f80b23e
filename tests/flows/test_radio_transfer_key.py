"""On a radio net, the phone's own transfer key sends nobody onto the air (SOP VII.d)."""

from __future__ import annotations

import anyio
import pytest

from tests.flows.fake_asterisk import Lags
from tests.flows.floor import floor
from tests.flows.scenes import goodbye, is_idle, press
from tests.flows.test_radio import DTMF, NET, hang_up, on_net, radio, told
from tests.flows.test_radio_patch import patched

pytestmark = pytest.mark.anyio

LATE = [None, 0.0, 0.05, 3.0]
"""When the transfer is told: before the end of the phone's leg, or so much later."""


@pytest.mark.parametrize("late", LATE)
async def test_nobody_takes_the_desks_place_on_the_net(lags: Lags, late: float | None) -> None:
    """The desk has left; who would have been rung in its place is heard by nobody, and rings no more."""
    async with floor("1001", "2011", lags=lags, nets=[NET]) as here:
        await on_net(here, "1001")
        here.asterisk.refer("1001", "201", late=late)
        await anyio.sleep(0.5)
        assert here.asterisk.on_air("300") == set()
        assert is_idle(here, "1001")
        assert not [leg for leg in here.asterisk.legs.values() if leg.name.startswith("Local/")]
    assert [fact.data["desk"] for fact in radio(here, "radio.left")] == ["1001"]


@pytest.mark.parametrize("late", LATE)
async def test_who_has_keyed_transfers(lags: Lags, late: float | None) -> None:
    """The transmitter goes off."""
    async with floor("1001", "2011", lags=lags, nets=[DTMF]) as here:
        await on_net(here, "1001")
        await press(here, "1001", "5", settled=1)
        here.asterisk.refer("1001", "201", late=late)
        await anyio.sleep(0.5)
        assert here.asterisk.on_air("300") == set()
        assert here.asterisk.gateways["300"].keys == ["*9", "#"]
    assert told(here) == ["1001 keyed", "1001 leg_lost"]


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_colleague_is_not_joined_with_the_net(lags: Lags, late: float | None, *, is_first: bool) -> None:
    """Whichever of its two calls the phone presses the key in."""
    async with floor("1001", "1002", lags=lags, nets=[NET]) as here:
        here.asterisk.register("1002", answers_after=0.1)
        (leg,) = await on_net(here, "1001")
        other = here.asterisk.dial("1001", "colleague", "1002")
        await here.until(lambda: here.asterisk.legs[other].bridge)
        await anyio.sleep(0.5)
        here.asterisk.join_calls(*((leg, other) if is_first else (other, leg)), late=late)
        await anyio.sleep(0.3)
        assert here.asterisk.on_air("300") == set()
        here.asterisk.desk_hangs_up("1002")
        await anyio.sleep(1.5)


@pytest.mark.parametrize("late", LATE[:-1])
@pytest.mark.parametrize("keys", ["", "25"])
async def test_who_is_there_for_a_call_transfers_the_caller(lags: Lags, late: float | None, keys: str) -> None:
    """To the Polres, who is not on the net for it."""
    async with floor("1001", "2011", lags=lags, nets=[NET]) as here:
        here.asterisk.register("2011", answers_after=0.5)
        call, _ = await patched(here)
        for each in keys:
            await press(here, "1001", each, settled=0.7)
        here.asterisk.refer("1001", "201", late=late)
        await anyio.sleep(0.3)
        assert here.asterisk.on_air("300") == set()
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=5)
        assert here.asterisk.on_air("300") == set()
        await goodbye(here, call)


@pytest.mark.parametrize("keys", ["", "25"])
async def test_it_is_told_too_late_that_the_caller_was_transferred(lags: Lags, keys: str) -> None:
    """The caller goes to the head of the queue, and the net hears nobody."""
    async with floor("1001", "1002", "2011", lags=lags, nets=[NET]) as here:
        call, _ = await patched(here)
        for each in keys:
            await press(here, "1001", each, settled=0.7)
        here.asterisk.register("1002", answers_after=0.1)
        here.asterisk.refer("1001", "201", late=3.0)
        await anyio.sleep(0.3)
        assert here.asterisk.on_air("300") == set()
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=5)
        await goodbye(here, call)


async def test_a_transfer_that_fails_leaves_the_desk_on_the_net(lags: Lags) -> None:
    """There is no such number."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        here.asterisk.refer("1001", "0812", result="Invalid")
        await anyio.sleep(0.5)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await hang_up(here, "1001")


async def test_whoever_asterisk_has_put_onto_a_net_is_taken_off(lags: Lags) -> None:
    """Should nobody have told us: reconciling sees them, and leaves everybody else where they are."""
    async with floor("1001", "1002", lags=lags, nets=[NET]) as here:
        first, second = await on_net(here, "1001", "1002")
        here.lose_link()
        here.asterisk.refer("1002", "201", late=0.0)
        await anyio.sleep(0.2)
        assert here.asterisk.on_air("300")
        await here.restore_link()
        await anyio.sleep(0.5)
        assert here.asterisk.on_air("300") == set()
        assert here.asterisk.hears(first) == {here.asterisk.gateways["300"].leg}
        assert second not in here.asterisk.legs
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {first}
        await hang_up(here, "1001")
