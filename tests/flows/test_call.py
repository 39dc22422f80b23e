"""A call in every order of events (SOP V.1, V.2 and V.9)."""

from __future__ import annotations

import anyio
import pytest

from ari_app.domain.desks import DeskState
from ari_app.flows.recovery import EVERY_SECONDS
from tests.flows.fake_asterisk import BUSY, REJECTED, Lags
from tests.flows.floor import RING_SECONDS, floor

pytestmark = pytest.mark.anyio

ANSWERED = ["call.received", "call.queued", "call.offered", "call.answered", "complaint.opened", "call.ended"]
GIVEN_UP = ["call.abandoned", "call.ended"]


async def test_answered_and_the_caller_hangs_up(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=1.0)
        call = here.asterisk.call("081234567890")
        await here.talking(call, "1001")
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    assert here.told(call) == ANSWERED
    assert here.facts(call, "call.received")[0].data == {
        "caller": "+6281234567890",
        "number_raw": "081234567890",
        "dialled": "110",
        "recording": f"recordings/{call}.wav",
    }
    (answered,) = here.facts(call, "call.answered")
    assert answered.actor == "desk:1001"
    waited = answered.data["waited_ms"]
    assert isinstance(waited, int)
    assert 1000 <= waited < 1100
    assert here.end_of(call) == {"by": "caller", "outcome": "answered", "cause": 16}


async def test_answered_and_the_desk_hangs_up(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=1.0)
        call = here.asterisk.call()
        await here.talking(call, "1001")
        here.asterisk.desk_hangs_up("1001")
        await here.ended(call)
        assert call not in here.asterisk.legs
    assert here.told(call) == ANSWERED
    assert here.facts(call, "call.ended")[0].actor == "desk:1001"
    assert here.end_of(call) == {"by": "desk", "outcome": "answered", "cause": 16}


async def test_both_hang_up_at_once(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=1.0)
        call = here.asterisk.call()
        await here.talking(call, "1001")
        here.asterisk.desk_hangs_up("1001")
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    assert here.told(call) == ANSWERED


async def test_desk_hangs_up_in_the_moment_of_the_answer(lags: Lags) -> None:
    """The caller has not been let down: the next desk rings."""
    async with floor("1001", "1002", lags=lags) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: here.asterisk.desk_answers("1001"))
        here.asterisk.desk_hangs_up("1001")
        here.asterisk.register("1002", answers_after=0.1)
        await here.talking(call, "1002")
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    assert here.facts(call, "call.not_answered")[0].data == {"desk": "1001", "reason": "unreachable"}


async def test_caller_gives_up_while_waiting(lags: Lags) -> None:
    """Nobody is there; a desk that comes afterwards is not rung for a call that is over."""
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(call))
        await anyio.sleep(300)
        here.asterisk.caller_hangs_up(call)
        here.asterisk.register("1001")
        await here.ended(call)
    assert here.told(call) == ["call.received", "call.queued", *GIVEN_UP]
    assert here.end_of(call)["outcome"] == "abandoned"
    assert here.asterisk.rung == []


async def test_a_leaving_caller_does_not_keep_a_desk(lags: Lags) -> None:
    """While the last events of an abandoned call are awaited, the next caller gets the desk."""
    async with floor("1001", lags=lags) as here:
        first = here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(first))
        second = here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(second))
        here.asterisk.caller_hangs_up(first)
        await here.until(lambda: "call.abandoned" in here.told(first))
        here.asterisk.register("1001", answers_after=0.0)
        await here.talking(second, "1001", seconds=0.1)
        here.asterisk.caller_hangs_up(second)
        await here.ended(first, second)


async def test_caller_gives_up_while_it_rings(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: here.asterisk.rung)
        await anyio.sleep(0.1)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    assert here.told(call) == ["call.received", "call.queued", "call.offered", *GIVEN_UP]
    assert here.end_of(call) == {"by": "caller", "outcome": "abandoned", "cause": 16}


@pytest.mark.parametrize("after", [0.0, 0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01])
async def test_caller_gives_up_at_once(lags: Lags, after: float) -> None:
    """At any moment from the offer over the claim to the first ring."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        await anyio.sleep(0.1)
        call = here.asterisk.call()
        await anyio.sleep(after)
        here.asterisk.caller_hangs_up(call)
        await anyio.sleep(10)
    assert here.told(call) == [] or here.told(call)[-2:] == GIVEN_UP


async def test_caller_gone_between_claim_and_hand_over(lags: Lags) -> None:
    """Claimed, but never ours: no event tells of it, and the story ends all the same."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.caller_enters_after = 0.5
        call = here.asterisk.call()
        await here.until(lambda: here.told(call))
        here.asterisk.caller_hangs_up(call)
        await here.ended(call, seconds=EVERY_SECONDS + 2)
    assert here.told(call) == ["call.received", "call.queued", *GIVEN_UP]


@pytest.mark.parametrize("later", [0.0, 0.0005, 0.001, 0.002, 0.003, 0.004, 0.006])
async def test_caller_gives_up_as_the_desk_answers(lags: Lags, later: float) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: here.asterisk.desk_answers("1001"))
        await anyio.sleep(later)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    told = here.told(call)
    assert told == ANSWERED or told[-2:] == GIVEN_UP


async def test_caller_taken_back_by_the_dialplan_as_the_desk_answers(lags: Lags) -> None:
    """They are in the fallback now: whatever our flow does, it does not hang up on them."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: "call.offered" in here.told(call) and here.asterisk.desk_answers("1001"))
        here.asterisk._to_fallback(here.asterisk.legs[call])
        await here.ended(call)
        assert call in here.asterisk.legs
        here.asterisk.caller_hangs_up(call)
    assert "call.answered" not in here.told(call)


async def test_a_desk_that_was_rung_ahead_is_let_go_when_the_claim_fails(lags: Lags) -> None:
    """The ringing ends at once, the desk is free again, and nothing is told of it."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        here.asterisk.legs[call].claimed = True
        await here.until(lambda: here.asterisk.rung and here.asterisk.phones["1001"].leg not in here.asterisk.legs)
        assert here.app is not None
        await here.until(lambda: here.app is not None and not here.app.router.calls)
        assert here.app.board.desks["1001"].state is DeskState.FREE
        assert here.told(call) == []
        here.asterisk.caller_hangs_up(call)


async def test_a_desk_is_not_blamed_for_a_caller_who_left() -> None:
    """Its leg could not be made, or connected, because the caller was gone."""
    for command in ("ring", "add_to_bridge"):
        async with floor("1001", lags=Lags(event=lambda: 0.0)) as here:
            here.asterisk.register("1001", answers_after=0.0)
            times = 2 if command == "ring" else 1  # the first one goes out while the call is being claimed
            here.asterisk.trouble[command] = ["refused"] * times
            call = here.asterisk.call()
            await here.until(lambda: here.asterisk.orders[command] >= times)  # noqa: B023 - used in this round only
            here.asterisk.caller_hangs_up(call)
            await here.ended(call)
        assert here.told(call)[-3:] == ["call.offered", *GIVEN_UP]


@pytest.mark.parametrize(("cause", "reason"), [(BUSY, "busy"), (REJECTED, "busy"), (20, "unreachable")])
async def test_refusing_desk_then_the_next(lags: Lags, cause: int, reason: str) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        here.asterisk.register("1001", refuses=cause)
        await anyio.sleep(1)
        here.asterisk.register("1002", answers_after=0.0)
        call = here.asterisk.call()
        await here.talking(call, "1002", seconds=0.1)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    assert here.facts(call, "call.not_answered")[0].data == {"desk": "1001", "reason": reason}
    assert here.facts(call, "call.answered")[0].data["desk"] == "1002"


async def test_refusing_desk_alone_is_not_rung_a_hundred_times_a_second(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", refuses=BUSY)
        call = here.asterisk.call()
        await anyio.sleep(10)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    assert 4 <= len(here.facts(call, "call.offered")) <= 6


@pytest.mark.parametrize("cause", [19, 0])
async def test_silent_desk_then_the_next(lags: Lags, cause: int) -> None:
    """SOP V.2; some versions of Asterisk tell a dial time-out with cause 0 (asterisk#963)."""
    async with floor("1001", "1002", lags=lags) as here:
        here.asterisk.timeout_cause = cause
        here.asterisk.register("1001")
        await anyio.sleep(1)
        here.asterisk.register("1002", answers_after=0.0)
        call = here.asterisk.call()
        await here.talking(call, "1002", seconds=RING_SECONDS + 0.1)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    assert here.asterisk.rung == ["1001", "1002"]
    assert here.facts(call, "call.not_answered")[0].data == {"desk": "1001", "reason": "no_answer"}


async def test_the_only_desk_is_silent_and_rings_again(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await anyio.sleep(3 * RING_SECONDS + 1)
        assert here.asterisk.desk_answers("1001")
        await here.talking(call, "1001")
        here.asterisk.desk_hangs_up("1001")
        await here.ended(call)
    assert len(here.asterisk.rung) == 4


async def test_asterisk_forgets_to_stop_the_ringing(lags: Lags) -> None:
    """Our own timer does it, a quarter of a second later."""
    async with floor("1001", "1002", lags=lags) as here:
        here.asterisk.register("1001")
        await anyio.sleep(1)
        here.asterisk.register("1002", answers_after=0.0)
        call = here.asterisk.call()
        await here.until(lambda: here.asterisk.rung)
        ringing = here.asterisk._at("1001")
        assert ringing is not None
        here.asterisk._stop(ringing)
        await here.talking(call, "1002", seconds=RING_SECONDS + 0.5)
        assert ringing.id in here.asterisk.hung_up
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    assert here.facts(call, "call.not_answered")[0].data["reason"] == "no_answer"


async def test_desk_vanishes_before_it_is_rung(lags: Lags) -> None:
    """Its registration ends without our hearing of it: the next desk rings."""
    async with floor("1001", "1002", lags=lags) as here:
        here.asterisk.register("1001")
        await anyio.sleep(1)
        here.asterisk.register("1002", answers_after=0.0)
        here.asterisk.phones["1001"].registered = False
        call = here.asterisk.call()
        await here.talking(call, "1002", seconds=0.1)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    assert here.facts(call, "call.not_answered")[0].data == {"desk": "1001", "reason": "unreachable"}


async def test_registration_ends_in_a_talk(lags: Lags) -> None:
    """The talk goes on as long as its audio does; afterwards the desk is away."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=0.0)
        call = here.asterisk.call()
        await here.talking(call, "1001")
        here.asterisk.unregister("1001")
        await anyio.sleep(600)
        assert here.asterisk.is_talking(call, "1001")
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
        await here.quiet()
        assert here.app is not None
        assert not here.app.board.desks["1001"].registered


async def test_nobody_registered_then_one_registers(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await anyio.sleep(3600)
        assert here.told(call) == ["call.received", "call.queued"]
        here.asterisk.register("1001", answers_after=0.0)
        await here.talking(call, "1001", seconds=0.1)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)


async def test_withheld_number(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call("")
        await here.until(lambda: "call.queued" in here.told(call))
        assert here.facts(call, "call.received")[0].data["caller"] is None
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)


async def test_a_call_that_another_program_claimed_is_left_alone(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        here.asterisk.legs[call].claimed = True
        await anyio.sleep(1)
        assert here.app is not None
        assert here.app.router.calls == {}
        assert here.told(call) == []
        here.asterisk.caller_hangs_up(call)
    assert here.told(call) == ["call.received", "call.abandoned", "call.ended"], "all that the dialplan's note knows"
