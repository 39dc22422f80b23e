"""The caller on hold: by key, and by the phone's own hold key (SOP VI "Izin Menunggu", "Selesai Menunggu")."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from ari_app.flows.room import NEWS_SECONDS
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import OK, goodbye, heard, in_talk, is_idle, leg_at, press, rings

pytestmark = pytest.mark.anyio

KEYS = ("*4", "hold key")


async def _hold(here: Floor, key: str, *, on: bool) -> None:
    if key == "*4":
        await press(here, "1001", "*4")
    else:
        here.asterisk.hold_key("1001", on=on)
        await anyio.sleep(0.4)


@pytest.mark.parametrize("key", KEYS)
async def test_on_hold_and_back(lags: Lags, key: str) -> None:
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await _hold(here, key, on=True)
        assert heard(here, call) == ["izin-menunggu"]
        await anyio.sleep(2)
        assert here.asterisk.hears(call) == {"musik"}
        assert here.asterisk.hears(leg_at(here, "1001")) == set()
        await _hold(here, key, on=False)
        assert here.asterisk.hears(call) == {"selesai-menunggu"}
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=1.5)
        assert heard(here, leg_at(here, "1001")) == ([OK, OK] if key == "*4" else [])
        await goodbye(here, call)
    assert here.told(call)[5:] == ["call.held", "call.resumed", "call.ended"]
    assert here.facts(call, "call.held")[0].data == {"desk": "1001"}


async def test_the_music_does_not_end(lags: Lags) -> None:
    """Half an hour on hold, longer than one list of it."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*4")
        for _ in range(40):
            await anyio.sleep(60)
            assert here.asterisk.hears(call) == {"musik"}
        assert set(heard(here, call)) == {"izin-menunggu", "musik"}
        await press(here, "1001", "*4")
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)
        await goodbye(here, call)


async def test_the_hold_key_says_the_same_twice(lags: Lags) -> None:
    """A phone may tell again that it holds, or does not: once is enough."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        for on in (False, True, True, False, False):
            here.asterisk.hold_key("1001", on=on)
            await anyio.sleep(0.5)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)
        await goodbye(here, call)
    assert here.told(call)[5:] == ["call.held", "call.resumed", "call.ended"]


@pytest.mark.parametrize("key", KEYS)
async def test_the_operator_hangs_up_with_the_caller_on_hold(lags: Lags, key: str) -> None:
    """Nobody is let down: the caller goes to the head of the queue, and hears music all the time."""
    async with floor("1001", "1002", lags=lags) as here:
        call = await in_talk(here)
        waiting = here.asterisk.call()
        await anyio.sleep(1)
        await _hold(here, key, on=True)
        here.asterisk.phones["1001"].answers_after = None
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: "call.requeued" in here.told(call), seconds=NEWS_SECONDS + 0.1)
        here.asterisk.register("1002", answers_after=0.5)
        await here.until(lambda: rings(here, "1001"), seconds=1)
        assert here.facts(call, "call.requeued")[0].data == {"reason": "left_on_hold"}
        assert here.facts(call, "call.queued")[-1].data == {"priority": "take_back"}
        await here.until(lambda: here.asterisk.desk_answers("1001") or here.asterisk.is_talking(call, "1002"))
        await here.until(lambda: any(here.asterisk.is_talking(call, desk) for desk in ("1001", "1002")), seconds=1)
        await goodbye(here, call, waiting)


@pytest.mark.parametrize("after", [0.0, 0.3])
async def test_the_operator_hangs_up_as_the_next_application_has_brought_the_two_together(
    lags: Lags, after: float
) -> None:
    """They had put the caller on hold and know of nothing else."""
    async with floor("1001", "1002", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*4", settled=2)
        here.kill()
        await anyio.sleep(0.3)
        await here.start()
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=1)
        here.asterisk.register("1002", answers_after=0.1)
        await anyio.sleep(after)
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=2)
        await goodbye(here, call)


@pytest.mark.parametrize("after", [0.0, 0.7, 1.2, 1.499, 1.5, 1.501, 1.503, 1.51])
async def test_the_phone_dies_while_the_caller_hears_that_the_wait_is_over(lags: Lags, after: float) -> None:
    """The sentence is said to its end; then they hear what everybody hears who waits, for as long as it takes."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*4", settled=2)
        await press(here, "1001", "*4", settled=0)
        await here.until(lambda: here.asterisk.hears(call) == {"selesai-menunggu"}, seconds=0.1)
        await anyio.sleep(after)
        here.asterisk.unregister("1001")
        here.asterisk.desk_hangs_up("1001", cause=27)
        await anyio.sleep(60)
        assert here.asterisk.hears(call) & {"musik", "antrean-mohon-tunggu"}
        sounds = heard(here, call)
        assert sounds[:5] == ["izin-menunggu", "musik", "selesai-menunggu", "antrean-pembuka", "musik"]
        assert sounds.count("antrean-pembuka") == 1
        assert here.facts(call, "call.requeued")[0].data == {"reason": "phone_lost"}
        here.asterisk.register("1001", answers_after=0.2)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"))
        await goodbye(here, call)


@pytest.mark.parametrize("key", KEYS)
async def test_the_caller_hangs_up_on_hold(lags: Lags, key: str) -> None:
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await _hold(here, key, on=True)
        await goodbye(here, call)
        await here.until(lambda: is_idle(here, "1001"), seconds=0.1)
    assert here.end_of(call)["by"] == "caller"


@pytest.mark.parametrize("code", ["*0", "*7"])
async def test_closing_from_hold(lags: Lags, code: str) -> None:
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*4")
        await press(here, "1001", code)
        await here.ended(call, seconds=3)
    assert heard(here, call) == ["izin-menunggu", "salam-penutup"]


@pytest.mark.parametrize("answers", [True, False])
async def test_a_transfer_from_hold(lags: Lags, answers: bool) -> None:  # noqa: FBT001 - drawn
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011", answers_after=1.0 if answers else None)
        call = await in_talk(here)
        await press(here, "1001", "*4")
        await press(here, "1001", "*201#")
        desk = "2011" if answers else "1001"
        await here.until(lambda: here.asterisk.is_talking(call, desk), seconds=7)
        await anyio.sleep(2)
        assert here.asterisk.is_talking(call, desk)
        await goodbye(here, call)


async def test_a_transfer_from_hold_to_a_polres_that_nobody_can_reach(lags: Lags) -> None:
    """The caller and the operator talk again: that is what the operator must tell them."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*4")
        await press(here, "1001", "*201#")
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=0.5)
        await goodbye(here, call)


async def test_the_hold_key_in_any_moment_of_a_resume(lags: Lags) -> None:
    """Pressed again while the sentence is being said: whatever comes of it, nobody is left in silence."""

    def both(here: Floor, call: str) -> Callable[[], bool]:
        return lambda: here.asterisk.is_talking(call, "1001")

    for after in (0.0, 0.001, 0.002, 0.003, 0.005, 1.2, 1.499, 1.5, 1.501, 1.503):
        async with floor("1001", lags=lags) as here:
            call = await in_talk(here)
            await press(here, "1001", "*4", settled=2)
            await press(here, "1001", "*4", settled=after)
            await press(here, "1001", "*4", settled=2)
            assert here.asterisk.hears(call) == {"musik"}, after
            await press(here, "1001", "*4", settled=2)
            await here.until(both(here, call), seconds=1)
            await goodbye(here, call)
