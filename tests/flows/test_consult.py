"""Asking somebody else with the caller on hold (SOP VII.a): ``*1EXT#``, ``*1#``, and three in one talk."""

from __future__ import annotations

import anyio
import pytest

from tests.flows.fake_asterisk import BUSY, Lags
from tests.flows.floor import RING_SECONDS, Floor, floor
from tests.flows.scenes import (
    OK,
    WRONG,
    consulting,
    goodbye,
    hear_each_other,
    heard,
    in_talk,
    is_idle,
    leg_at,
    press,
    rings,
)

pytestmark = pytest.mark.anyio


async def back(here: Floor, call: str, desk: str = "1001") -> None:
    """The operator and the caller talk again."""
    await here.until(lambda: here.asterisk.is_talking(call, desk), seconds=2.5)
    assert hear_each_other(here, call, leg_at(here, desk))


@pytest.mark.parametrize("other", ["1002", "2011"])
async def test_asking_and_back_and_three_and_two(lags: Lags, other: str) -> None:
    """Padal, Perwira Piket or another desk; ``*1#`` each time."""
    async with floor("1001", other, lags=lags) as here:
        call = await consulting(here, other)
        mine, theirs = leg_at(here, "1001"), leg_at(here, other)
        assert heard(here, call) == ["izin-menunggu", "musik"]
        assert here.asterisk.hears(call) == {"musik"}
        assert heard(here, mine) == [OK, "tone:ring"]
        await press(here, "1001", "*1#", settled=0.5)
        assert here.asterisk.hears(call) == {"selesai-menunggu"}
        await back(here, call)
        assert here.asterisk.hears(theirs) == {"izin-menunggu"} or here.asterisk.hears(theirs) == {"musik"}
        await press(here, "1001", "*1#", settled=0.5)
        assert hear_each_other(here, call, mine, theirs)
        await press(here, "1001", "*1#", settled=0.5)
        await back(here, call)
        assert is_idle(here, other)
        await goodbye(here, call)
    assert here.told(call)[5:] == [
        "call.consulted", "call.consult_answered", "call.resumed", "call.conferenced", "call.consult_ended",
        "call.ended",
    ]  # fmt: skip
    assert here.facts(call, "call.consulted")[0].data == {"desk": "1001", "to": other}
    assert here.facts(call, "call.consult_ended")[0].data["reason"] == "dismissed"


async def test_three_talk_and_the_application_is_killed(lags: Lags) -> None:
    """They go on talking, and the keys do what they did."""
    async with floor("1001", "1002", lags=lags) as here:
        call = await consulting(here, "1002")
        mine, theirs = leg_at(here, "1001"), leg_at(here, "1002")
        for _ in range(2):
            await press(here, "1001", "*1#", settled=2)
        assert hear_each_other(here, call, mine, theirs)
        here.kill()
        await anyio.sleep(0.5)
        assert hear_each_other(here, call, mine, theirs)
        await here.start()
        await anyio.sleep(2)
        assert hear_each_other(here, call, mine, theirs)
        await press(here, "1001", "*1#", settled=0.5)
        await back(here, call)
        assert is_idle(here, "1002")
        await goodbye(here, call)


@pytest.mark.parametrize("apart", [0.0, 0.05, 0.5, 1.5])
@pytest.mark.parametrize(("first", "second"), [("1001", "1002"), ("1002", "1001")])
async def test_both_put_the_receiver_down(lags: Lags, apart: float, first: str, second: str) -> None:
    """They have spoken, and neither knows that by the first hanging up the other has the caller: nobody is let down."""
    async with floor("1001", "1002", lags=lags) as here:
        call = await consulting(here, "1002")
        here.asterisk.desk_hangs_up(first)
        if apart:
            await anyio.sleep(apart)
        here.asterisk.desk_hangs_up(second)
        await here.until(lambda: "call.requeued" in here.told(call), seconds=1)
        await here.until(lambda: rings(here, "1001") or rings(here, "1002"), seconds=1)
        desk = "1001" if rings(here, "1001") else "1002"
        here.asterisk.desk_answers(desk)
        await back(here, call, desk)
        await goodbye(here, call)
    assert here.facts(call, "call.requeued")[0].data["reason"] == "left_on_hold"


@pytest.mark.parametrize("after", [0.0, 0.001, 0.3])
@pytest.mark.parametrize("refuses", [None, BUSY])
async def test_the_asked_does_not_answer_and_the_operator_hangs_up(
    lags: Lags, after: float, refuses: int | None
) -> None:
    """Before they know that the caller is back: the caller goes to the head of the queue, as while it rang."""
    async with floor("1001", "1002", "1003", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register("1002", refuses=refuses)
        here.asterisk.press("1001", "*11002#")
        await here.until(lambda: here.facts(call, "call.consult_ended"), seconds=RING_SECONDS + 2)
        here.asterisk.unregister("1002")
        here.asterisk.register("1003", answers_after=0.1)
        await anyio.sleep(after)
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: any(here.asterisk.is_talking(call, desk) for desk in ("1001", "1003")), seconds=2)
        await goodbye(here, call)


@pytest.mark.parametrize(("leaves", "stays"), [("1001", "1002"), ("1002", "1001")])
async def test_who_has_the_caller_again_for_a_while_ends_the_call(lags: Lags, leaves: str, stays: str) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        call = await consulting(here, "1002")
        here.asterisk.desk_hangs_up(leaves)
        await back(here, call, stays)
        await anyio.sleep(2)
        here.asterisk.desk_hangs_up(stays)
        await here.ended(call)
    assert "call.requeued" not in here.told(call)


@pytest.mark.parametrize("code", ["*1#", "##"])
async def test_nobody_has_answered_yet_and_the_operator_goes_back(lags: Lags, code: str) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register("1002")
        await press(here, "1001", "*11002#", settled=2)
        assert rings(here, "1002")
        await press(here, "1001", code)
        await back(here, call)
        assert is_idle(here, "1002")
        assert heard(here, leg_at(here, "1001"))[-1] == OK
        await goodbye(here, call)
    assert here.facts(call, "call.consult_ended")[0].data["reason"] == "cancelled"


@pytest.mark.parametrize(("cause", "reason"), [(BUSY, "busy"), (20, "unreachable")])
async def test_the_other_refuses(lags: Lags, cause: int, reason: str) -> None:
    """The caller is back at once, and the operator hears why not."""
    async with floor("1001", "1002", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register("1002", refuses=cause)
        await press(here, "1001", "*11002#", settled=0.25)
        await back(here, call)
        assert WRONG in heard(here, leg_at(here, "1001"))
        await goodbye(here, call)
    assert here.facts(call, "call.consult_ended")[0].data["reason"] == reason


async def test_the_other_does_not_answer(lags: Lags) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register("1002")
        await press(here, "1001", "*11002#", settled=RING_SECONDS + 0.5)
        await back(here, call)
        assert is_idle(here, "1002")
        await goodbye(here, call)
    assert here.facts(call, "call.consult_ended")[0].data["reason"] == "no_answer"


async def test_whom_one_cannot_ask(lags: Lags) -> None:
    """Nobody there, in a talk, oneself: the error sound, and the caller notices nothing."""
    async with floor("1001", "1002", "1003", lags=lags) as here:
        first = await in_talk(here)
        here.asterisk.register("1002", answers_after=0.1)
        second = here.asterisk.call()
        await here.talking(second, "1002")
        for code in ("*11002#", "*11003#", "*11001#", "*1999#"):
            await press(here, "1001", code)
            assert here.asterisk.is_talking(first, "1001")
        assert heard(here, leg_at(here, "1001")) == [WRONG] * 4
        assert heard(here, first) == []
        await goodbye(here, first, second)
    assert here.facts(first, "call.consulted") == []


async def test_one_at_a_time(lags: Lags) -> None:
    async with floor("1001", "1002", "1003", lags=lags) as here:
        call = await consulting(here)
        here.asterisk.register("1003")
        await press(here, "1001", "*1#", settled=2)
        await press(here, "1001", "*11003#")
        assert is_idle(here, "1003")
        assert heard(here, leg_at(here, "1001"))[-1] == WRONG
        await goodbye(here, call)


@pytest.mark.parametrize("state", ["asked", "back", "three"])
async def test_the_other_hangs_up(lags: Lags, state: str) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        call = await consulting(here)
        await _until_state(here, state)
        here.asterisk.desk_hangs_up("1002")
        await back(here, call)
        await goodbye(here, call)


async def _until_state(here: Floor, state: str) -> None:
    for _ in range(("asked", "back", "three").index(state)):
        await press(here, "1001", "*1#", settled=2)


@pytest.mark.parametrize("state", ["asked", "back", "three"])
async def test_the_operator_hangs_up_and_the_other_has_the_caller(lags: Lags, state: str) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        call = await consulting(here)
        await _until_state(here, state)
        here.asterisk.desk_hangs_up("1001")
        await back(here, call, "1002")
        await press(here, "1002", "*5", settled=0.5)
        assert here.facts(call, "call.classified")[0].actor == "desk:1002"
        here.asterisk.desk_hangs_up("1002")
        await here.ended(call)
    assert here.end_of(call)["by"] == "desk"


@pytest.mark.parametrize("state", ["asked", "back", "three"])
async def test_the_caller_hangs_up(lags: Lags, state: str) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        call = await consulting(here)
        await _until_state(here, state)
        await goodbye(here, call)
        await here.until(lambda: is_idle(here, "1001") and is_idle(here, "1002"), seconds=0.1)


@pytest.mark.parametrize("who", ["caller", "operator"])
async def test_somebody_hangs_up_while_the_other_rings(lags: Lags, who: str) -> None:
    """The operator's caller was on hold: they go to the head of the queue."""
    async with floor("1001", "1002", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register("1002")
        await press(here, "1001", "*11002#", settled=2)
        if who == "caller":
            here.asterisk.caller_hangs_up(call)
            await here.ended(call)
        else:
            here.asterisk.desk_hangs_up("1001")
            await here.until(lambda: "call.requeued" in here.told(call), seconds=0.2)
            await here.until(lambda: any(here.asterisk.is_talking(call, desk) for desk in ("1001", "1002")))
            await goodbye(here, call)
            assert [fact.data["reason"] for fact in here.facts(call, "call.consult_ended")] == ["left"]
        assert is_idle(here, "1002")


async def test_what_the_other_presses_does_nothing(lags: Lags) -> None:
    """The error sound to them alone."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await consulting(here)
        theirs = leg_at(here, "1002")
        for state in ("asked", "back", "three"):
            before = set(here.told(call)) | {"operator.key_refused"}
            for code in ("*0", "*7", "*4", "*201#"):
                await press(here, "1002", code, settled=0.5)
            assert set(here.told(call)) == before, state
            await press(here, "1001", "*1#", settled=2)
        assert WRONG in heard(here, theirs)
        assert heard(here, call) == ["izin-menunggu", "musik", "selesai-menunggu"]
        await goodbye(here, call)


@pytest.mark.parametrize("state", ["back", "three"])
async def test_a_transfer_after_asking(lags: Lags, state: str) -> None:
    """Who was asked is let go, and the Polres has the caller alone."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await consulting(here)
        await _until_state(here, state)
        here.asterisk.register("2011", answers_after=1.0)
        await press(here, "1001", "*201#", settled=0.5)
        assert is_idle(here, "1002")
        await back(here, call, "2011")
        await anyio.sleep(2)
        await back(here, call, "2011")
        await goodbye(here, call)


@pytest.mark.parametrize("code", ["*0", "*7"])
@pytest.mark.parametrize("state", ["back", "three"])
async def test_closing_after_asking(lags: Lags, state: str, code: str) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        call = await consulting(here)
        await _until_state(here, state)
        await press(here, "1001", code)
        await here.ended(call, seconds=3)
        assert is_idle(here, "1002")
    assert heard(here, call)[-1] == "salam-penutup"


@pytest.mark.parametrize("dying", ["1001", "1002"])
@pytest.mark.parametrize("state", ["asked", "three"])
async def test_a_phone_dies(lags: Lags, state: str, dying: str) -> None:
    """The operator's: the caller goes to the head of the queue, or stays with the other; the other's: back."""
    async with floor("1001", "1002", lags=lags) as here:
        call = await consulting(here)
        await _until_state(here, state)
        await anyio.sleep(3)
        here.asterisk.watches_silence = False
        here.asterisk.phone_dies(dying)
        await here.until(lambda: is_idle(here, dying), seconds=10)
        await here.until(lambda: any(here.asterisk.is_talking(call, desk) for desk in ("1001", "1002")), seconds=20)
        await goodbye(here, call)


async def test_the_answer_meets_everything_else(lags: Lags) -> None:
    """A millisecond before and after it: no leg is left, and the caller has somebody or is gone."""
    for doing in ("cancel", "caller", "operator", "other"):
        for step in range(-4, 7):
            async with floor("1001", "1002", lags=lags) as here:
                call = await in_talk(here)
                here.asterisk.register("1002")
                await press(here, "1001", "*11002#", settled=2)
                here.asterisk.press("1001", "*1")
                await anyio.sleep(0.5)
                if step > 0:
                    here.asterisk.desk_answers("1002")
                    await anyio.sleep(step / 1000)
                match doing:
                    case "cancel":
                        here.asterisk.press("1001", "#")
                    case "caller":
                        here.asterisk.caller_hangs_up(call)
                    case "operator":
                        here.asterisk.desk_hangs_up("1001")
                    case _:
                        here.asterisk.desk_hangs_up("1002")
                if step <= 0:
                    await anyio.sleep(-step / 1000)
                    here.asterisk.desk_answers("1002")
                await anyio.sleep(4)
                if doing == "caller":
                    assert "call.ended" in here.told(call), (doing, step)
                else:
                    with_whom = [desk for desk in ("1001", "1002") if here.asterisk.is_talking(call, desk)]
                    assert len(with_whom) == 1, (doing, step, here.told(call)[5:])
                await goodbye(here, call)
