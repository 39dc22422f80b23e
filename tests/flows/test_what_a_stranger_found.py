"""What somebody who read the SOP and tried to break it has found: each is mended, and stays so."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.domain.complaints import ComplaintRow, fold_complaint
from ari_app.domain.facts import Record
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import OVERFLOW_SECONDS, RULES, Floor, floor
from tests.flows.scenes import (
    OK,
    goodbye,
    heard,
    in_talk,
    is_idle,
    leg_at,
    press,
    rings,
    transferring,
)

pytestmark = pytest.mark.anyio


def complaint(here: Floor, call: str) -> ComplaintRow:
    """What the facts say of a call's complaint."""
    row: ComplaintRow | None = None
    for number, fact in enumerate(here.journal):
        if fact.call == call:
            row = fold_complaint(row, Record(number, "", fact.actor, fact.action, call, fact.data, ""))
    assert row is not None
    return row


# ---- a display is never waited for -------------------------------------------------------------------


@pytest.mark.parametrize("answers", [True, False])
async def test_an_emergency_while_the_polres_rings(lags: Lags, answers: bool) -> None:  # noqa: FBT001 - drawn
    """The ringing tone pauses for the display, and goes on; the Polres sees the emergency as well."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        leg = leg_at(here, "1001")
        await press(here, "1001", "*9")
        assert here.asterisk.displays[leg].name == "DARURAT 081234567890"
        assert heard(here, leg)[-2:] == [OK, "tone:ring"]
        if answers:
            here.asterisk.desk_answers("2011")
            await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=4)
            at_polres = leg_at(here, "2011")
            await here.until(lambda: here.asterisk.displays[at_polres].name.startswith("DARURAT"), seconds=0.1)
            await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=3)
        else:
            await here.until(lambda: here.facts(call, "call.taken_back"), seconds=6)
            await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=1)
        await goodbye(here, call)


async def test_an_emergency_while_a_colleague_rings(lags: Lags) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register("1002")
        await press(here, "1001", "*11002#", settled=0.5)
        await press(here, "1001", "*9")
        assert rings(here, "1002")
        await press(here, "1001", "##")
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=1)
        await goodbye(here, call)


# ---- transfers ---------------------------------------------------------------------------------------


async def test_a_polres_that_has_no_desk_is_unreachable(lags: Lags) -> None:
    """SOP V.10: it is one of the site's, and the complaint stays open for it."""
    async with floor("1001", lags=lags, rules=replace(RULES, polres=frozenset({"09"}))) as here:
        call = await in_talk(here)
        await press(here, "1001", "*209#")
        (back,) = here.facts(call, "call.taken_back")
        assert (back.data["polres"], back.data["reason"]) == ("09", "unreachable")
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)
        assert (complaint(here, call).status, complaint(here, call).polres) == ("open", "09")


async def test_the_caller_hangs_up_while_the_polres_rings(lags: Lags) -> None:
    """Nobody has taken the complaint: it is not left as forwarded."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        assert complaint(here, call).status == "forwarded"
        await goodbye(here, call)
        row = complaint(here, call)
        assert (row.status, row.polres, row.reason) == ("open", "01", "caller_left")


async def test_the_desk_becomes_busy_with_another_call(lags: Lags) -> None:
    """It rings for the first; the second is not kept waiting once the first has it."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        first = await transferring(here, "2011")
        here.asterisk.register("1002", answers_after=0.1)
        second = here.asterisk.call("0614567890")
        await here.talking(second, "1002")
        here.asterisk.press("1002", "*201#")
        await here.until(lambda: here.facts(second, "call.transfer_started"), seconds=1)
        await anyio.sleep(0.2)
        here.asterisk.desk_answers("2011")
        await here.until(lambda: here.facts(second, "call.taken_back"), seconds=0.2)
        assert here.facts(second, "call.taken_back")[0].data["reason"] == "busy"
        await goodbye(here, first, second)


async def test_the_phones_transfer_key_while_asking_somebody(lags: Lags) -> None:
    """The caller is meant; the one asked is let go, and nothing of Asterisk's own is left."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register("1002", answers_after=0.1)
        here.asterisk.register("2011", answers_after=0.5)
        await press(here, "1001", "*11002#", settled=1)
        here.asterisk.refer("1001", "201")
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=5)
        assert is_idle(here, "1002")
        await goodbye(here, call)


# ---- the queue ---------------------------------------------------------------------------------------


async def test_who_did_not_answer_is_not_rung_again_at_once(lags: Lags) -> None:
    """The other operator talks; this one is set not ready first, and only then free."""
    async with floor("1001", "1002", lags=lags) as here:
        talk = await in_talk(here)
        here.asterisk.register("1002")
        call = here.asterisk.call("0614567890")
        await here.until(lambda: here.facts(call, "call.not_answered"), seconds=20)
        await anyio.sleep(1)
        assert len(here.facts(call, "call.offered")) == 1
        await goodbye(here, talk, call)


async def test_who_is_requeued_has_not_waited_for_the_length_of_the_talk(lags: Lags) -> None:
    """After a talk of minutes one desk rings, not all of them."""
    async with floor("1001", "1002", "1003", lags=lags, rules=replace(RULES, wrap_up=60.0)) as here:
        call = await in_talk(here)
        for desk in ("1002", "1003"):
            here.asterisk.register(desk)
        await anyio.sleep(OVERFLOW_SECONDS + 30)
        await press(here, "1001", "*4")
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: rings(here, "1002") or rings(here, "1003"), seconds=1)
        await anyio.sleep(1)
        assert sum(rings(here, desk) for desk in ("1001", "1002", "1003")) == 1
        await goodbye(here, call)


async def test_the_greeting_is_after_the_answer(lags: Lags) -> None:
    """The answer is told at once, the operator hears a tone, and may hang up or press keys meanwhile."""
    async with floor("1001", lags=lags, rules=replace(RULES, greeting=True)) as here:
        here.asterisk.register("1001", answers_after=0.1)
        call = here.asterisk.call()
        await here.until(lambda: "call.answered" in here.told(call), seconds=0.3)
        await here.until(lambda: heard(here, call), seconds=0.1)
        assert heard(here, leg_at(here, "1001")) == [OK]
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)
        await goodbye(here, call)


# ---- after a restart ---------------------------------------------------------------------------------


async def restarted(here: Floor) -> None:
    """Killed, and up again a moment later."""
    here.kill()
    await anyio.sleep(0.3)
    await here.start()
    await anyio.sleep(0.5)


async def test_an_emergency_and_the_polres_that_did_not_take_it_are_remembered(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        await press(here, "1001", "*9")
        await here.until(lambda: here.facts(call, "call.taken_back"), seconds=6)
        await anyio.sleep(1)
        await restarted(here)
        here.asterisk.press("1001", "*0")
        await here.ended(call)
        assert "complaint.closed" not in here.told(call), "it stays open for the Polres (SOP V.11)"
        assert (complaint(here, call).status, complaint(here, call).emergency) == ("open", True)


async def test_killed_while_the_polres_rings(lags: Lags) -> None:
    """The take-back is told, with the reason."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        await restarted(here)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=3)
        (back,) = here.facts(call, "call.taken_back")
        assert back.data == {"polres": "01", "desk": "1001", "reason": "no_answer"}
        await goodbye(here, call)
        assert complaint(here, call).status == "open"


@pytest.mark.parametrize("code", ["*7", "*0"])
async def test_killed_while_the_salutation_is_said(lags: Lags, code: str) -> None:
    """The call was closed: the caller hears the salutation and is not rung through to an operator again."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.press("1001", code)
        await here.until(lambda: heard(here, call), seconds=0.3)
        await anyio.sleep(0.3)
        await restarted(here)
        await here.ended(call, seconds=5)
        assert here.told(call).count("call.answered") == 1
        assert here.told(call).count("call.offered") == 1
        assert here.end_of(call)["outcome"] == "answered"


async def test_a_colleague_who_is_not_there_is_busy_and_nothing_else(lags: Lags) -> None:
    """The line is ended once: a second order would change the reason that the phone is told."""
    async with floor("1001", "1002", lags=lags) as here:
        here.asterisk.register("1001")
        line = here.asterisk.dial("1001", "colleague", "1002")
        await here.until(lambda: line not in here.asterisk.legs, seconds=2)
        await anyio.sleep(2)
        assert here.asterisk.hung_up[line] == "busy"
        assert here.asterisk.orders["hangup"] == 1
