"""What becomes of blocked callers and of marks when something goes wrong: a restart, a lost operator, a full lane."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.domain.facts import Fact
from ari_app.domain.queue import Priority
from ari_app.flows.blocking import Marked
from tests.flows import fake_sound
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import RULES, block_list, floor
from tests.flows.prankster import ANNOUNCEMENT, LATER, OTHER, PRANKSTER, RAW, lose_operator, restart
from tests.flows.scenes import OK, goodbye, hear_each_other, heard, in_talk, is_idle, leg_at, press, rings, transferring

pytestmark = pytest.mark.anyio

BLOCKS = "nomor-diblokir"


# ---- a restart -------------------------------------------------------------------------------------


async def test_who_said_that_it_is_an_emergency_has_said_so(lags: Lags) -> None:
    """Adopted: still in the normal queue, before who came later, and flagged."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = here.asterisk.call()
        await anyio.sleep(2)
        here.asterisk.caller_presses(call, "9")
        await anyio.sleep(1)
        later = here.asterisk.call(OTHER)
        await anyio.sleep(1)
        await restart(here)
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(call, "1001")
        assert here.asterisk.displays[leg_at(here, "1001")].name == f"DARURAT {RAW}"
        assert here.told(call).count("call.blocked") == 1
        await goodbye(here, call, later)


async def test_who_waited_to_be_verified_does_so_before_the_list_is_read(lags: Lags) -> None:
    """The journal says where they waited: nobody has to know the list for that."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        blocked = here.asterisk.call()
        await anyio.sleep(5)
        await restart(here, knows_blocks=False)
        normal = here.asterisk.call(OTHER)
        await anyio.sleep(1)
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(normal, "1001")
        assert here.asterisk.hears(blocked) & {"musik", ANNOUNCEMENT}
        await goodbye(here, normal, blocked)


@pytest.mark.parametrize("knows_blocks", [True, False])
async def test_who_was_unblocked_before_a_restart_does_not_wait_to_be_verified_again(
    lags: Lags, *, knows_blocks: bool
) -> None:
    """Whether the list is there before they are taken up, or is read later."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = here.asterisk.call()
        await anyio.sleep(5)
        here.kill()
        here.journal.append(Fact("supervisor:a", "number.unblocked", data={"number": PRANKSTER}))
        app = await here.start(knows_blocks=knows_blocks)
        later = here.asterisk.call(OTHER)
        await anyio.sleep(1)
        if not knows_blocks:
            app.blocking.loaded(block_list(here.journal))
            await anyio.sleep(0.1)
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(call, "1001")
        await goodbye(here, call, later)


@pytest.mark.parametrize("when", ["in time", "before a restart", "before the list is read"])
async def test_who_was_answered_and_is_unblocked_comes_at_the_head(lags: Lags, when: str) -> None:
    """They have lost their operator."""
    unblocked = Fact("supervisor:a", "number.unblocked", data={"number": PRANKSTER})
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = await in_talk(here)
        await lose_operator(here, call)
        app = here.app
        assert app is not None
        if when == "in time":
            app.tell(unblocked)
        else:
            here.kill()
            here.journal.append(unblocked)
            app = await here.start(knows_blocks=when == "before a restart")
            await anyio.sleep(1)
            app.blocking.loaded(block_list(here.journal))
        await anyio.sleep(0.1)
        assert app.router.calls[call].priority is Priority.TAKE_BACK
        await goodbye(here, call)


async def test_a_blocked_caller_adopted_in_a_talk_is_not_verified_once_unblocked(lags: Lags) -> None:
    """Their desk is none of the few that may have callers of blocked numbers."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = await in_talk(here)
        before = here.board.desks["1001"]
        here.kill()
        here.journal.append(Fact("supervisor:a", "number.unblocked", data={"number": PRANKSTER}))
        await here.start()
        after = here.board.desks["1001"]
        assert (before.call, before.verifies) == (call, True)
        assert (after.call, after.verifies) == (call, False)
        await goodbye(here, call)


async def test_an_adopted_caller_is_not_turned_away(lags: Lags) -> None:
    """They are more than may wait, and were there before."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER], rules=replace(RULES, verification_max=2)) as here:
        waiting = [here.asterisk.call(), here.asterisk.call()]
        await anyio.sleep(5)
        here.rules = replace(RULES, verification_max=1)
        await restart(here)
        await anyio.sleep(60)
        assert all(here.asterisk.hears(call) & {"musik", ANNOUNCEMENT} for call in waiting)
        await goodbye(here, *waiting)


async def test_an_emergency_stays_one(lags: Lags) -> None:
    """The operator found the blocked caller in an emergency, and both were lost: the caller is served first."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = await in_talk(here)
        await press(here, "1001", "*9")
        here.asterisk.unregister("1001")
        here.kill()
        here.asterisk.phone_dies("1001")
        await anyio.sleep(0.3)
        other = here.asterisk.call(OTHER)
        await here.start()
        await anyio.sleep(1)
        here.asterisk.register("1001", answers_after=0.2)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"))
        await goodbye(here, call, other)


async def test_waiting_callers_keep_their_places(lags: Lags) -> None:
    """Whoever came first is served first, by a new application as well."""
    async with floor("1001", lags=lags) as here:
        calls = []
        for number in (OTHER, "0614567891", "0614567892"):
            calls.append(here.asterisk.call(number))
            await anyio.sleep(3)
        await restart(here)
        late = here.asterisk.call("0614567893")
        here.asterisk.register("1001", answers_after=0.2)
        for call in [*calls, late]:
            await here.talking(call, "1001")
            waited = here.facts(call, "call.answered")[0].data["waited_ms"]
            assert isinstance(waited, int)
            assert waited > (9000 if call == calls[0] else 0)
            await goodbye(here, call)


# ---- a lost operator -------------------------------------------------------------------------------


async def test_a_blocked_caller_whose_operator_is_lost_waits_behind_the_others(lags: Lags) -> None:
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = await in_talk(here)
        normal = here.asterisk.call(OTHER)
        await lose_operator(here, call)
        assert here.asterisk.hears(call) & {"musik", ANNOUNCEMENT}
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(normal, "1001")
        await goodbye(here, normal)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"))
        await goodbye(here, call)


# ---- the lane --------------------------------------------------------------------------------------


async def test_many_at_once_are_not_more_than_may_wait(lags: Lags) -> None:
    """They all come in the same moment."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER], rules=replace(RULES, verification_max=3)) as here:
        calls = [here.asterisk.call() for _ in range(8)]
        await anyio.sleep(60)
        waiting = [call for call in calls if call in here.asterisk.legs]
        assert len(waiting) == 3
        await goodbye(here, *waiting)


async def test_who_is_asked_to_call_later_is_not_kept_for_ever(lags: Lags, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of what is played is never told: the call ends all the same, after a minute."""
    usual = fake_sound.length
    monkeypatch.setattr(fake_sound, "length", lambda media: None if media.endswith(LATER) else usual(media))
    async with floor("1001", lags=lags, blocked=[PRANKSTER], rules=replace(RULES, verification_max=0)) as here:
        call = here.asterisk.call()
        await here.ended(call, seconds=90)
        assert here.end_of(call)["outcome"] == "turned_away"
        assert heard(here, call) == [ANNOUNCEMENT, LATER]
        here.asterisk.wrongs.clear()  # in the middle of the sentence, as far as Asterisk knows


# ---- a supervisor's mark ---------------------------------------------------------------------------


@pytest.mark.parametrize("marks", [0, 4])
async def test_a_supervisor_marks_a_living_call(lags: Lags, marks: int) -> None:
    """The caller hears the salutation, the operator that it was a prank, or that the number is blocked now."""
    async with floor("1001", lags=lags) as here:
        for _ in range(marks):
            call = await in_talk(here)
            await press(here, "1001", "*7")
            await here.ended(call)
        call = await in_talk(here)
        leg = leg_at(here, "1001")
        assert here.app is not None
        done = here.app.router.mark_living(call, "supervisor:budi", None)
        assert done is not None
        assert done == Marked(is_closing=True, has_blocked=marks == 4)
        await here.until(lambda: heard(here, leg) == [BLOCKS if marks == 4 else OK], seconds=0.5)
        await here.until(lambda: "salam-penutup" in heard(here, call), seconds=0.5)
        await here.ended(call, seconds=10)
        assert here.facts(call, "call.ended")[0].actor == "supervisor:budi"


async def test_a_supervisor_marks_who_has_not_been_answered(lags: Lags) -> None:
    """Nobody is hung up on whom no operator has spoken with."""
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await anyio.sleep(1)
        assert here.app is not None
        done = here.app.router.mark_living(call, "supervisor:budi", None)
        assert done is not None
        assert not done.is_closing
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(call, "1001")
        await anyio.sleep(20)
        assert hear_each_other(here, call, leg_at(here, "1001"))
        await goodbye(here, call)


async def test_a_supervisor_marks_during_a_transfer(lags: Lags) -> None:
    """At once, and not when the Polres has let it ring."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        assert here.app is not None
        here.app.router.mark_living(call, "supervisor:budi", None)
        await here.until(lambda: "salam-penutup" in heard(here, call), seconds=0.5)
        await here.until(lambda: is_idle(here, "2011"), seconds=0.5)
        await here.ended(call, seconds=10)
        assert here.facts(call, "call.transfer_ended")[0].data["reason"] == "dismissed"
        assert "call.taken_back" not in here.told(call)


async def test_a_supervisor_marks_during_a_consult(lags: Lags) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register("1002", answers_after=0.2)
        await press(here, "1001", "*11002#", settled=2)
        assert here.app is not None
        here.app.router.mark_living(call, "supervisor:budi", None)
        await here.until(lambda: "salam-penutup" in heard(here, call), seconds=0.5)
        await here.until(lambda: is_idle(here, "1001") and is_idle(here, "1002"), seconds=0.5)
        await here.ended(call, seconds=10)


async def test_a_supervisor_marks_who_has_lost_the_operator(lags: Lags) -> None:
    """The next operator is not cut off in the greeting: the call is closed before."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await lose_operator(here, call)
        assert here.app is not None
        here.app.router.mark_living(call, "supervisor:budi", None)
        await here.until(lambda: "salam-penutup" in heard(here, call), seconds=0.5)
        here.asterisk.register("1001")
        await here.ended(call, seconds=10)
        assert not rings(here, "1001")
        assert here.told(call).count("call.answered") == 1


# ---- a withheld number that looks like one --------------------------------------------------------


@pytest.mark.parametrize("sent", ["0", "1", "0000000000"])
async def test_a_network_that_sends_digits_for_a_withheld_number_is_not_blocked(sent: str) -> None:
    """Five pranks would block everybody who calls by it."""
    async with floor("1001") as here:
        here.asterisk.register("1001", answers_after=0.1)
        for _ in range(6):
            call = here.asterisk.call(sent)
            await here.talking(call, "1001")
            assert here.facts(call, "call.received")[0].data["caller"] is None
            await press(here, "1001", "*7")
            await here.ended(call)
        assert "number.blocked" not in {fact.action for fact in here.journal}
