"""The transfer to a Polres and the take-back: SOP V.6, V.7, V.10 and V.11."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from tests.flows.fake_asterisk import BUSY, REJECTED, Lags
from tests.flows.floor import RULES, Floor, floor
from tests.flows.scenes import (
    AT_ONCE,
    OK,
    WRONG,
    at_polres,
    goodbye,
    hear_each_other,
    heard,
    in_talk,
    is_idle,
    last,
    leg_at,
    press,
    rings,
    transferring,
)

pytestmark = pytest.mark.anyio


def reasons(here: Floor, call: str) -> list[object]:
    """Why the call was taken back, each time."""
    return [fact.data["reason"] for fact in here.facts(call, "call.taken_back")]


async def taken_back(here: Floor, call: str) -> None:
    """The Polda operator and the caller talk again."""
    await here.until(lambda: reasons(here, call), seconds=10)
    await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=AT_ONCE)


# ---- the Polres answers: SOP V.6, V.7 --------------------------------------------------------------


async def test_the_polres_answers_and_has_the_caller(lags: Lags) -> None:
    """The SOP's sentences to the caller, tones to the operator, and the operator is free to wrap up."""
    rules = replace(RULES, wrap_up=15.0)
    async with floor("1001", "2011", lags=lags, rules=rules) as here:
        call = await transferring(here, "2011")
        polda = leg_at(here, "1001")
        assert heard(here, call) == ["izin-menunggu"]
        await anyio.sleep(2)
        assert heard(here, call) == ["izin-menunggu", "musik"]
        assert heard(here, polda) == [OK, "tone:ring"]
        assert not here.asterisk.is_talking(call, "1001")
        here.asterisk.desk_answers("2011")
        await at_polres(here, call, "2011")
        assert heard(here, call) == ["izin-menunggu", "musik", "selesai-menunggu"]
        assert hear_each_other(here, call, leg_at(here, "2011"))
        assert is_idle(here, "1001")
        assert here.board.is_wrapping_up("1001")
        await press(here, "2011", "*0")
        await here.ended(call)
    (started,) = here.facts(call, "call.transfer_started")
    assert (started.actor, started.data) == ("desk:1001", {"polres": "01", "desk": "1001", "desks": ["2011"]})
    (answered,) = here.facts(call, "call.transfer_answered")
    assert answered.actor == "desk:2011"
    assert {**answered.data, "waited_ms": 0} == {"polres": "01", "desk": "2011", "operator": None, "waited_ms": 0}
    assert here.end_of(call)["by"] == "desk"
    assert here.facts(call, "complaint.closed")[0].actor == "desk:2011", "SOP V.9: the Polres closes"
    assert heard(here, call)[-1] == "salam-penutup"


async def test_every_staffed_desk_of_that_polres_rings_and_no_other(lags: Lags) -> None:
    staff = {"2011": "20110", "2012": "20120", "2013": ""}
    async with floor("1001", "1002", "2011", "2012", "2013", "2021", lags=lags, staff=staff) as here:
        for desk in ("1002", "2013", "2021"):
            here.asterisk.register(desk)
        await anyio.sleep(1)
        assert here.app is not None
        here.app.roster.not_ready("2012", "meal", "operator:20120")
        here.asterisk.register("1001", answers_after=0.1)
        call = await transferring_from_first(here)
        assert here.facts(call, "call.transfer_started")[0].data["desks"] == ["2011", "2012"]
        assert is_idle(here, "2013"), "nobody is logged in there"
        assert is_idle(here, "2021")
        other = leg_at(here, "2011")
        here.asterisk.desk_answers("2012")
        await at_polres(here, call, "2012")
        assert is_idle(here, "2011")
        assert here.asterisk.hung_up[other] == "answered_elsewhere"
        assert last(here, "call.transfer_answered").data["operator"] == "20120"
        await goodbye(here, call)


async def transferring_from_first(here: Floor) -> str:
    """As ``transferring``, when another Polda desk must not answer first."""
    here.asterisk.unregister("1002")
    await anyio.sleep(0.1)
    return await transferring(here, "2011", "2012")


async def test_a_polres_hands_on_to_another_polres(lags: Lags) -> None:
    async with floor("1001", "2011", "2021", lags=lags) as here:
        call = await transferring(here, "2011")
        here.asterisk.desk_answers("2011")
        await at_polres(here, call, "2011")
        here.asterisk.register("2021", answers_after=1.0)
        await press(here, "2011", "*202#")
        await at_polres(here, call, "2021")
        assert is_idle(here, "2011")
        here.asterisk.desk_hangs_up("2021")
        await here.ended(call)
    assert here.end_of(call) == {"by": "desk", "outcome": "answered", "cause": 16}


# ---- it does not: SOP V.10, V.11 ---------------------------------------------------------------------


async def test_silent_for_answer_seconds(lags: Lags) -> None:
    """Both hear each other again within 200 ms, and the operator need not press anything."""
    async with floor("1001", "2011", "2012", lags=lags) as here:
        call = await transferring(here, "2011", "2012")
        legs = leg_at(here, "2011"), leg_at(here, "2012")
        await taken_back(here, call)
        (taken,) = here.facts(call, "call.taken_back")
        waited = taken.data["waited_ms"]
        assert isinstance(waited, int)
        assert 5000 <= waited <= 5100
        assert reasons(here, call) == ["no_answer"]
        assert taken.data["polres"] == "01"
        assert hear_each_other(here, call, leg_at(here, "1001"))
        assert {here.asterisk.hung_up[leg] for leg in legs} == {"normal"}, "their phones show a missed call"
        assert is_idle(here, "2011")
        assert is_idle(here, "2012")
        await press(here, "1001", "*0")
        await here.ended(call)
    assert here.told(call)[-2:] == ["call.closed", "call.ended"]
    assert here.facts(call, "complaint.closed") == [], "it stays open for the Polres (SOP V.11)"


@pytest.mark.parametrize("after", [0.0, 0.1, 0.5])
async def test_who_hangs_up_before_they_know_that_nobody_can_be_rung_has_left_the_call(
    lags: Lags, after: float
) -> None:
    """As who hangs up while the Polres rings: the caller goes to the head of the queue."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register("1002", answers_after=0.1)
        await press(here, "1001", "*201#", settled=after)
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=2)
        await goodbye(here, call)
    assert here.facts(call, "call.taken_back")[0].data["reason"] == "unreachable"


@pytest.mark.parametrize("after", [0.0, 0.001, 0.3])
@pytest.mark.parametrize("refuses", [None, BUSY])
async def test_who_hangs_up_before_they_know_that_the_caller_is_back_has_left_the_call(
    lags: Lags, after: float, refuses: int | None
) -> None:
    """The Polres refuses, or does not answer in time, and the operator thinks that it rings."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        here.asterisk.register("2011", refuses=refuses)
        call = await in_talk(here)
        here.asterisk.register("1002", answers_after=0.1)
        here.asterisk.press("1001", "*201#")
        await here.until(lambda: reasons(here, call), seconds=7)
        await anyio.sleep(after)
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=2)
        await goodbye(here, call)


@pytest.mark.parametrize("code", ["##", "*4"])
async def test_who_has_asked_for_the_caller_ends_the_call(lags: Lags, code: str) -> None:
    """By hanging up at once: they know whom they talk with."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await transferring(here, "2011") if code == "##" else await in_talk(here)
        here.asterisk.register("1002")
        for _ in range(1 if code == "##" else 2):
            await press(here, "1001", code)
        here.asterisk.desk_hangs_up("1001")
        await here.ended(call)
    assert "call.requeued" not in here.told(call)


async def test_who_hangs_up_long_after_that_ends_the_call(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*201#", settled=1.5)
        here.asterisk.desk_hangs_up("1001")
        await here.ended(call)
    assert "call.requeued" not in here.told(call)


@pytest.mark.parametrize(("cause", "reason"), [(BUSY, "busy"), (REJECTED, "busy"), (20, "unreachable")])
async def test_a_polres_that_refuses(lags: Lags, cause: int, reason: str) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011", refuses=cause)
        call = await in_talk(here)
        here.asterisk.press("1001", "*201#")
        await taken_back(here, call)
        assert reasons(here, call) == [reason]
        await goodbye(here, call)


async def test_a_polres_that_is_in_a_talk_is_busy(lags: Lags) -> None:
    """Its phone is not asked; the caller goes on hearing the operator but for the operator's tone."""
    async with floor("1001", "2011", lags=lags) as here:
        first = await transferring(here, "2011")
        here.asterisk.desk_answers("2011")
        await at_polres(here, first, "2011")
        second = await in_talk(here)
        here.asterisk.press("1001", "*201#")
        await taken_back(here, second)
        assert reasons(here, second) == ["busy"]
        assert heard(here, leg_at(here, "1001"))[-1] == WRONG
        await goodbye(here, first, second)


async def test_a_polres_without_any_phone_is_unreachable(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*201#")
        assert reasons(here, call) == ["unreachable"]
        assert heard(here, call) == []
        assert heard(here, leg_at(here, "1001")) == [WRONG]
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=AT_ONCE)
        await goodbye(here, call)


async def test_one_desk_busy_and_the_other_silent_is_no_answer(lags: Lags) -> None:
    async with floor("1001", "2011", "2012", lags=lags) as here:
        here.asterisk.register("2012", refuses=BUSY)
        call = await transferring(here, "2011")
        await taken_back(here, call)
        assert reasons(here, call) == ["no_answer"]
        await goodbye(here, call)


async def test_one_desk_busy_and_the_other_gone_is_busy(lags: Lags) -> None:
    async with floor("1001", "2011", "2012", lags=lags) as here:
        here.asterisk.register("2011", refuses=20)
        here.asterisk.register("2012", refuses=BUSY)
        call = await in_talk(here)
        await press(here, "1001", "*201#")
        assert reasons(here, call) == ["busy"]
        await goodbye(here, call)


async def test_one_desk_refuses_and_the_other_answers(lags: Lags) -> None:
    async with floor("1001", "2011", "2012", lags=lags) as here:
        here.asterisk.register("2012", refuses=BUSY)
        call = await transferring(here, "2011")
        here.asterisk.desk_answers("2011")
        await at_polres(here, call, "2011")
        await goodbye(here, call)
    assert reasons(here, call) == []


async def test_the_operator_takes_the_call_back(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        here.asterisk.press("1001", "##")
        await taken_back(here, call)
        assert reasons(here, call) == ["operator"]
        await anyio.sleep(1)  # the caller comes first, and then the phone that rings
        assert is_idle(here, "2011")
        await goodbye(here, call)


async def test_after_a_take_back_another_polres_can_be_tried(lags: Lags) -> None:
    """Then the complaint is no longer left open for the first one."""
    async with floor("1001", "2011", "2021", lags=lags) as here:
        call = await transferring(here, "2011")
        await taken_back(here, call)
        here.asterisk.register("2021", answers_after=0.5)
        await press(here, "1001", "*202#")
        await at_polres(here, call, "2021")
        await press(here, "2021", "*0")
        await here.ended(call)
    assert len(here.facts(call, "complaint.closed")) == 1


async def test_where_no_call_can_go_the_code_is_refused(lags: Lags) -> None:
    """An unknown Polres; the caller notices nothing."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*299#")
        assert here.asterisk.is_talking(call, "1001")
        assert heard(here, leg_at(here, "1001")) == [WRONG]
        await goodbye(here, call)
    assert here.facts(call, "call.transfer_started") == []
    assert heard(here, call) == []


async def test_what_can_be_pressed_while_the_polres_rings(lags: Lags) -> None:
    """SOP V.4 can; nothing else, and the tone of the ringing goes on."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        polda = leg_at(here, "1001")
        await anyio.sleep(0.5)
        await press(here, "1001", "*5", settled=0.5)
        await press(here, "1001", "*202#", settled=0.5)
        assert heard(here, polda) == [OK, "tone:ring", OK, "tone:ring", WRONG, "tone:ring"]
        assert rings(here, "2011")
        assert here.facts(call, "call.classified")[0].data == {"kind": "valid"}
        await taken_back(here, call)
        await goodbye(here, call)


# ---- somebody leaves -----------------------------------------------------------------------------------


async def test_the_polda_operator_hangs_up_and_the_transfer_goes_on(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        here.asterisk.desk_hangs_up("1001")
        await anyio.sleep(1)
        assert rings(here, "2011")
        here.asterisk.desk_answers("2011")
        await at_polres(here, call, "2011")
        await goodbye(here, call)
    assert reasons(here, call) == []


async def test_the_polda_operator_hangs_up_and_the_transfer_fails(lags: Lags) -> None:
    """The caller goes to the head of the queue, before who has waited longer."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        here.asterisk.phones["1001"].answers_after = None
        here.asterisk.phones["1001"].refuses = BUSY
        waiting = here.asterisk.call()
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: "call.requeued" in here.told(call), seconds=6)
        here.asterisk.phones["1001"].refuses = None
        await here.until(lambda: rings(here, "1001"), seconds=5)
        here.asterisk.desk_answers("1001")
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=1)
        assert here.facts(call, "call.requeued")[0].data == {"reason": "transfer_failed"}
        await goodbye(here, call, waiting)
    assert reasons(here, call) == ["no_answer"]
    assert [fact.data["priority"] for fact in here.facts(call, "call.queued")] == ["normal", "take_back"]


async def test_the_caller_hangs_up_and_nobody_rings_any_more(lags: Lags) -> None:
    async with floor("1001", "2011", "2012", lags=lags) as here:
        call = await transferring(here, "2011", "2012")
        here.asterisk.caller_hangs_up(call)
        await here.until(lambda: all(is_idle(here, desk) for desk in ("1001", "2011", "2012")), seconds=0.2)
        await here.ended(call)
    assert here.end_of(call) == {"by": "caller", "outcome": "answered", "cause": 16}
    assert reasons(here, call) == []


async def test_the_polres_answers_and_is_gone_again(lags: Lags) -> None:
    """Before it could be connected: the caller is back with the operator, in silence for no moment."""
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.desk_enters_after = 0.3
        call = await transferring(here, "2011")
        here.asterisk.desk_answers("2011")
        await anyio.sleep(0.1)
        here.asterisk.desk_hangs_up("2011")
        await taken_back(here, call)
        assert reasons(here, call) == ["unreachable"]
        await goodbye(here, call)


@pytest.mark.parametrize("dies", [False, True])
async def test_a_polres_that_has_the_caller_hangs_up_or_dies(lags: Lags, dies: bool) -> None:  # noqa: FBT001 - drawn
    """Who puts the receiver down ends the call; who falls silent sends the caller back to the Polda."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        here.asterisk.desk_answers("2011")
        await at_polres(here, call, "2011")
        if dies:
            here.asterisk.watches_silence = False  # for as long as nobody can know
            await anyio.sleep(5)
            here.asterisk.phone_dies("2011")
            await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=10)
            assert here.facts(call, "call.requeued")[0].data == {"reason": "phone_lost"}
            await goodbye(here, call)
        else:
            here.asterisk.desk_hangs_up("2011")
            await here.ended(call)
            assert here.end_of(call)["by"] == "desk"


async def test_the_polres_phone_dies_while_the_caller_hears_that_the_wait_is_over(lags: Lags) -> None:
    """Nobody is free: after the sentence the caller hears what everybody hears who waits."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        here.asterisk.desk_answers("2011")
        await here.until(lambda: heard(here, call)[-1] == "selesai-menunggu", seconds=2)
        here.asterisk.unregister("1001")
        await anyio.sleep(0.5)
        here.asterisk.desk_hangs_up("2011", cause=27)
        await anyio.sleep(2)
        assert heard(here, call)[-2:] == ["selesai-menunggu", "antrean-pembuka"]
        await anyio.sleep(30)
        assert here.asterisk.hears(call) & {"musik", "antrean-mohon-tunggu"}
        await goodbye(here, call)
