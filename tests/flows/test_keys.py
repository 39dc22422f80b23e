"""What an operator presses in a talk (CONTRACT.md): what it does, and who hears it."""

from __future__ import annotations

import anyio
import pytest

from ari_app.domain.facts import Json
from ari_app.domain.keys import DIGIT_SECONDS
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import floor
from tests.flows.scenes import OK, WRONG, goodbye, heard, in_talk, is_idle, leg_at, press, transferring

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("code", "said"), [("*5", {"kind": "valid"}), ("*6", {"kind": "not_valid"}), ("*9", {"emergency": True})]
)
async def test_a_complaint_is_classified(lags: Lags, code: str, said: dict[str, Json]) -> None:
    """SOP V.4: a short sound to the operator alone; the caller hears nothing of it."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", code)
        (fact,) = here.facts(call, "call.classified")
        assert (fact.actor, fact.data) == ("desk:1001", said)
        assert heard(here, leg_at(here, "1001")) == [OK]
        assert heard(here, call) == []
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)


async def test_an_emergency_is_seen_on_the_display() -> None:
    async with floor("1001") as here:
        call = await in_talk(here)
        leg = leg_at(here, "1001")
        assert here.asterisk.displays[leg].name == "081234567890"
        await press(here, "1001", "*9")
        assert here.asterisk.displays[leg].name == "DARURAT 081234567890"
        await goodbye(here, call)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("*0", ["call.closed", "complaint.closed", "call.ended"]),
        ("*7", ["call.classified", "prank.marked", "call.closed", "complaint.closed", "call.ended"]),
    ],
)
async def test_closing_and_a_prank_say_goodbye_and_hang_up(lags: Lags, code: str, told: list[str]) -> None:
    """SOP VI "Salam Penutup" to its end; the operator is free as soon as it begins."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.press("1001", code)
        await here.until(lambda: heard(here, call), seconds=0.2)
        leg = leg_at(here, "1001")
        await here.until(lambda: is_idle(here, "1001"), seconds=0.3)
        assert heard(here, leg) == [OK]
        await anyio.sleep(1.1)
        assert call in here.asterisk.legs, "the sentence is being said"
        await here.ended(call, seconds=0.3)
    assert heard(here, call) == ["salam-penutup"]
    assert here.told(call)[5:] == told
    assert here.end_of(call) == {"by": "desk", "outcome": "answered", "cause": 16}


async def test_a_prank_is_one_mark_against_the_number() -> None:
    async with floor("1001") as here:
        call = await in_talk(here)
        await press(here, "1001", "*7*7*7")
        await here.ended(call)
    (marked,) = here.facts(call, "prank.marked")
    assert marked.data == {"number": "+6281234567890", "desk": "1001"}


async def test_a_caller_who_hangs_up_in_the_goodbye(lags: Lags) -> None:
    for after in (0.0, 0.001, 0.002, 0.004, 0.006, 0.01, 0.5, 1.499, 1.5, 1.501, 1.503, 1.506):
        async with floor("1001", lags=lags) as here:
            call = await in_talk(here)
            here.asterisk.press("1001", "*0")
            await anyio.sleep(0.05 + after)
            here.asterisk.caller_hangs_up(call)
            await here.ended(call)


@pytest.mark.parametrize(
    "code", ["##", "*1#", "*19999#", "*11001#", "*299#", "7", "*#", "#5", "*2012#", "*1" + "2" * 12]
)
async def test_a_code_that_is_unknown_or_not_possible_now(lags: Lags, code: str) -> None:
    """The error sound, to the operator alone."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        before = here.told(call)
        await press(here, "1001", code, settled=DIGIT_SECONDS + 0.5)
        assert set(heard(here, leg_at(here, "1001"))) == {WRONG}
        assert heard(here, call) == []
        assert set(here.told(call)) - set(before) == {"operator.key_refused"}
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)


async def test_four_seconds_between_digits(lags: Lags) -> None:
    """Each pause counts for itself: slow, but in time."""
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011")
        call = await in_talk(here)
        for key in "*201#":
            here.asterisk.press("1001", key)
            await anyio.sleep(DIGIT_SECONDS - 0.1)
        assert len(here.facts(call, "call.transfer_started")) == 1
        assert heard(here, leg_at(here, "1001"))[:1] == [OK]
        await goodbye(here, call)


async def test_a_code_that_is_not_finished_in_time(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.press("1001", "*201")
        await anyio.sleep(0.15 + DIGIT_SECONDS - 0.05)
        assert heard(here, leg_at(here, "1001")) == []
        await anyio.sleep(0.1)
        assert heard(here, leg_at(here, "1001")) == [WRONG]
        await press(here, "1001", "*5")
        assert len(here.facts(call, "call.classified")) == 1
        await goodbye(here, call)
    assert here.facts(call, "call.transfer_started") == []


async def test_the_last_digit_in_the_moment_in_which_the_time_is_over(lags: Lags) -> None:
    """The code counts or it does not; never both, and the operator hears which."""
    for offset in range(-5, 6):
        async with floor("1001", lags=lags) as here:
            call = await in_talk(here)
            here.asterisk.press("1001", "*")
            await anyio.sleep(DIGIT_SECONDS + offset / 1000)
            here.asterisk.press("1001", "5")
            await anyio.sleep(0.5)
            counted = len(here.facts(call, "call.classified"))
            sounds = heard(here, leg_at(here, "1001"))
            assert sounds == [OK] if counted else set(sounds) == {WRONG}, offset
            await goodbye(here, call)


async def test_a_star_begins_again(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*20*5")
        assert heard(here, leg_at(here, "1001")) == [OK]
        assert here.facts(call, "call.classified")[0].data == {"kind": "valid"}
        await goodbye(here, call)


async def test_keys_in_quick_succession(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*5*9*6*0", settled=2.5)
        await here.ended(call)
    assert [fact.data for fact in here.facts(call, "call.classified")] == [
        {"kind": "valid"}, {"emergency": True}, {"kind": "not_valid"},
    ]  # fmt: skip


async def test_what_the_caller_presses_does_nothing(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        call = await in_talk(here)
        before = here.told(call)
        for code in ("*0", "*7", "*201#", "*4", "##"):
            here.asterisk.caller_presses(call, code)
            await anyio.sleep(1)
        assert here.told(call) == before
        assert heard(here, call) == heard(here, leg_at(here, "1001")) == []
        await goodbye(here, call)


@pytest.mark.parametrize("state", ["waiting", "on hold", "transferring"])
async def test_what_the_caller_presses_while_waiting_does_nothing(lags: Lags, state: str) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        if state == "waiting":
            call = here.asterisk.call()
            await anyio.sleep(10)
        elif state == "on hold":
            call = await in_talk(here)
            await press(here, "1001", "*4")
        else:
            call = await transferring(here, "2011")
        before = here.told(call)
        for code in ("##", "*0", "*4"):
            here.asterisk.caller_presses(call, code)
            await anyio.sleep(0.5)
        assert here.told(call) == before
        assert call in here.asterisk.legs
        await goodbye(here, call)


async def test_half_a_code_and_then_the_operator_hangs_up(lags: Lags) -> None:
    """Its time-out is not told to the next talk."""
    async with floor("1001", "1002", lags=lags) as here:
        here.asterisk.register("1002", answers_after=0.5)
        await anyio.sleep(1)
        call = await in_talk(here, "1002")
        await press(here, "1002", "*4")
        here.asterisk.press("1002", "*20")
        await anyio.sleep(0.2)
        here.asterisk.desk_hangs_up("1002")
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=5)
        await anyio.sleep(DIGIT_SECONDS + 1)
        assert WRONG not in heard(here, leg_at(here, "1002"))
        await goodbye(here, call)
