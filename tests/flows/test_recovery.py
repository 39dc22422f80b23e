"""After a start, a lost link, and every few seconds: what others left is taken up (DESIGN.md, principle 4)."""

from __future__ import annotations

import asyncio
from collections import Counter

import anyio
import pytest
from structlog.testing import capture_logs

from ari_app.domain.desks import DeskState
from ari_app.domain.display import Shown
from ari_app.domain.facts import Fact
from ari_app.domain.recovery import Story
from ari_app.domain.seen import bridge_id, leg_id
from ari_app.flows.hearing import ENDLESS
from ari_app.flows.recovery import EVERY_SECONDS
from tests.flows.fake_asterisk import Lags, Trouble
from tests.flows.floor import Floor, floor
from tests.flows.guarding import the_guard_acts

pytestmark = pytest.mark.anyio


async def _talk(here: Floor, desk: str = "1001") -> str:
    """A call that has been answered at a desk."""
    if not here.asterisk.phones[desk].registered:
        here.asterisk.register(desk, answers_after=0.1)
    call = here.asterisk.call()
    await here.talking(call, desk)
    return call


async def test_desks_that_are_registered_at_the_start_are_known() -> None:
    async with floor("1001", "1002") as here:
        here.kill()
        here.asterisk.phones["1001"].registered = True
        app = await here.start()
        assert [desk.registered for desk in app.board.desks.values()] == [True, False]
        here.asterisk.register("1002")
        await here.until(lambda: app.board.desks["1002"].registered)


@pytest.mark.parametrize("ending", ["caller", "desk"])
async def test_a_talk_is_adopted(lags: Lags, ending: str) -> None:
    """Killed in a talk: they talk on; the next application tells the end, and the desk is not offered meanwhile."""
    async with floor("1001", lags=lags) as here:
        call = await _talk(here)
        here.kill()
        await anyio.sleep(30)
        assert here.asterisk.is_talking(call, "1001")
        app = await here.start()
        assert app.board.desks["1001"].state is DeskState.TALKING
        waiting = here.asterisk.call()
        await anyio.sleep(30)
        assert here.asterisk.is_talking(call, "1001")
        if ending == "caller":
            here.asterisk.caller_hangs_up(call)
        else:
            here.asterisk.desk_hangs_up("1001")
        await here.ended(call)
        await here.talking(waiting, "1001")
        here.asterisk.caller_hangs_up(waiting)
    assert here.told(call) == [
        "call.received", "call.queued", "call.offered", "call.answered", "complaint.opened", "call.adopted",
        "call.ended",
    ]  # fmt: skip
    assert here.end_of(call) == {"by": ending, "outcome": "answered", "cause": 16}


async def test_a_talk_is_adopted_again_and_again(lags: Lags) -> None:
    """They talk on, as before: nothing is played to anybody, and nobody is moved; only what has no end is sought."""
    async with floor("1001", lags=lags) as here:
        call = await _talk(here)
        for _ in range(3):
            here.kill()
            before = Counter(here.asterisk.orders)
            await here.start()
            await anyio.sleep(1)
            given = here.asterisk.orders - before
            assert given["stop_playing"] == 2 * len(ENDLESS)
            assert not given["add_to_bridge"]
            assert here.asterisk.is_talking(call, "1001")
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    assert here.told(call).count("call.adopted") == 3


async def test_a_waiting_caller_is_adopted(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(call))
        here.kill()
        await here.start()
        here.asterisk.register("1001", answers_after=0.1)
        await here.talking(call, "1001")
        here.asterisk.caller_hangs_up(call)
    assert here.facts(call, "call.adopted")[0].data == {"state": "waiting"}


async def test_killed_while_a_desk_rings(lags: Lags) -> None:
    """The leg that nobody waits for any more is ended first: that desk is free to be rung again."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: here.asterisk.rung)
        old = here.asterisk._at("1001")
        assert old is not None
        here.kill()
        await here.start()
        await here.until(lambda: len(here.asterisk.rung) == 2, seconds=1)
        assert here.asterisk.hung_up[old.id]
        assert here.asterisk.desk_answers("1001")
        await here.talking(call, "1001")
        here.asterisk.caller_hangs_up(call)
    assert here.facts(call, "call.not_answered") == []


async def test_killed_in_the_moment_of_answering(lags: Lags) -> None:
    """At every millisecond from the lifting of the receiver on: the two talk, and that is told once."""
    for step in range(20):
        async with floor("1001", lags=lags) as here:
            here.asterisk.register("1001")
            call = here.asterisk.call()
            await here.until(lambda: here.asterisk.rung)
            assert here.asterisk.desk_answers("1001")
            await anyio.sleep(step / 1000)
            here.kill()
            await anyio.sleep(0.3)
            await here.start()
            await here.talking(call, "1001", seconds=2)
            here.asterisk.caller_hangs_up(call)
            await here.ended(call)
            assert here.told(call).count("call.answered") == 1
            assert here.told(call).count("complaint.opened") == 1


async def test_the_guard_in_the_moment_of_answering(lags: Lags) -> None:
    """Whoever is not with an operator yet goes to the fallback, where every desk rings; a talk goes on."""
    for step in range(20):
        async with floor("1001", lags=lags) as here:
            here.asterisk.register("1001")
            call = here.asterisk.call()
            await here.until(lambda: here.asterisk.rung)
            assert here.asterisk.desk_answers("1001")
            await anyio.sleep(step / 1000)
            here.kill()
            await anyio.sleep(0.1)
            rescued = await the_guard_acts(here.asterisk)
            assert here.asterisk.is_talking(call, "1001") == (not rescued)
            assert (call in here.asterisk.in_fallback) == bool(rescued)
            await here.start()
            here.asterisk.caller_hangs_up(call)


async def test_the_desk_hung_up_while_we_were_dead(lags: Lags) -> None:
    """The caller is still there, alone: they get the next desk."""
    async with floor("1001", lags=lags) as here:
        call = await _talk(here)
        here.kill()
        here.asterisk.desk_hangs_up("1001")
        await here.start()
        await here.talking(call, "1001")
        assert len(here.asterisk.open_bridges) == 1
        here.asterisk.caller_hangs_up(call)


async def test_the_caller_hung_up_while_we_were_dead(lags: Lags) -> None:
    """The story is ended, and the operator's leg that was left alone, and the bridge."""
    async with floor("1001", lags=lags) as here:
        call = await _talk(here)
        here.kill()
        here.asterisk.caller_hangs_up(call)
        await here.start()
        await here.ended(call)
    assert here.end_of(call) == {"by": "caller", "outcome": "answered", "cause": 16}, "the dialplan noted it"


async def test_the_dialplan_took_the_caller_back_while_we_were_dead(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(call))
        here.kill()
        here.asterisk._to_fallback(here.asterisk.legs[call])
        app = await here.start()
        assert here.told(call)[-1] == "call.fallback"
        assert app.router.calls == {}
        await anyio.sleep(3 * EVERY_SECONDS)
        here.kill()
        await here.start()
        here.asterisk.caller_hangs_up(call)
        await anyio.sleep(3 * EVERY_SECONDS)
        here.kill()
        await here.start()
    assert here.told(call).count("call.fallback") == 1
    assert here.told(call).count("call.ended") == 1


async def test_a_call_on_offer_at_the_start_is_claimed(lags: Lags) -> None:
    """Nobody told us of it; it is claimed before the dialplan goes on alone."""
    async with floor("1001", lags=lags) as here:
        here.kill()
        call = here.asterisk.call()
        await here.start()
        await here.until(lambda: "call.queued" in here.told(call))
        assert here.told(call)[:2] == ["call.received", "call.adopted"]
        here.asterisk.register("1001", answers_after=0.1)
        await here.talking(call, "1001")
        here.asterisk.caller_hangs_up(call)


@pytest.mark.parametrize("after", [0.0, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.015])
async def test_a_call_that_comes_while_we_reconcile(lags: Lags, after: float) -> None:
    """Its announcement and the look at Asterisk cross: it has one flow and one beginning."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=0.1)
        here.lose_link()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(here.restore_link)
            await anyio.sleep(after)
            call = here.asterisk.call()
        await here.talking(call, "1001", seconds=2)
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)


async def test_a_claim_that_comes_too_late(lags: Lags) -> None:
    """Seen on offer, but the dialplan was faster: it is left to the dialplan."""
    async with floor("1001", lags=lags) as here:
        here.kill()
        call = here.asterisk.call()
        await anyio.sleep(0.79)
        await here.start()
        await here.until(lambda: call in here.asterisk.in_fallback or "call.queued" in here.told(call))
        here.asterisk.caller_hangs_up(call)
        await anyio.sleep(1)


async def test_strays_are_removed(lags: Lags) -> None:
    """Legs and bridges of calls that are gone; what is not ours is left alone."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        leg, bridge = leg_id("gone", "1"), bridge_id("gone", "2")
        await here.asterisk.ring(leg, "PJSIP/1001", originator="gone", shown=Shown("110", "110"), seconds=60)
        await here.asterisk.create_bridge(bridge)
        await here.asterisk.create_bridge("somebody-elses")
        await here.until(lambda: leg not in here.asterisk.legs and bridge not in here.asterisk.open_bridges)
        await anyio.sleep(3 * EVERY_SECONDS)
        assert list(here.asterisk.open_bridges) == ["somebody-elses"]
        await here.asterisk.destroy_bridge("somebody-elses")


@pytest.mark.parametrize("who", ["caller", "desk"])
async def test_the_end_of_a_leg_was_not_heard(lags: Lags, who: str) -> None:
    """Reconciling finds that a leg is gone. Nobody knows why the desk's is: its caller is not let down."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.watches_silence = False  # nobody could know
        call = await _talk(here)
        here.lose_link()
        if who == "caller":
            here.asterisk.caller_hangs_up(call)
        else:
            here.asterisk.desk_hangs_up("1001")
        here.asterisk.connected = True
        if who == "desk":
            await here.until(lambda: "call.requeued" in here.told(call), seconds=EVERY_SECONDS + 2)
            await here.until(lambda: here.asterisk.is_talking(call, "1001"))
            here.asterisk.caller_hangs_up(call)
        await here.ended(call, seconds=EVERY_SECONDS + 2)
    assert here.end_of(call)["by"] == "caller"


async def test_the_end_of_a_ringing_leg_was_not_heard(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: here.asterisk.rung)
        here.lose_link()
        here.asterisk.desk_hangs_up("1001", 21)
        await here.restore_link()
        await here.until(lambda: "call.not_answered" in here.told(call), seconds=1)
        await here.until(lambda: here.asterisk.desk_answers("1001"))
        await here.talking(call, "1001")
        here.asterisk.caller_hangs_up(call)


async def test_a_lost_link_costs_no_talk(lags: Lags) -> None:
    """The link breaks and comes back ten times; nothing is adopted twice."""
    async with floor("1001", "1002", lags=lags) as here:
        call = await _talk(here)
        for _ in range(10):
            here.lose_link()
            await anyio.sleep(1)
            await here.restore_link()
        assert here.asterisk.is_talking(call, "1001")
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
    assert "call.adopted" not in here.told(call)


async def test_a_registration_while_the_link_was_lost(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.lose_link()
        here.asterisk.register("1001", answers_after=0.1)
        await here.restore_link()
        await here.ended_talk(here.asterisk.call())


async def test_a_story_that_is_not_on_disk_yet_is_not_ended_twice(lags: Lags) -> None:
    """The journal is behind: what has been told since counts."""
    async with floor("1001", lags=lags) as here:
        call = await _talk(here)
        assert here.app is not None
        behind = here.app.living()
        here.asterisk.caller_hangs_up(call)
        await here.ended(call)
        await here.until(lambda: here.app is not None and not here.app.router.calls)
        here.app.recovery._living = lambda: behind
        for _ in range(3):
            await here.restore_link()
    assert here.told(call).count("call.ended") == 1


async def test_a_journal_that_cannot_be_read_costs_no_caller(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        assert here.app is not None
        here.app.recovery._living = _unreadable
        here.lose_link()
        call = here.asterisk.call()
        with capture_logs() as logs:
            await here.restore_link()
        assert "recovery.journal_unreadable" in {line["event"] for line in logs}
        here.asterisk.register("1001", answers_after=0.1)
        await here.ended_talk(call)


def _unreadable() -> dict[str, Story]:
    raise OSError


@pytest.mark.parametrize("command", ["channels", "bridges"])
@pytest.mark.parametrize("trouble", ["before", "refused"])
async def test_losing_one_round_is_not_the_end_of_reconciling(command: str, trouble: Trouble) -> None:
    async with floor("1001") as here:
        call = await _talk(here)
        here.lose_link()
        here.asterisk.caller_hangs_up(call)
        here.asterisk.connected = True
        here.asterisk.trouble[command] = [trouble]
        with capture_logs() as logs:
            await here.ended(call, seconds=3 * EVERY_SECONDS)
        assert "recovery.failed" in {line["event"] for line in logs}


async def test_a_story_that_somebody_else_ended_is_forgotten(lags: Lags) -> None:
    """The dialplan's note told the end while our own flow had lost the call."""
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        here.asterisk.trouble["subscribe"] = ["before"]
        call = here.asterisk.call()
        await here.until(lambda: here.app is not None and here.told(call) and not here.app.router.calls)
        here.asterisk.caller_hangs_up(call)
        here.journal.append(Fact("caller", "call.ended", call, {"outcome": "fallback"}))
        await anyio.sleep(2 * EVERY_SECONDS)
        assert here.app is not None
        assert not here.app.router.stories.want_reading(())
    assert here.told(call).count("call.ended") == 1


async def test_nobody_is_offered_a_desk_before_it_is_known_which_are_busy(lags: Lags) -> None:
    """A call comes in at the very moment at which a new application has its link."""
    for step in range(0, 40, 2):
        async with floor("1001", "1002", lags=lags) as here:
            talk = await _talk(here)
            here.asterisk.register("1002", answers_after=0.1)
            here.kill()
            await anyio.sleep(0.1)
            asyncio.get_running_loop().call_later(step / 1000, here.asterisk.call, "0614567890")
            await here.start()
            await here.until(lambda: sum("call.answered" in here.told(c) for c in here.asterisk.legs) == 2)
            assert [fact.data["desk"] for fact in here.journal if fact.action == "call.offered"] == ["1001", "1002"]
            for leg in [leg.id for leg in here.asterisk.legs.values() if leg.is_caller]:
                here.asterisk.caller_hangs_up(leg)
            await here.ended(talk)


async def test_a_phone_that_comes_while_the_phones_are_being_asked_for_is_rung() -> None:
    """The answer may be older than the event: nothing would put that right until the phone goes and comes again."""
    for step in range(0, 300, 5):
        async with floor("1001", lags=Lags(answer=lambda: 0.02)) as here:
            here.lose_link()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(here.restore_link)
                await anyio.sleep(step / 1000)
                here.asterisk.register("1001", answers_after=0.5)
            await here.ended_talk(here.asterisk.call())
