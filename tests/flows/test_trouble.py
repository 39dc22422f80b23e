"""When things go wrong: nobody is hung up on, no other call notices, and the story is told to its end."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from ari_app.ari.inbox import MOST_WAITING
from ari_app.ari.model import ChannelStateChange
from ari_app.flows.ringing import ENTER_SECONDS
from tests.flows.fake_asterisk import FakeAsterisk, Lags, Trouble
from tests.flows.floor import Floor, floor

pytestmark = pytest.mark.anyio

COMMANDS = ("claim", "ring", "subscribe", "answer", "create_bridge", "add_to_bridge")


async def _served_all_the_same(here: Floor, call: str) -> None:
    """A desk gets the caller, sooner or later, and the story ends with their talk."""
    await here.talking(call, "1001", seconds=30)
    here.asterisk.caller_hangs_up(call)
    await here.ended(call, seconds=30)


@pytest.mark.parametrize("trouble", ["before", "after"])
@pytest.mark.parametrize("command", COMMANDS)
async def test_unreachable(lags: Lags, command: str, trouble: Trouble) -> None:
    """The flow ends; reconciling takes the caller up again within seconds, wherever they were."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=0.5)
        here.asterisk.trouble[command] = [trouble]
        call = here.asterisk.call()
        if (command, trouble) == ("add_to_bridge", "after"):
            await here.until(lambda: "call.adopted" in here.told(call), seconds=30)
            assert here.asterisk.is_talking(call, "1001")
            here.asterisk.caller_hangs_up(call)
            await here.ended(call, seconds=30)
            assert here.end_of(call)["outcome"] == "answered"
        else:
            await _served_all_the_same(here, call)


@pytest.mark.parametrize("command", ["ring", "create_bridge", "add_to_bridge"])
async def test_refused(lags: Lags, command: str) -> None:
    """Asterisk refuses for reasons of its own: the flow tries again."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=0.5)
        # The first desk is rung while the call is being claimed; should that fail, it is simply rung later.
        here.asterisk.trouble[command] = ["refused"] * (2 if command == "ring" else 1)
        call = here.asterisk.call()
        await _served_all_the_same(here, call)
    assert here.facts(call, "call.not_answered")[0].data == {"desk": "1001", "reason": "unreachable"}


@pytest.mark.parametrize("trouble", ["before", "after", "refused"])
@pytest.mark.parametrize("command", ["hangup", "destroy_bridge"])
@pytest.mark.parametrize("ending", ["caller", "desk"])
async def test_trouble_at_the_end(lags: Lags, command: str, trouble: Trouble, ending: str) -> None:
    """What could not be ended is ended by reconciling; a caller who is still there is not forgotten."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=0.5)
        call = here.asterisk.call()
        await here.talking(call, "1001")
        here.asterisk.trouble[command] = [trouble]
        if ending == "caller":
            here.asterisk.caller_hangs_up(call)
        else:
            here.asterisk.desk_hangs_up("1001")
            if command == "hangup" and trouble != "after":
                await here.until(lambda: len(here.asterisk.rung) == 2)
                await here.until(lambda: here.asterisk.is_talking(call, "1001"))
                here.asterisk.caller_hangs_up(call)
        await here.ended(call)
        await here.quiet(seconds=30)


async def test_unreachable_and_the_caller_leaves(lags: Lags) -> None:
    """No flow hears of it: the dialplan's note ends the story."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        here.asterisk.trouble["subscribe"] = ["before"]
        call = here.asterisk.call()
        await here.until(lambda: here.app is not None and here.told(call) and not here.app.router.calls)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    assert here.end_of(call) == {"by": "caller", "outcome": "abandoned", "cause": 16}


async def test_overflowing_inbox_while_waiting(lags: Lags) -> None:
    """The flow is stuck: its caller goes back to the dialplan, which rings every desk."""
    async with floor("1001", lags=lags) as here:
        call, other = here.asterisk.call(), here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(call) and "call.queued" in here.told(other))
        with capture_logs() as logs:
            _flood(here, call)
            await here.ended(call)
        assert "call.inbox_full" in {line["event"] for line in logs}
        assert call in here.asterisk.in_fallback
        here.asterisk.register("1001", answers_after=0.0)
        await here.talking(other, "1001")
        here.asterisk.caller_hangs_up(call)
        here.asterisk.caller_hangs_up(other)
        await here.ended(other)
    assert here.facts(call, "call.fallback")[0].data == {"reason": "InboxFull"}


async def test_overflowing_inbox_in_a_talk(lags: Lags) -> None:
    """They talk on, and reconciling watches over them again."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=0.0)
        call = here.asterisk.call()
        await here.talking(call, "1001")
        _flood(here, call)
        await here.until(lambda: "call.adopted" in here.told(call))
        assert here.asterisk.is_talking(call, "1001")
        here.asterisk.desk_hangs_up("1001")
        await here.ended(call)
    assert here.facts(call, "call.adopted")[0].data == {"state": "talking", "desk": "1001"}
    assert here.end_of(call) == {"by": "desk", "outcome": "answered", "cause": 16}


def _flood(here: Floor, call: str) -> None:
    assert here.app is not None
    event = ChannelStateChange(here.asterisk._channel(here.asterisk.legs[call]))
    for _ in range(MOST_WAITING + 1):
        here.app.router.on_event(event)


async def test_a_failing_flow_touches_no_other(lags: Lags) -> None:
    """A bug in one call: its caller goes back to the dialplan, the other call is answered."""
    async with floor("1001", "1002", lags=lags) as here:
        assert here.app is not None
        here.asterisk.register("1001", answers_after=0.5)
        first, second = here.asterisk.call(), here.asterisk.call()
        await here.until(lambda: here.app is not None and len(here.app.router.calls) == 2)
        here.app.router.calls[first].connect = _bug  # type: ignore[method-assign,assignment]  # a bug, in one call only
        await here.ended(first)
        assert first in here.asterisk.in_fallback
        await here.talking(second, "1001")
        here.asterisk.caller_hangs_up(first)
        here.asterisk.caller_hangs_up(second)
        await here.ended(second)
    assert here.facts(first, "call.fallback")[0].data == {"reason": "ZeroDivisionError"}


async def _bug(_: str) -> None:
    raise ZeroDivisionError


async def test_hand_over_that_does_not_come(lags: Lags) -> None:
    """Claimed, and Asterisk does not hand over: the dialplan has them, and the desk is let go."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=0.0)
        call = here.asterisk.call()
        leg = here.asterisk.legs[call]
        here.asterisk._later = lambda leg, seconds, what: (  # type: ignore[method-assign]  # this caller never enters
            None if leg.id == call else FakeAsterisk._later(here.asterisk, leg, seconds, what)
        )
        await here.until(lambda: leg.claimed)
        here.asterisk._to_fallback(leg)
        await here.ended(call, seconds=ENTER_SECONDS + 1)
        here.asterisk.caller_hangs_up(call)
    begun = ["call.received", "call.queued", "call.offered", "call.fallback"]
    assert here.told(call) == [*begun, "call.abandoned", "call.ended"]


async def test_a_slow_hand_over_loses_no_caller(lags: Lags) -> None:
    """The desk answers before the caller is ours."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=0.0)
        here.asterisk.caller_enters_after = 0.5
        call = here.asterisk.call()
        await here.talking(call, "1001", seconds=1)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)


@pytest.mark.parametrize("trouble", ["before", "after", "refused"])
async def test_trouble_in_the_rescue(lags: Lags, trouble: Trouble) -> None:
    """Even giving the caller back fails: reconciling finds them."""
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(call))
        here.asterisk.trouble["back_to_dialplan"] = [trouble]
        _flood(here, call)
        await here.until(lambda: "call.adopted" in here.told(call) or "call.fallback" in here.told(call))
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
