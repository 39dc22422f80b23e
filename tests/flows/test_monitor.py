"""A supervisor listens to a living call, whispers to the operator, or joins: who hears whom, and what is left."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from ari_app.domain.desks import DeskState
from ari_app.domain.display import Shown
from tests.flows.fake_asterisk import BUSY, Lags
from tests.flows.floor import RULES, Floor, floor
from tests.flows.office import ACTOR, give, refused
from tests.flows.scenes import OK, WRONG, goodbye, hear_each_other, heard, in_talk, is_idle, leg_at, press, rings
from tests.flows.second_witness import differences

pytestmark = pytest.mark.anyio

DESKS = ("1001", "1002", "1003", "2011")
PANTAU = "1003"


async def monitored(here: Floor, mode: str) -> str:
    """A talk at 1001 that the supervisor at 1003 listens to."""
    call = await in_talk(here)
    here.asterisk.register(PANTAU, answers_after=0.2)
    await anyio.sleep(0.1)
    assert await give(here, f"monitor.{mode}", call, desk=PANTAU) == {
        "call": call, "desk": PANTAU, "mode": mode, "with": "1001",
    }  # fmt: skip
    await here.until(lambda: uses(here, "monitor.started"), seconds=2)
    await anyio.sleep(0.2)
    return call


def uses(here: Floor, action: str) -> list[dict[str, Any]]:
    """What was told of supervisors who were there."""
    return [dict(fact.data) for fact in here.journal if fact.action == action]


def overheard(here: Floor, call: str) -> tuple[set[str], set[str], set[str]]:
    """What the caller, the operator and the supervisor hear."""
    operator, supervisor = leg_at(here, "1001"), leg_at(here, PANTAU)
    return here.asterisk.hears(call), here.asterisk.overhears(operator), here.asterisk.overhears(supervisor)


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
async def test_who_hears_whom(lags: Lags, mode: str) -> None:
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, mode)
        operator, supervisor = leg_at(here, "1001"), leg_at(here, PANTAU)
        to_caller, to_operator, to_supervisor = overheard(here, call)
        assert to_caller == {operator} | ({supervisor} if mode == "barge" else set())
        assert to_operator == {call} | ({supervisor} if mode != "listen" else set())
        assert to_supervisor == {call, operator}
        assert here.asterisk.displays[supervisor] == Shown("PANTAU 1001", "1001")
        assert here.board.desks[PANTAU].state is DeskState.TALKING
        await goodbye(here, call)
        await here.until(lambda: is_idle(here, PANTAU), seconds=0.5)
    (began,), (ended,) = uses(here, "monitor.started"), uses(here, "monitor.ended")
    assert began == {"desk": PANTAU, "mode": mode}
    assert (ended["mode"], ended["reason"]) == (mode, "call_over")
    assert {fact.actor for fact in here.journal if fact.action.startswith("monitor.")} == {ACTOR}
    assert differences(here, DESKS) == []


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
async def test_the_supervisor_hangs_up(lags: Lags, mode: str) -> None:
    """The talk goes on as if nobody had been there, and the desk gets calls again."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, mode)
        here.asterisk.phones[PANTAU].answers_after = None
        here.asterisk.desk_hangs_up(PANTAU)
        await here.until(lambda: uses(here, "monitor.ended"), seconds=1)
        await here.until(lambda: hear_each_other(here, call, leg_at(here, "1001")), seconds=1)
        await here.until(lambda: here.board.desks[PANTAU].state is DeskState.FREE, seconds=2)
        other = here.asterisk.call("081200000002")
        await here.until(lambda: rings(here, PANTAU), seconds=1)
        await press(here, "1001", "*4")
        await goodbye(here, call, other)
    assert uses(here, "monitor.ended")[0]["reason"] == "hung_up"
    assert here.told(call).count("call.held") == 1


async def test_the_modes_by_key(lags: Lags) -> None:
    """``1``, ``2``, ``3`` at the supervisor's phone; each use is told with its time, and the parties hear no key."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, "listen")
        operator, supervisor = leg_at(here, "1001"), leg_at(here, PANTAU)
        for key, to_caller, to_operator in (
            ("3", {operator, supervisor}, {call, supervisor}),
            ("2", {operator}, {call, supervisor}),
            ("1", {operator}, {call}),
            ("1", {operator}, {call}),
        ):
            await press(here, PANTAU, key, settled=1)
            assert overheard(here, call) == (to_caller, to_operator, {call, operator}), key
        await press(here, PANTAU, "4*", settled=1)
        here.asterisk.desk_hangs_up(PANTAU)
        await here.until(lambda: len(uses(here, "monitor.ended")) == 4, seconds=1)
        await goodbye(here, call)
    told = [
        (fact.action, fact.data["mode"]) for fact in here.journal if fact.action in {"monitor.started", "monitor.ended"}
    ]
    assert told == [
        (action, mode)
        for mode in ("listen", "barge", "whisper", "listen")
        for action in ("monitor.started", "monitor.ended")
    ]


async def test_who_cannot_be_taken_out_of_the_talk_is_hung_up(lags: Lags) -> None:
    """By ``1`` nobody goes on being heard unknowingly: there is no tone of success, and the phone is hung up."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, "barge")
        supervisor = leg_at(here, PANTAU)
        here.asterisk.trouble["add_to_bridge"] = ["refused"]
        await press(here, PANTAU, "1", settled=1)
        assert is_idle(here, PANTAU)
        assert OK not in heard(here, supervisor)
        assert hear_each_other(here, call, leg_at(here, "1001"))
        await goodbye(here, call)
    assert [each["reason"] for each in uses(here, "monitor.ended")] == ["changed"]
    assert uses(here, "monitor.not_answered") == [], "it was"


async def test_a_mode_that_does_not_come_about(lags: Lags) -> None:
    """The tone says so, and the next key may do it."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, "listen")
        supervisor = leg_at(here, PANTAU)
        here.asterisk.trouble["snoop"] = ["refused"]
        await press(here, PANTAU, "2", settled=1)
        assert heard(here, supervisor) == [WRONG]
        await press(here, PANTAU, "2", settled=1)
        assert heard(here, supervisor) == [WRONG, OK]
        assert overheard(here, call)[2] == {call, leg_at(here, "1001")}
        await goodbye(here, call)


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
async def test_it_stays_with_the_call(lags: Lags, mode: str) -> None:
    """From the Polda's operator to the Polres's: the supervisor goes with it, and is with whoever has the caller."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, mode)
        here.asterisk.register("2011", answers_after=1.0)
        await press(here, "1001", "*201#")
        await here.until(lambda: "call.transfer_answered" in here.told(call), seconds=3)
        await anyio.sleep(2)
        polres, supervisor = leg_at(here, "2011"), leg_at(here, PANTAU)
        assert here.asterisk.hears(call) == {polres} | ({supervisor} if mode == "barge" else set())
        assert here.asterisk.overhears(supervisor) == {call, polres}
        assert (supervisor in here.asterisk.overhears(polres)) is (mode != "listen")
        await goodbye(here, call)
    assert len(uses(here, "monitor.started")) == 1
    assert differences(here, DESKS) == []


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
async def test_the_operator_is_lost(lags: Lags, mode: str) -> None:
    """The caller goes to the head of the queue and hears music; the supervisor is with the next operator."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, mode)
        await press(here, "1001", "*4")
        here.asterisk.phones["1001"].answers_after = None
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: "call.requeued" in here.told(call), seconds=1)
        await anyio.sleep(2)
        assert here.asterisk.hears(call) <= {"antrean-pembuka", "musik"}
        assert here.asterisk.overhears(leg_at(here, PANTAU)) == set()
        here.asterisk.register("1002", answers_after=0.2)
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=20)
        await anyio.sleep(1)
        assert here.asterisk.overhears(leg_at(here, PANTAU)) == {call, leg_at(here, "1002")}
        await goodbye(here, call)


async def test_another_mode_while_nobody_has_the_caller(lags: Lags) -> None:
    """The call ends before anybody has: that desk had answered all the same."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, "listen")
        await press(here, "1001", "*4")
        here.asterisk.phones["1001"].answers_after = None
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: "call.requeued" in here.told(call), seconds=1)
        await press(here, PANTAU, "3", settled=1)
        await goodbye(here, call)
    assert len(uses(here, "monitor.started")) == len(uses(here, "monitor.ended")) == 1
    assert uses(here, "monitor.not_answered") == []


@pytest.mark.parametrize("mode", ["listen", "whisper"])
async def test_what_it_hears_by_ends_of_itself(lags: Lags, mode: str) -> None:
    """The supervisor is there again at once."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, mode)
        before = overheard(here, call)
        (snoop,) = here.asterisk.spies
        await anyio.sleep(1)
        await here.asterisk.hangup(snoop)
        await anyio.sleep(1)
        assert overheard(here, call) == before
        await goodbye(here, call)
    assert len(uses(here, "monitor.started")) == 1


@pytest.mark.parametrize("last", [0.001, 0.002, 0.1])
async def test_what_it_hears_by_ends_again_and_again(lags: Lags, last: float) -> None:
    """It is not made for ever: the supervisor is told, and may ask once more, by the key."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, "listen")
        here.asterisk.snoops_last = last
        (snoop,) = here.asterisk.spies
        await anyio.sleep(1)
        await here.asterisk.hangup(snoop)
        await anyio.sleep(3)
        assert len(here.asterisk.spies) == 2, "the one that ended, and one more"
        assert heard(here, leg_at(here, PANTAU)) == [WRONG]
        here.asterisk.snoops_last = None
        await press(here, PANTAU, "1", settled=1)
        assert overheard(here, call)[2] == {call, leg_at(here, "1001")}
        await goodbye(here, call)
    assert len(uses(here, "monitor.started")) == 1


async def test_what_it_hears_by_ends_with_the_operators_leg(lags: Lags) -> None:
    """Nothing has failed then: the supervisor hears no tone, only the end of the call."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, "listen")
        (snoop,), supervisor = here.asterisk.spies, leg_at(here, PANTAU)
        here.asterisk.phones["1001"].answers_after = None
        here.asterisk.desk_hangs_up("1001")
        await anyio.sleep(0.02)
        await here.asterisk.hangup(snoop)
        await here.ended(call)
        await here.until(lambda: is_idle(here, PANTAU), seconds=1)
        assert heard(here, supervisor) == []


async def test_what_it_would_hear_by_is_gone_at_once(lags: Lags) -> None:
    """Nobody is told to be there, and the supervisor hears that nothing came of it."""
    async with floor(*DESKS, lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register(PANTAU, answers_after=0.2)
        here.asterisk.snoops_live = False
        await anyio.sleep(0.1)
        await give(here, "monitor.listen", call, desk=PANTAU)
        await anyio.sleep(2)
        assert heard(here, leg_at(here, PANTAU)) == [WRONG]
        assert uses(here, "monitor.started") == []
        here.asterisk.snoops_live = True
        await press(here, PANTAU, "1", settled=1)
        assert overheard(here, call)[2] == {call, leg_at(here, "1001")}
        await goodbye(here, call)
    assert len(uses(here, "monitor.started")) == 1


@pytest.mark.parametrize("mode", ["listen", "barge"])
async def test_the_supervisors_phone_dies(lags: Lags, mode: str) -> None:
    """The desk is free again, and caller and operator talk on."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, mode)
        await anyio.sleep(3)
        here.asterisk.phone_dies(PANTAU)
        await here.until(lambda: is_idle(here, PANTAU), seconds=RULES.dead_phone + 2.5)
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)
    (ended,) = uses(here, "monitor.ended")
    assert ended["reason"] == "hung_up"


async def test_a_consult_is_heard(lags: Lags) -> None:
    """With the caller on hold the supervisor hears what the operator does."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, "listen")
        here.asterisk.register("1002", answers_after=0.1)
        await press(here, "1001", "*11002#", settled=1)
        operator, supervisor = leg_at(here, "1001"), leg_at(here, PANTAU)
        assert here.asterisk.overhears(supervisor) == {operator, leg_at(here, "1002")}
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=3)
        await anyio.sleep(2)
        assert here.asterisk.overhears(supervisor) == {call, leg_at(here, "1002")}
        await goodbye(here, call)


@pytest.mark.parametrize("mode", ["listen", "whisper", "barge"])
@pytest.mark.parametrize("found", [True, False])
async def test_the_application_dies(lags: Lags, mode: str, found: bool) -> None:  # noqa: FBT001 - drawn
    """No leg is left over, and the caller goes on talking with the operator."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, mode)
        here.kill()
        if not found:
            here.asterisk.desk_hangs_up(PANTAU)
        await anyio.sleep(1)
        await here.start()
        await here.until(lambda: "call.adopted" in here.told(call), seconds=2)
        await here.until(lambda: is_idle(here, PANTAU), seconds=1)
        await here.until(lambda: hear_each_other(here, call, leg_at(here, "1001")), seconds=1)
        assert not [leg for leg in here.asterisk.legs if leg.startswith("monitor-")]
        assert not [bridge for bridge in here.asterisk.open_bridges if bridge.startswith("monitor-")]
        await press(here, "1001", "*0")
        await here.ended(call, seconds=4)


async def test_the_link_is_lost_for_a_while(lags: Lags) -> None:
    """The supervisor's phone is hung up meanwhile, unseen: reconciling finds it missing."""
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, "whisper")
        here.lose_link()
        here.asterisk.desk_hangs_up(PANTAU)
        await here.restore_link()
        await here.until(lambda: uses(here, "monitor.ended"), seconds=2)
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)


async def test_a_stop(lags: Lags) -> None:
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, "barge")
        app = here.app
        assert app is not None
        await app.router.hand_over()
        assert uses(here, "monitor.ended")[0]["reason"] == "stopped"
        assert is_idle(here, PANTAU)
        here.kill()
        await here.start()
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=1)
        await goodbye(here, call)


@pytest.mark.parametrize("what", ["rings out", "refuses", "call is over", "is cut off"])
async def test_it_does_not_come_about(lags: Lags, what: str) -> None:
    async with floor(*DESKS, lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register(PANTAU, refuses=BUSY if what == "refuses" else None)
        if what == "is cut off":
            here.asterisk.trouble["snoop"] = ["refused"]
            here.asterisk.register(PANTAU, answers_after=0.1)
        await anyio.sleep(0.1)
        await give(here, "monitor.listen", call, desk=PANTAU)
        if what == "call is over":
            await anyio.sleep(1)
            await goodbye(here, call)
        if what == "is cut off":
            await anyio.sleep(1)
            assert ("nada-salah") in {sound for _, sound in here.asterisk.played}
            here.asterisk.desk_hangs_up(PANTAU)
        await here.until(lambda: uses(here, "monitor.not_answered"), seconds=20)
        await here.until(lambda: is_idle(here, PANTAU), seconds=1)
        if what != "call is over":
            assert here.asterisk.is_talking(call, "1001")
            await goodbye(here, call)
    reason = {"rings out": "no_answer", "refuses": "busy", "call is over": "call_over", "is cut off": "hung_up"}[what]
    assert uses(here, "monitor.not_answered") == [{"desk": PANTAU, "reason": reason}]
    assert uses(here, "monitor.started") == uses(here, "monitor.ended") == []


async def test_a_desk_that_cannot_be_rung(lags: Lags) -> None:
    async with floor(*DESKS, lags=lags) as here:
        call = await in_talk(here)
        assert (
            await refused(here, "monitor.listen", call, desk="9999") == "there is no desk 9999: see `siaga desks list`"
        )
        why = await refused(here, "monitor.listen", call, desk=PANTAU)
        assert why == "desk 1003 cannot be rung: its phone is not registered"
        assert await refused(here, "monitor.barge", call, desk="1001") == "desk 1001 cannot be rung: it is busy"
        await goodbye(here, call)


async def test_the_phones_own_transfer_key_sends_nobody_anywhere(lags: Lags) -> None:
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, "barge")
        here.asterisk.refer(PANTAU, "201")
        await here.until(lambda: uses(here, "monitor.ended"), seconds=1)
        await here.until(lambda: hear_each_other(here, call, leg_at(here, "1001")), seconds=1)
        await goodbye(here, call)


async def test_a_transfer_that_fails_ends_no_watch(lags: Lags) -> None:
    async with floor(*DESKS, lags=lags) as here:
        call = await monitored(here, "barge")
        here.asterisk.refer(PANTAU, "201", result="Fail")
        await anyio.sleep(1)
        assert not uses(here, "monitor.ended")
        assert hear_each_other(here, call, leg_at(here, "1001"), leg_at(here, PANTAU))
        await goodbye(here, call)
