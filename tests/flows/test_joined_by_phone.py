"""A phone joins its two calls: who has the caller then, what they see and hear, and who is let go (SOP V.6 to V.9)."""

from __future__ import annotations

import anyio
import pytest

from ari_app.domain.desks import DeskState
from ari_app.domain.facts import Fact, Json
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import consulting, goodbye, hear_each_other, heard, in_talk, is_idle, leg_at, press, rings

pytestmark = pytest.mark.anyio


async def on_second_line(here: Floor, desk: str, to: str) -> str:
    """The phone holds its call, and talks with a colleague; that call."""
    here.asterisk.register(to, answers_after=0.1)
    here.asterisk.hold_key(desk, on=True)
    second = here.asterisk.dial(desk, "colleague", to)
    await here.until(lambda: here.asterisk.legs[second].bridge)
    await anyio.sleep(0.5)
    return second


async def joined(here: Floor, call: str, desk: str, to: str) -> None:
    """The phone has joined the caller with the colleague on its second line."""
    first = leg_at(here, desk)
    here.asterisk.join_calls(first, await on_second_line(here, desk, to))
    await here.until(lambda: here.asterisk.is_talking(call, to), seconds=1)
    await anyio.sleep(1)


async def not_taken(here: Floor) -> str:
    """The Polres did not answer: the operator has the caller again, and the complaint is open for it (SOP V.10)."""
    here.asterisk.register("2011")
    call = await in_talk(here)
    here.asterisk.press("1001", "*201#")
    await here.until(lambda: here.facts(call, "call.taken_back"), seconds=7)
    await anyio.sleep(1.5)
    return call


async def is_closed_by(here: Floor, call: str, desk: str) -> bool:
    """The operator there presses ``*0``, and the call ends: whether the complaint is closed by that (SOP V.9)."""
    await press(here, desk, "*0")
    await here.ended(call)
    return "complaint.closed" in here.told(call)


async def restart(here: Floor, call: str, desk: str) -> None:
    """The application is killed, and the next one has taken the talk up."""
    here.kill()
    await here.start()
    await here.until(lambda: here.asterisk.is_talking(call, desk), seconds=2)
    await anyio.sleep(1)


def edit(here: Floor, call: str, **fields: Json) -> None:
    """A supervisor enters something in the complaint."""
    assert here.app is not None
    row = here.app.complaints.row_of(call)
    assert row is not None
    here.app.tell(Fact("supervisor:budi", "complaint.edited", call, {"ticket": row.ticket, **fields}))


async def test_who_did_not_answer_at_first_closes_what_it_was_joined_with(lags: Lags) -> None:
    """SOP V.9: the Polres has the caller after all, so the complaint waits for it no more."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await not_taken(here)
        await joined(here, call, "1001", "2011")
        assert await is_closed_by(here, call, "2011")


async def test_who_was_asked_closes_what_was_for_them(lags: Lags) -> None:
    """The operator has put the receiver down: the Polres that was asked has the caller, and the complaint is theirs."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await not_taken(here)
        here.asterisk.register("2011", answers_after=0.1)
        await press(here, "1001", "*12011#", settled=2)
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=3)
        assert await is_closed_by(here, call, "2011")


async def test_the_polres_sees_the_caller_who_hears_that_the_waiting_is_over(lags: Lags) -> None:
    """SOP V.7, VI "Selesai Menunggu": as by ``*2PP#``. A colleague had rung the phone."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await in_talk(here)
        shown = here.asterisk.displays[leg_at(here, "1001")]
        await joined(here, call, "1001", "2011")
        assert here.asterisk.displays[leg_at(here, "2011")] == shown
        assert heard(here, call) == ["izin-menunggu", "selesai-menunggu"]
        await goodbye(here, call)


async def test_a_colleague_at_the_polda_is_no_polres(lags: Lags) -> None:
    """Who has the caller then is told, and the complaint is for nobody else."""
    async with floor("1001", "1002", lags=lags) as here:
        call = await in_talk(here)
        await joined(here, call, "1001", "1002")
        assert here.asterisk.displays[leg_at(here, "1002")].name
        assert here.app is not None
        row = here.app.complaints.row_of(call)
        assert row is not None
        assert (row.status, row.polres) == ("open", None)
        await goodbye(here, call)
    assert here.facts(call, "call.resumed")[-1].data == {"desk": "1002"}
    assert not {"call.transfer_started", "call.transfer_answered"} & set(here.told(call))


@pytest.mark.parametrize("is_conference", [False, True])
async def test_who_is_joined_by_somebody_who_was_asked_is_let_go(lags: Lags, *, is_conference: bool) -> None:
    """The caller is the operator's: nobody else hangs on a dead line, and the desk rings for the next one."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await consulting(here, "1002")
        for _ in range(2 * is_conference):
            await press(here, "1001", "*1#", settled=3)
        first = leg_at(here, "1002")
        here.asterisk.join_calls(first, await on_second_line(here, "1002", "2011"))
        await here.until(lambda: is_idle(here, "2011") and is_idle(here, "1002"), seconds=2)
        await here.until(lambda: hear_each_other(here, call, leg_at(here, "1001")), seconds=2)
        assert here.board.desks["2011"].state is DeskState.FREE
        here.asterisk.register("2011")
        here.asterisk.press("1001", "*201#")
        await here.until(lambda: rings(here, "2011"), seconds=2)
        await goodbye(here, call)


async def test_who_hangs_up_while_being_joined_is_rung_again(lags: Lags) -> None:
    """The caller's call lives, and the desk is free all the same; the next desks ring for the caller at once."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await in_talk(here)
        first = leg_at(here, "1001")
        here.asterisk.join_calls(first, await on_second_line(here, "1001", "2011"))
        here.asterisk.desk_hangs_up("2011")
        await here.until(lambda: "call.requeued" in here.told(call), seconds=3)
        assert here.board.desks["2011"].state is DeskState.FREE
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=3)
        await goodbye(here, call)


@pytest.mark.parametrize(
    "entered", [{"status": "forwarded", "polres": "01"}, {"polres": "01"}, {"status": "handling", "polres": "01"}]
)
@pytest.mark.parametrize("desk", ["1001", "2011"])
async def test_what_was_entered_is_no_transfer_to_the_next_application(
    lags: Lags, entered: dict[str, Json], desk: str
) -> None:
    """Nobody rang: none was taken back, none was taken, and ``*0`` closes the complaint as before the death."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await in_talk(here)
        if desk == "2011":
            here.asterisk.register("2011", answers_after=0.1)
            await press(here, "1001", "*201#", settled=3)
        edit(here, call, **entered)
        before = len(here.told(call))
        await restart(here, call, desk)
        told = here.told(call)[before:]
        assert not {"call.taken_back", "call.transfer_answered"} & set(told), told
        assert await is_closed_by(here, call, desk)


async def test_what_no_polres_took_stays_open_whatever_is_entered(lags: Lags) -> None:
    """SOP V.11, by the next application as well: a supervisor has entered for which Polres it is."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await not_taken(here)
        edit(here, call, polres="02")
        await restart(here, call, "1001")
        assert not await is_closed_by(here, call, "1001")


async def test_what_a_polres_took_is_closed_by_who_has_it_next(lags: Lags) -> None:
    """Its phone died, and the caller is the Polda's again; by the next application as well."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register("2011", answers_after=0.1)
        await press(here, "1001", "*201#", settled=3)
        await press(here, "2011", "*4")
        here.asterisk.desk_hangs_up("2011")
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=4)
        assert "call.requeued" in here.told(call)
        await restart(here, call, "1001")
        assert await is_closed_by(here, call, "1001")
