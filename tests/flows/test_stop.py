"""SIGTERM: callers who wait go to the fallback at once, talks are left as they are, and the next one takes them up."""

from __future__ import annotations

import anyio
import pytest

from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.guarding import the_guard_acts
from tests.flows.scenes import in_talk, press, transferring

pytestmark = pytest.mark.anyio


async def stop(here: Floor) -> None:
    """As ``app`` does on SIGTERM."""
    assert here.app is not None
    with anyio.fail_after(1):
        await here.app.router.hand_over()
    here.kill()


@pytest.mark.parametrize("calls_before", [0, 1])
async def test_a_waiting_caller_is_handed_over(lags: Lags, calls_before: int) -> None:
    """The fact says so, and the next application leaves the caller to the fallback; be it the day's first or not."""
    async with floor("1001", lags=lags) as here:
        for _ in range(calls_before):
            before = here.asterisk.call()
            await here.until(lambda: "call.queued" in here.told(before))  # noqa: B023 - awaited here
            here.asterisk.caller_hangs_up(before)
            await here.until(lambda: here.app and not here.app.router.calls)
        call = here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(call))
        await stop(here)
        assert call in here.asterisk.in_fallback
        assert here.facts(call, "call.fallback")[0].data == {"reason": "stopping"}
        await here.start()
        assert call in here.asterisk.in_fallback
        here.asterisk.caller_hangs_up(call)


async def test_a_caller_with_music(lags: Lags) -> None:
    """Whoever waits longer is played something, and takes no other order before that is stopped."""
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await anyio.sleep(12)
        await stop(here)
        assert call in here.asterisk.in_fallback
        await here.start()
        here.asterisk.caller_hangs_up(call)


async def test_stopped_at_every_step_of_the_answer(lags: Lags) -> None:
    """With the operator or in the fallback, and nothing in between; no desk goes on ringing for nobody."""
    outcomes = set()
    for step in range(30):
        async with floor("1001", lags=lags) as here:
            here.asterisk.register("1001", answers_after=0.005)
            call = here.asterisk.call()
            await anyio.sleep(step / 1000)
            await stop(here)
            await the_guard_acts(here.asterisk)  # as the launcher has it do
            await anyio.sleep(1)
            talks = here.asterisk.is_talking(call, "1001")
            assert talks != (call in here.asterisk.in_fallback)
            outcomes.add(talks)
            await here.start()
            here.asterisk.caller_hangs_up(call)
    assert outcomes == {True, False}


async def test_a_talk_goes_on(lags: Lags) -> None:
    """Nothing is ordered for it; the next application takes it up, keys and all."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        before = sum(here.asterisk.orders.values())
        await stop(here)
        assert sum(here.asterisk.orders.values()) == before
        assert here.asterisk.is_talking(call, "1001")
        assert here.told(call)[-1] == "complaint.opened"
        await here.start()
        await press(here, "1001", "*0", settled=5)
        await here.ended(call)
    assert here.end_of(call)["outcome"] == "answered"


async def test_on_hold(lags: Lags) -> None:
    """The music goes on until the next application brings the two together."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*4")
        before = sum(here.asterisk.orders.values())
        await stop(here)
        assert sum(here.asterisk.orders.values()) == before
        assert not here.asterisk.is_talking(call, "1001")
        await here.start()
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)
        here.asterisk.caller_hangs_up(call)


async def test_nobody_is_claimed_any_more() -> None:
    """A call that comes in while the flows let go is the dialplan's."""
    async with floor("1001") as here:
        here.asterisk.register("1001", answers_after=0.1)
        assert here.app is not None
        with anyio.fail_after(1):
            await here.app.router.hand_over()
        call = here.asterisk.call()
        await anyio.sleep(1)
        assert call in here.asterisk.in_fallback
        assert here.told(call) == []
        here.kill()
        await here.start()
        here.asterisk.caller_hangs_up(call)


async def test_no_application_comes(lags: Lags) -> None:
    """The guard, after its three seconds: a caller on hold hears the operator again."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*4")
        here.kill()
        assert await the_guard_acts(here.asterisk, for_good=True) == 0
        assert here.asterisk.is_talking(call, "1001")
        await here.start()
        here.asterisk.caller_hangs_up(call)


async def test_no_application_comes_while_a_polres_rings(lags: Lags) -> None:
    """Nobody could connect the Polres: its phone stops ringing, and caller and operator are together."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        here.kill()
        assert await the_guard_acts(here.asterisk, for_good=True) == 0
        assert here.asterisk.is_talking(call, "1001")
        assert here.asterisk._at("2011") is None
        await here.start()
        here.asterisk.caller_hangs_up(call)


async def test_no_application_comes_while_a_colleague_is_asked(lags: Lags) -> None:
    """The caller on hold is in a bridge alone: at once that is left to the next application, later it is not."""
    for for_good in (False, True):
        async with floor("1001", "1002", lags=lags) as here:
            call = await in_talk(here)
            here.asterisk.register("1002", answers_after=0.1)
            await press(here, "1001", "*11002#", settled=1)
            assert not here.asterisk.is_talking(call, "1001")
            here.kill()
            assert await the_guard_acts(here.asterisk, for_good=for_good) == for_good
            assert (call in here.asterisk.in_fallback) == for_good
            assert (here.asterisk._at("1001") is None) == for_good
            await here.start()
            here.asterisk.caller_hangs_up(call)
