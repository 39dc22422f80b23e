"""What is to be heard cannot be played: whoever waits is not left in silence for that, and Asterisk not flooded."""

from __future__ import annotations

import anyio
import pytest

from ari_app.flows.hearing import ENDLESS, Ear
from tests.flows.fake_asterisk import FakeAsterisk, Lags
from tests.flows.floor import RULES, Floor, floor
from tests.flows.scenes import goodbye, in_talk, press, transferring

pytestmark = pytest.mark.anyio

MOST_ORDERS = 2
"""A second, when nothing can be played."""
EVERY_SOUND = {"musik", "antrean-pembuka", "antrean-mohon-tunggu", "izin-menunggu"}


async def plays_ordered(here: Floor, *, seconds: float) -> int:
    """How many orders to play there are in so many seconds."""
    before = here.asterisk.orders["play"]
    await anyio.sleep(seconds)
    return here.asterisk.orders["play"] - before


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_refused_for_once(lags: Lags, times: int) -> None:
    """It is tried again until the caller hears the announcement and music."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.longest_silence = 0.6 * times
        here.asterisk.trouble["play"] = ["refused"] * times
        call = here.asterisk.call()
        await anyio.sleep(RULES.announce + 0.6 * times)
        assert here.asterisk.hears(call) == {"antrean-pembuka"}
        await anyio.sleep(2)
        assert here.asterisk.hears(call) == {"musik"}
        here.asterisk.register("1001", answers_after=0.1)
        await here.talking(call, "1001")
        await anyio.sleep(2)
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)


async def test_refused_and_a_desk_answers(lags: Lags) -> None:
    """Nothing is played to who talks."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.trouble["play"] = ["refused"]
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await anyio.sleep(RULES.announce + 0.2)
        here.asterisk.desk_answers("1001")
        await here.talking(call, "1001")
        await anyio.sleep(2)
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)


async def test_refused_and_the_caller_leaves(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.trouble["play"] = ["refused"] * 3
        call = here.asterisk.call()
        await anyio.sleep(RULES.announce + 0.7)
        await goodbye(here, call)
        assert await plays_ordered(here, seconds=5) == 0
    assert here.end_of(call)["outcome"] == "abandoned"


async def test_refused_on_hold(lags: Lags) -> None:
    """And back again, also before it was tried once more."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.trouble["play"] = [None, "refused"]  # the operator's confirmation comes first
        await press(here, "1001", "*4", settled=1)
        assert here.asterisk.hears(call) == {"izin-menunggu"}
        await press(here, "1001", "*4", settled=2)
        assert here.asterisk.is_talking(call, "1001")
        here.asterisk.trouble["play"] = [None, "refused"]
        await press(here, "1001", "*4", settled=0.1)
        await press(here, "1001", "*4", settled=3)
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)


async def test_refused_to_the_operator_who_transfers(lags: Lags) -> None:
    """The ringing tone is tried again."""
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011")
        call = await in_talk(here)
        here.asterisk.trouble["play"] = [None, "refused"]
        await press(here, "1001", "*201#", settled=1.5)
        operator = here.asterisk.phones["1001"].leg
        assert operator is not None
        assert here.asterisk.hears(operator) == {"tone:ring"}
        await goodbye(here, call)


@pytest.mark.parametrize("unreadable", [EVERY_SOUND, {"musik", "antrean-mohon-tunggu"}])
async def test_sounds_that_cannot_be_read(lags: Lags, unreadable: set[str]) -> None:
    """Who waits hears it ring."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.unreadable = unreadable
        call = here.asterisk.call()
        await anyio.sleep(RULES.announce)
        assert await plays_ordered(here, seconds=5) <= 5 * MOST_ORDERS
        assert here.asterisk.hears(call) == {"tone:ring"}
        assert await plays_ordered(here, seconds=60) == 0
        here.asterisk.register("1001", answers_after=0.1)
        await here.talking(call, "1001")
        await press(here, "1001", "*4", settled=3)
        assert here.asterisk.hears(call) == {"tone:ring"}
        await press(here, "1001", "*4", settled=3)
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)


async def test_one_sound_that_cannot_be_read(lags: Lags) -> None:
    """The music is heard all the same."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.unreadable = {"antrean-pembuka", "antrean-mohon-tunggu"}
        call = here.asterisk.call()
        await anyio.sleep(RULES.announce + 60)
        assert here.asterisk.hears(call) == {"musik"}
        await goodbye(here, call)


async def test_a_transfer_without_sounds(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.unreadable = {*EVERY_SOUND, "nada-ok"}
        call = await transferring(here, "2011")
        await anyio.sleep(2)
        assert here.asterisk.hears(call) == {"tone:ring"}
        here.asterisk.desk_answers("2011")
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=3)
        await goodbye(here, call)


async def test_an_end_that_is_told_late_is_not_taken_for_another_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes pressed one after the other while Asterisk says nothing: what was stopped is not begun again."""
    playing: list[str] = []

    async def play(_: FakeAsterisk, _leg: str, playback: str, _media: object) -> None:
        playing.append(playback)

    async def stop(_: FakeAsterisk, playback: str) -> None:
        playing.remove(playback)

    monkeypatch.setattr(FakeAsterisk, "play", play)
    monkeypatch.setattr(FakeAsterisk, "stop_playing", stop)
    async with floor("1001") as here:
        ear = Ear(here.asterisk, "1.1", "sounds")
        await ear.waits_for_answer()
        for _ in range(len(ENDLESS) - 1):
            await ear.confirms("nada-ok")
        await ear.finished("1.1-play-1")
        await ear.confirms("nada-ok")
        await ear.finished("1.1-play-0")
        await ear.stop()
        assert not playing
