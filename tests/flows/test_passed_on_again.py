"""A caller of the fallback's whom a phone has joined with a colleague, and what comes after that."""

from __future__ import annotations

import anyio
import pytest

from ari_app.flows.recovery import EVERY_SECONDS
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.guarding import the_guard_acts
from tests.flows.scenes import goodbye, leg_at, rings
from tests.flows.test_transfer_key import with_a_stranger

pytestmark = pytest.mark.anyio


def passed_on(here: Floor, stranger: str) -> str:
    """The colleague passes them on by the phone's own key; who stands for whoever has them now."""
    bridge = here.asterisk.legs[stranger].bridge
    assert bridge is not None
    here.asterisk.refer("2011", "201", late=0.01)
    (other,) = here.asterisk.open_bridges[bridge] - {stranger}
    return other


def together(here: Floor, *legs: str) -> bool:
    """Whether these and nobody else are in one bridge."""
    return any(inside == set(legs) for inside in here.asterisk.open_bridges.values())


@pytest.mark.parametrize("is_first", [True, False])
async def test_the_colleague_passes_them_on(lags: Lags, *, is_first: bool) -> None:
    """They go on talking, through two stand-ins in our bridge, until one of them is gone."""
    async with floor("1001", "2011", lags=lags) as here:
        stranger = await with_a_stranger(here)
        await anyio.sleep(2)
        other = passed_on(here, stranger)
        await anyio.sleep(20)
        assert together(here, stranger, other)
        here.asterisk.stranger_leaves(stranger if is_first else other)
        await here.until(lambda: not {stranger, other} & here.asterisk.legs.keys(), seconds=2)


async def test_the_application_is_killed_after_that(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        stranger = await with_a_stranger(here)
        other = passed_on(here, stranger)
        await anyio.sleep(2)
        here.kill()
        await the_guard_acts(here.asterisk)
        await here.start()
        await anyio.sleep(2.5 * EVERY_SECONDS)
        assert together(here, stranger, other)
        here.asterisk.stranger_leaves(other)
        await here.until(lambda: stranger not in here.asterisk.legs, seconds=EVERY_SECONDS + 1)
        assert here.told(stranger) == []


async def test_the_desk_that_passed_them_on_is_free(lags: Lags) -> None:
    """Its operator has nobody: the next caller need not wait until the other two have said goodbye."""
    async with floor("1001", "2011", lags=lags) as here:
        stranger = await with_a_stranger(here)
        await anyio.sleep(1)
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001"), seconds=1)
        here.asterisk.desk_answers("1001")
        await here.talking(call, "1001", seconds=1)
        here.asterisk.stranger_leaves(stranger)
        await anyio.sleep(2)
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)


async def test_one_whose_bridge_is_gone_does_not_hear_silence_for_ever(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        stranger = await with_a_stranger(here)
        await anyio.sleep(1)
        here.kill()
        bridge = here.asterisk.legs[stranger].bridge
        assert bridge is not None
        await here.asterisk.hangup(leg_at(here, "2011"))
        await here.asterisk.destroy_bridge(bridge)
        await here.start()
        assert stranger in here.asterisk.legs, "it might be on its way into a bridge"
        await here.until(lambda: stranger not in here.asterisk.legs, seconds=EVERY_SECONDS + 1)
        assert here.told(stranger) == []
