"""The application is lost while a caller hears the closing salutation: no desk rings for a call that was closed."""

from __future__ import annotations

import anyio
import pytest

from ari_app.ari.commands import Mark
from tests.flows.fake_asterisk import Lags, Trouble
from tests.flows.floor import Floor, floor
from tests.flows.guarding import the_guard_acts
from tests.flows.scenes import goodbye, heard, in_talk, is_idle, press, transferring

pytestmark = pytest.mark.anyio

WAITS = [0.02, 0.1, 0.5, 1.2]
"""From the last key on, in seconds: the operator still hears the confirmation, the caller the salutation."""


async def closing(here: Floor, code: str, wait: float) -> str:
    """An operator has closed a call, and its caller hears the salutation."""
    call = await in_talk(here)
    here.asterisk.press("1001", code)
    await here.until(lambda: "call.closed" in here.told(call))
    await anyio.sleep(wait)
    return call


async def assert_closed(here: Floor, call: str) -> None:
    """The caller hears the salutation, nobody is rung again, and the story is that of any closed call."""
    await here.ended(call, seconds=10)
    assert heard(here, call)[-1] == "salam-penutup"
    assert here.asterisk.rung == ["1001"]
    assert call not in here.asterisk.in_fallback
    told = here.told(call)
    assert told.count("call.closed") == told.count("call.ended") == 1
    assert not {"call.fallback", "call.requeued", "call.abandoned"} & set(told)
    assert here.end_of(call)["outcome"] == "answered"


@pytest.mark.parametrize("code", ["*0", "*7"])
@pytest.mark.parametrize("wait", WAITS)
async def test_killed(lags: Lags, code: str, wait: float) -> None:
    """The launcher has the guard act at once, and starts the next application."""
    async with floor("1001", lags=lags) as here:
        call = await closing(here, code, wait)
        here.kill()
        await the_guard_acts(here.asterisk)
        await anyio.sleep(0.5)
        await here.start()
        await assert_closed(here, call)


@pytest.mark.parametrize("wait", WAITS)
async def test_no_application_comes(lags: Lags, wait: float) -> None:
    """The guard sees to it by itself; who was still there with the caller, ends the call."""
    async with floor("1001", lags=lags) as here:
        call = await closing(here, "*0", wait)
        here.kill()
        await the_guard_acts(here.asterisk, for_good=True)
        here.asterisk.desk_hangs_up("1001")
        await the_guard_acts(here.asterisk)
        await here.until(lambda: call not in here.asterisk.legs, seconds=5)
        await here.start()
        await assert_closed(here, call)


@pytest.mark.parametrize("wait", WAITS)
async def test_stopped(lags: Lags, wait: float) -> None:
    """Who is told to stop hands the caller over; the dialplan says the salutation."""
    async with floor("1001", lags=lags) as here:
        call = await closing(here, "*0", wait)
        assert here.app is not None
        with anyio.fail_after(1):
            await here.app.router.hand_over()
        here.kill()
        if is_idle(here, "1001"):
            await here.until(lambda: call not in here.asterisk.legs, seconds=5)
        # The operator still hears the confirmation: the next application sees to it.
        await here.start()
        await assert_closed(here, call)


async def test_killed_twice(lags: Lags) -> None:
    """Whoever takes the call up says the salutation, and is lost over it as well."""
    async with floor("1001", lags=lags) as here:
        call = await closing(here, "*0", 0.5)
        for _ in range(2):
            here.kill()
            await anyio.sleep(0.3)
            await here.start()
            await anyio.sleep(0.5)
        await assert_closed(here, call)


async def test_a_supervisors_mark(lags: Lags) -> None:
    """SOP VII.f: the talk is closed for it, and the caller hears the salutation."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        assert here.app is not None
        here.app.router.mark_living(call, "supervisor:budi", None)
        await here.until(lambda: "salam-penutup" in heard(here, call))
        await anyio.sleep(0.5)
        here.kill()
        await the_guard_acts(here.asterisk)
        await here.start()
        await assert_closed(here, call)


async def test_the_caller_hangs_up_in_the_dialplans_salutation(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        call = await closing(here, "*0", 0.5)
        here.kill()
        await the_guard_acts(here.asterisk)
        here.asterisk.caller_hangs_up(call)
        await here.start()
        await assert_closed(here, call)
        assert here.end_of(call)["by"] == "caller"


@pytest.mark.parametrize("trouble", ["before", "after", "refused"])
async def test_a_line_that_takes_no_mark_is_closed_all_the_same(lags: Lags, trouble: Trouble) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.trouble["mark"] = [trouble]
        call = await closing(here, "*0", 0.0)
        await assert_closed(here, call)


# ---- who is not closed ----------------------------------------------------------------------------


async def test_closing_that_reached_no_disk_is_taken_back(lags: Lags) -> None:
    """Nothing is known of it any more, so the two talk again; should both be lost, the desks ring for the caller."""
    async with floor("1001", lags=lags) as here:
        call = await closing(here, "*0", 0.0)
        await here.until(lambda: Mark.CLOSED in here.asterisk.legs[call].marks, seconds=0.5)
        here.kill()
        unheard = {"call.closed", "complaint.closed"}
        here.journal[:] = [fact for fact in here.journal if fact.call != call or fact.action not in unheard]
        await the_guard_acts(here.asterisk)  # the operator hears the confirmation, and has the caller
        await here.start()
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)
        assert Mark.CLOSED not in here.asterisk.legs[call].marks
        await anyio.sleep(1)
        here.kill()
        here.asterisk.desk_hangs_up("1001")
        await the_guard_acts(here.asterisk)
        assert call in here.asterisk.in_fallback
        await here.start()
        await goodbye(here, call)


@pytest.mark.parametrize("code", ["*5", "*6", "*9", "*4", "*8"])
async def test_nothing_but_closing_marks_a_line_closed(lags: Lags, code: str) -> None:
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", code, settled=1)
        assert Mark.CLOSED not in here.asterisk.legs[call].marks
        await goodbye(here, call)


async def test_a_requeued_caller_rings_the_desks(lags: Lags) -> None:
    """The operator's phone died; then the application does."""
    async with floor("1001", "1002", lags=lags) as here:
        call = await in_talk(here)
        await anyio.sleep(3)
        here.asterisk.watches_silence = False
        here.asterisk.phone_dies("1001")
        here.asterisk.unregister("1001")
        await here.until(lambda: "call.requeued" in here.told(call), seconds=10)
        here.kill()
        await the_guard_acts(here.asterisk)
        assert call in here.asterisk.in_fallback
        await here.start()
        await goodbye(here, call)


async def test_a_caller_in_a_transfer_rings_the_desks(lags: Lags) -> None:
    """The Polda's operator has left, and a Polres rings."""
    async with floor("1001", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        here.asterisk.desk_hangs_up("1001")
        await anyio.sleep(0.5)
        here.kill()
        await the_guard_acts(here.asterisk)
        assert call in here.asterisk.in_fallback
        await here.start()
        await goodbye(here, call)
