"""The application is killed before the disk has what it has just told: the story is right all the same."""

from __future__ import annotations

import anyio
import pytest

from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.scenes import goodbye, heard, in_talk, leg_at, press, rings, transferring

pytestmark = pytest.mark.anyio


async def restart(here: Floor, call: str, *unheard: str) -> None:
    """The application dies, and these actions of the call had not reached the disk."""
    here.kill()
    here.journal[:] = [fact for fact in here.journal if fact.call != call or fact.action not in unheard]
    await anyio.sleep(0.3)
    await here.start()
    await anyio.sleep(1)


async def test_the_polres_had_just_answered(lags: Lags) -> None:
    """It has the caller: nobody took them back, and it can close the complaint (SOP V.7, V.9)."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        here.asterisk.desk_answers("2011")
        await here.until(lambda: here.asterisk.is_talking(call, "2011"))
        await restart(here, call, "call.transfer_answered")
        assert "call.taken_back" not in here.told(call)
        (answered,) = here.facts(call, "call.transfer_answered")
        assert (answered.data["polres"], answered.data["desk"]) == ("01", "2011")
        await press(here, "2011", "*0")
        await here.ended(call, seconds=10)
        assert "complaint.closed" in here.told(call)


async def test_the_second_operator_is_in_the_recording(lags: Lags) -> None:
    """The first one was lost, we were killed as the next one answered, and no guard was there."""
    for step in range(0, 12, 2):
        async with floor("1001", "1002", lags=lags) as here:
            call = await in_talk(here)
            here.asterisk.phone_dies("1001")
            here.asterisk.unregister("1001")
            await here.until(lambda: "call.requeued" in here.told(call))  # noqa: B023 - now
            here.asterisk.register("1002")
            await anyio.sleep(1)
            assert leg_at(here, "1002")
            here.asterisk.desk_answers("1002")
            await anyio.sleep(step / 1000)
            await restart(here, call)
            await here.until(lambda: here.asterisk.is_talking(call, "1002"))  # noqa: B023 - now
            await anyio.sleep(2)
            await goodbye(here, call)


async def test_the_answer_had_not_reached_the_disk(lags: Lags) -> None:
    """The talk is adopted, and whoever hangs up in it has been answered."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await restart(here, call, "call.answered", "complaint.opened")
        await goodbye(here, call)
    assert here.end_of(call)["outcome"] == "answered"
    assert here.told(call).count("call.answered") == 1


@pytest.mark.parametrize("keys", ["*4", "*201#", "*11002#"])
async def test_who_had_just_been_put_on_hold_has_the_operator_again(lags: Lags, keys: str) -> None:
    """The journal says that they talk, and nobody would ever end the music: they hear each other again."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await in_talk(here)
        for desk in ("1002", "2011"):
            here.asterisk.register(desk)
        await press(here, "1001", keys, settled=0.5)
        assert heard(here, call) == ["izin-menunggu"]
        before = len(here.asterisk.played)
        await restart(here, call, "call.held", "call.transfer_started", "call.consult_started")
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=1.5)
        assert heard(here, call, since=before) in ([], ["musik"])  # from no hold of ours
        assert not any(rings(here, desk) for desk in ("1002", "2011"))
        await press(here, "1001", "*4", settled=2)
        assert here.asterisk.hears(call) == {"musik"}
        await press(here, "1001", "*4")
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)
        await goodbye(here, call)


async def test_who_had_just_been_put_on_hold_by_the_phone_stays_so(lags: Lags) -> None:
    """By its own key: the phone sends nothing until that is pressed again, and the caller hears music."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.hold_key("1001", on=True)
        await anyio.sleep(0.5)
        await restart(here, call, "call.held")
        await anyio.sleep(2)
        assert here.asterisk.hears(call) == {"musik"}
        here.asterisk.hold_key("1001", on=False)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)
        await goodbye(here, call)


@pytest.mark.parametrize("first", [0, 1, 5])
async def test_the_phone_holds_and_asterisk_does_not_answer_at_first(lags: Lags, first: int) -> None:
    """What was played has been stopped by then, and who takes the talk up anew asks the phone all the same."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.hold_key("1001", on=True)
        await anyio.sleep(0.5)
        here.asterisk.trouble["stop_playing"] = [*[None] * first, "after"]
        await restart(here, call, "call.held")
        await here.until(lambda: here.asterisk.hears(call) == {"musik"}, seconds=10)
        here.asterisk.hold_key("1001", on=False)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)
        await goodbye(here, call)


async def test_a_ringing_tone_of_which_nothing_was_told_ends(lags: Lags) -> None:
    """Killed between the two orders of a take-back: the caller is off hold, and the operator still hears it ring."""
    for step in range(0, 20, 2):
        async with floor("1001", "2011", lags=lags) as here:
            call = await transferring(here, "2011")
            here.asterisk.press("1001", "##")
            await anyio.sleep(0.05 + step / 1000)
            await restart(here, call, "call.transfer_started", "call.taken_back")
            await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)  # noqa: B023 - now
            await goodbye(here, call)
