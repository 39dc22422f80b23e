"""Radio nets when events are lost with the link to Asterisk: nobody is talked over, no floor is kept (SOP VII.d)."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import heard, press
from tests.flows.test_radio import DTMF, LONGEST, NET, hang_up, on_net, told

pytestmark = pytest.mark.anyio


async def blip(here: Floor, meanwhile: Callable[[], object] = lambda: None) -> None:
    """The link is lost for a moment, and what happens ``meanwhile`` is not told."""
    here.lose_link()
    meanwhile()
    await anyio.sleep(0.2)
    await here.restore_link()


async def test_the_link_is_lost_and_the_line_with_it(lags: Lags) -> None:
    """The desk stays on the net, and the line is called anew."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5", settled=1)
        await blip(here, lambda: here.asterisk.gateway_hangs_up("300"))
        await anyio.sleep(2)
        assert told(here) == ["1001 keyed", "1001 gateway_lost"]
        assert here.asterisk.legs[leg].muted
        await press(here, "1001", "5", settled=1)
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5", settled=1)
        await hang_up(here, "1001")


async def test_the_link_is_lost_for_a_moment_only(lags: Lags) -> None:
    """Who has keyed goes on talking, and the line stays."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        (leg,) = await on_net(here, "1001")
        await press(here, "1001", "5", settled=1)
        await blip(here)
        await anyio.sleep(1)
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5", settled=1)
        assert here.asterisk.gateways["300"].calls == 1
        await hang_up(here, "1001")
    assert told(here) == ["1001 keyed", "1001 unkeyed"]


async def test_an_officer_who_talks_on_while_the_link_is_lost_is_not_talked_over(lags: Lags) -> None:
    """Though nothing is told of it before they pause; it is one transmission with one recording."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(1)
        for _ in range(2):
            await blip(here)
            await anyio.sleep(1)
            await press(here, "1001", "5")
            assert here.asterisk.on_air("300") == set()
        assert heard(here, leg) == ["nada-salah"] * 2
        assert list(here.asterisk.recordings.values()) == ["recording"]
        here.asterisk.officer_talks("300", on=False)
        await anyio.sleep(1)
        await hang_up(here, "1001")
    assert told(here) == ["officer keyed", "officer silent"]


async def test_an_officer_who_ends_while_the_link_is_lost_frees_the_floor(lags: Lags) -> None:
    async with floor("1001", lags=lags, nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(1)
        await blip(here, lambda: here.asterisk.officer_talks("300", on=False))
        await anyio.sleep(1)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5")
        await hang_up(here, "1001")
    assert told(here) == ["officer keyed", "officer silent", "1001 keyed", "1001 unkeyed"]


async def test_a_stuck_radio_does_not_get_the_floor_again_when_the_link_was_lost() -> None:
    async with floor("1001", nets=[NET]) as here:
        (leg,) = await on_net(here, "1001")
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(LONGEST + 1)
        await blip(here)
        await anyio.sleep(1)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5")
        await hang_up(here, "1001")
    assert told(here) == ["officer keyed", "officer time_out", "1001 keyed", "1001 unkeyed"]


@pytest.mark.parametrize("trouble", ["before", "after", "refused"])
@pytest.mark.parametrize("order", ["ignore_talk", "detect_talk"])
async def test_a_line_that_cannot_be_listened_to_anew_is_called_anew(order: str, trouble: str) -> None:
    async with floor("1001", nets=[NET]) as here:
        await on_net(here, "1001")
        here.asterisk.trouble[order] = [trouble]  # type: ignore[list-item]
        await blip(here)
        await anyio.sleep(5)
        assert here.asterisk.gateways["300"].calls == 2
        here.asterisk.officer_talks("300", on=True)
        await anyio.sleep(1)
        here.asterisk.officer_talks("300", on=False)
        await anyio.sleep(1)
        await hang_up(here, "1001")
    assert told(here) == ["officer keyed", "officer silent"]
