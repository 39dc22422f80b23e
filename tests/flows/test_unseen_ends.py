"""Calls whose end the application has not seen: it was away, the link was broken, or Asterisk itself died."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import anyio
import pytest

from ari_app.domain.recovery import Story
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Application, floor
from tests.flows.scenes import in_talk
from tests.flows.virtual_time import virtual_now

pytestmark = pytest.mark.anyio


async def test_asterisk_died_with_a_caller_in_the_fallback(lags: Lags) -> None:
    """Nobody is left to note the end of that call: it is told as lost, once."""
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(call))
        here.kill()
        here.asterisk._to_fallback(here.asterisk.legs[call])
        await here.start()
        here.kill()
        here.asterisk.caller_hangs_up(call)
        here.asterisk.notes.clear()
        for _ in range(2):
            await here.start()
            here.kill()
        await here.start()
    assert here.told(call)[-2:] == ["call.fallback", "call.ended"]
    assert here.end_of(call)["outcome"] == "lost"


@pytest.mark.parametrize("is_killed", [False, True])
async def test_asterisk_died(lags: Lags, is_killed: bool) -> None:  # noqa: FBT001 - drawn
    """Talks and waiting callers end as lost, when the link broke or, with us dead as well, when Asterisk was back."""
    async with floor("1001", lags=lags) as here:
        calls = [await in_talk(here), here.asterisk.call("0614567890")]
        await anyio.sleep(5)
        died = virtual_now()
        if is_killed:
            here.kill()
        else:
            here.lose_link()
        await anyio.sleep(2)
        here.asterisk.dies()
        await (here.start() if is_killed else here.restore_link())
        await here.ended(*calls, seconds=2)
        for call in calls:
            (end,) = here.facts(call, "call.ended")
            assert end.data["outcome"] == "lost"
            assert end.at is not None
            assert (end.at - died).total_seconds() == pytest.approx(2 if is_killed else 0, abs=0.1)


async def test_a_call_that_ended_unseen_has_its_own_end(lags: Lags) -> None:
    """The link was broken when the caller hung up: the dialplan noted when, and how."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.lose_link()
        await anyio.sleep(1)
        here.asterisk.caller_hangs_up(call)
        ended = virtual_now()
        await anyio.sleep(2)
        await here.restore_link()
        await here.ended(call, seconds=2)
        (end,) = here.facts(call, "call.ended")
        assert (end.data["outcome"], end.data["by"], end.data["cause"]) == ("answered", "caller", 16)
        assert end.at == pytest.approx(ended, abs=timedelta(seconds=0.1))


async def test_a_call_that_was_adopted_before_its_first_line_came_in_when_it_did(lags: Lags) -> None:
    """The claim had gone out when we were killed: the new application tells the beginning, with its time."""
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        came = virtual_now()
        await here.until(lambda: here.asterisk.legs[call].claimed)
        here.kill()
        await anyio.sleep(5)
        await here.start()
        here.asterisk.register("1001", answers_after=0.1)
        await here.talking(call, "1001")
        (received,) = here.facts(call, "call.received")
        assert received.at is not None
        assert (received.at - came).total_seconds() < 0.1
        here.asterisk.caller_hangs_up(call)


@pytest.mark.parametrize("is_talking", [False, True])
async def test_the_guard_gave_a_caller_back_whom_we_have(lags: Lags, is_talking: bool) -> None:  # noqa: FBT001 - drawn
    """It took us for dead: no abandoned call, and it does not end before it does."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here) if is_talking else here.asterisk.call()
        await anyio.sleep(2)
        here.asterisk._to_fallback(here.asterisk.legs[call])
        await here.until(lambda: "call.fallback" in here.told(call), seconds=3)
        assert here.facts(call, "call.fallback")[0].data == {"reason": "taken_away"}
        await anyio.sleep(20)
        assert not {"call.ended", "call.abandoned"} & set(here.told(call))
        here.asterisk.caller_hangs_up(call)


async def test_given_back_and_over_before_we_hear_of_either(lags: Lags) -> None:
    """We stood still: a desk had answered the caller in the fallback, and they were done, before we went on."""
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(call))
        here.asterisk.stands_still_until = asyncio.get_running_loop().time() + 3
        here.asterisk._to_fallback(here.asterisk.legs[call])
        await anyio.sleep(2)
        here.asterisk.answered_in_fallback[call] = "1001"
        here.asterisk.caller_hangs_up(call)
        app = here.app
        assert app is not None
        await here.until(lambda: call not in app.router.calls, seconds=4)
        app.bring_in()
        assert "call.abandoned" not in here.told(call)
        assert here.end_of(call)["outcome"] == "fallback"


@pytest.mark.parametrize("seconds", [0.1, 0.29, 0.31, 0.5, 0.9])
@pytest.mark.parametrize("is_talking", [False, True])
async def test_a_disk_that_is_slow_with_the_note(lags: Lags, seconds: float, is_talking: bool) -> None:  # noqa: FBT001 - drawn
    """The leg leaves us, the note is written, and only then it is over: nobody has taken it from us."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.note_takes = seconds
        call = await in_talk(here) if is_talking else here.asterisk.call()
        await anyio.sleep(2)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call, seconds=2)
        await anyio.sleep(2)
    assert "call.fallback" not in here.told(call)
    assert here.end_of(call) == {"by": "caller", "outcome": "answered" if is_talking else "abandoned", "cause": 16}


async def test_at_a_stop_a_caller_who_has_lost_the_operator_is_given_back(lags: Lags) -> None:
    """Nobody talks to them, whoever did before."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.phone_dies("1001")
        here.asterisk.unregister("1001")
        await here.until(lambda: "call.requeued" in here.told(call))
        await anyio.sleep(1)
        assert here.app is not None
        await here.app.router.hand_over()
        assert call in here.asterisk.in_fallback
        here.asterisk.caller_hangs_up(call)


async def test_a_call_that_ends_while_we_look_is_not_lost(lags: Lags, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end was noted after the journal had been read, and before Asterisk was asked who is there."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.kill()
        await anyio.sleep(0.3)
        read = Application.living

        def living(app: Application) -> dict[str, Story]:
            behind = read(app)
            here.asterisk.caller_hangs_up(call)  # once: there is no such caller afterwards
            return behind

        monkeypatch.setattr(Application, "living", living)
        await here.start()
        await here.ended(call, seconds=2)
        assert here.end_of(call)["outcome"] == "answered"
