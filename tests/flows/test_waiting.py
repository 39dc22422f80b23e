"""The queue as those who wait and those who are rung know it (SOP V.2)."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.flows.emergency import SENTENCE_SECONDS
from ari_app.flows.hearing import LONGEST_SENTENCE
from tests.flows.fake_asterisk import BUSY, Lags
from tests.flows.floor import OVERFLOW_SECONDS, RING_SECONDS, RULES, Floor, floor
from tests.flows.scenes import goodbye, heard, in_talk, is_idle, last, leg_at, press, rings

pytestmark = pytest.mark.anyio

WRAPS_UP = replace(RULES, wrap_up=15.0)


def not_ready(here: Floor) -> list[object]:
    """The desks that were set not ready, in order."""
    return [fact.data["desk"] for fact in here.journal if fact.action == "operator.not_ready"]


async def _service(here: Floor, desk: str, code: str) -> None:
    line = here.asterisk.dial(desk, "service", code)
    await here.until(lambda: line not in here.asterisk.legs, seconds=30)


# ---- what the caller hears -------------------------------------------------------------------------


async def test_ringing_then_the_announcement_then_music_and_never_silence(lags: Lags) -> None:
    """Half an hour: longer than one list of music."""
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await anyio.sleep(here.rules.announce - 0.1)
        assert here.asterisk.legs[call].state == "Ring", "they hear that it rings"
        assert heard(here, call) == []
        await anyio.sleep(0.2)
        assert here.asterisk.hears(call) == {"antrean-pembuka"}
        for _ in range(60):
            await anyio.sleep(30)
            assert here.asterisk.hears(call) & {"musik", "antrean-mohon-tunggu"}
        sounds = heard(here, call)
        assert sounds[:5] == ["antrean-pembuka", "musik", "antrean-mohon-tunggu", "musik", "antrean-mohon-tunggu"]
        assert sounds.count("antrean-pembuka") == 1
        assert sounds.count("antrean-mohon-tunggu") >= 1800 // 25
        here.asterisk.register("1001", answers_after=0.5)
        await here.talking(call, "1001", seconds=1)
        await goodbye(here, call)


async def test_who_is_answered_soon_hears_no_announcement(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001", answers_after=7.9)
        call = here.asterisk.call()
        await here.talking(call, "1001")
        await anyio.sleep(20)
        assert heard(here, call) == []
        await goodbye(here, call)


async def test_a_caller_and_an_operator_who_are_both_gone_at_once_blame_no_desk() -> None:
    """Their line is up, as they have heard the announcement; Asterisk is slow with the orders."""
    for step in range(0, 200, 4):
        async with floor("1001", lags=Lags(answer=lambda: 0.02)) as here:
            here.asterisk.register("1001", answers_after=here.rules.announce + 1)
            call = here.asterisk.call()
            await anyio.sleep(here.rules.announce + 1.0 + step / 1000)
            here.asterisk.caller_hangs_up(call)
            here.asterisk.desk_hangs_up("1001")
            await here.ended(call)
            assert "call.not_answered" not in here.told(call), step


async def test_the_answer_meets_the_announcement(lags: Lags) -> None:
    for step in range(-8, 9):
        async with floor("1001", lags=lags) as here:
            here.asterisk.register("1001", answers_after=here.rules.announce + step / 1000)
            call = here.asterisk.call()
            await here.talking(call, "1001")
            await anyio.sleep(3)
            assert here.asterisk.is_talking(call, "1001"), step
            await goodbye(here, call)


async def test_the_caller_leaves_as_the_announcement_begins(lags: Lags) -> None:
    for step in range(-3, 9):
        async with floor("1001", lags=lags) as here:
            call = here.asterisk.call()
            await anyio.sleep(here.rules.announce + step / 1000)
            await goodbye(here, call)
        assert here.end_of(call)["outcome"] == "abandoned", step


async def test_the_greeting_when_the_site_wants_it(lags: Lags) -> None:
    """SOP VI "Salam Pembuka", to the caller, before the two hear each other; once, also after a requeue."""
    async with floor("1001", lags=lags, rules=replace(RULES, greeting=True)) as here:
        call = await in_talk(here)
        (greeting,) = heard(here, call)
        assert greeting.startswith("salam-pembuka-")
        await press(here, "1001", "*4")
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: here.asterisk.is_talking(call, "1001"))
        assert heard(here, call).count(greeting) == 1
        await goodbye(here, call)


async def test_the_operator_is_found_gone_during_the_greeting(lags: Lags) -> None:
    """It is said to its end, and then the caller hears what everybody hears who waits."""
    async with floor("1001", lags=lags, rules=replace(RULES, greeting=True)) as here:
        here.asterisk.register("1001", answers_after=0.1)
        call = here.asterisk.call()
        await here.until(lambda: heard(here, call))
        here.asterisk.unregister("1001")
        here.lose_link()
        here.asterisk.desk_hangs_up("1001")
        await here.restore_link()
        await here.until(lambda: "call.requeued" in here.told(call), seconds=0.5)
        await anyio.sleep(2)
        assert heard(here, call)[1:] == ["antrean-pembuka"]
        await anyio.sleep(30)
        assert here.asterisk.hears(call) & {"musik", "antrean-mohon-tunggu"}
        await goodbye(here, call)


@pytest.mark.parametrize("later", [0, 5, 60])
async def test_the_end_of_the_greeting_is_never_told(lags: Lags, later: float) -> None:
    """The link was down just then; so many seconds after that the operator's phone dies."""
    async with floor("1001", lags=lags, rules=replace(RULES, greeting=True)) as here:
        here.asterisk.register("1001", answers_after=0.1)
        call = here.asterisk.call()
        await here.until(lambda: heard(here, call))
        here.lose_link()
        await anyio.sleep(6)
        await here.restore_link()
        await anyio.sleep(later)
        here.asterisk.unregister("1001")
        here.asterisk.phone_dies("1001")
        await here.until(lambda: "call.requeued" in here.told(call))
        await anyio.sleep(SENTENCE_SECONDS + 0.5 if later < LONGEST_SENTENCE else 0.5)
        assert here.asterisk.hears(call) & {"antrean-pembuka", "musik", "antrean-mohon-tunggu"}
        await goodbye(here, call)


# ---- who is rung -------------------------------------------------------------------------------------


async def test_after_the_overflow_every_desk_rings_also_those_that_are_not_ready(lags: Lags) -> None:
    async with floor("1001", "1002", "1003", "1004", "2011", lags=lags) as here:
        for desk in ("1001", "1002", "1003", "2011"):
            here.asterisk.register(desk)
        await _service(here, "1003", "*131")
        call = here.asterisk.call()
        await anyio.sleep(OVERFLOW_SECONDS - 0.1)
        assert is_idle(here, "1003")
        await anyio.sleep(0.2)
        assert rings(here, "1001", "1002", "1003")
        assert is_idle(here, "2011")
        others = leg_at(here, "1001"), leg_at(here, "1002")
        here.asterisk.desk_answers("1003")
        await here.talking(call, "1003", seconds=0.1)
        await here.until(lambda: is_idle(here, "1001") and is_idle(here, "1002"), seconds=0.1)
        assert {here.asterisk.hung_up[leg] for leg in others} == {"answered_elsewhere"}
        await goodbye(here, call)


async def test_two_answer_at_once(lags: Lags) -> None:
    """Every distance between two answers: one has the caller, the other is free."""
    for step in range(9):
        async with floor("1001", "1002", lags=lags) as here:
            for desk in ("1001", "1002"):
                here.asterisk.register(desk)
            call = here.asterisk.call()
            await here.until(lambda: rings(here, "1001", "1002"))
            here.asterisk.desk_answers("1001")
            await anyio.sleep(step / 1000)
            here.asterisk.desk_answers("1002")
            await anyio.sleep(1)
            talking = [desk for desk in ("1001", "1002") if here.asterisk.is_talking(call, desk)]
            assert len(talking) == 1, step
            assert is_idle(here, "1002" if talking == ["1001"] else "1001")
            await goodbye(here, call)


async def test_a_call_that_rings_is_not_moved(lags: Lags) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        first = await in_talk(here)
        here.asterisk.register("1002")
        second = here.asterisk.call()
        await here.until(lambda: rings(here, "1002"))
        await goodbye(here, first)
        await anyio.sleep(5)
        assert is_idle(here, "1001")
        here.asterisk.desk_answers("1002")
        await here.talking(second, "1002")
        await goodbye(here, second)


async def test_never_the_last_ready_one(lags: Lags) -> None:
    """Two let it ring: one of them stays ready, and is rung again."""
    async with floor("1001", "1002", lags=lags) as here:
        for desk in ("1001", "1002"):
            here.asterisk.register(desk)
            await anyio.sleep(1)
        call = here.asterisk.call()
        await anyio.sleep(2.2 * RING_SECONDS)
        assert not_ready(here) == ["1001"]
        assert rings(here, "1002")
        assert here.asterisk.rung == ["1001", "1002", "1002"]
        await goodbye(here, call)


async def test_everybody_not_ready_and_the_desks_ring_all_the_same(lags: Lags) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        for desk, code in (("1001", "*131"), ("1002", "*132")):
            here.asterisk.register(desk)
            await _service(here, desk, code)
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001", "1002"), seconds=0.1)
        here.asterisk.desk_answers("1002")
        await here.talking(call, "1002")
        await goodbye(here, call)


async def test_where_nobody_is_logged_in_no_phone_rings_before_it_must(lags: Lags) -> None:
    async with floor("1001", "1002", lags=lags, staff={"1001": "10010", "1002": ""}) as here:
        for desk in ("1001", "1002"):
            here.asterisk.register(desk)
        call = here.asterisk.call()
        await anyio.sleep(OVERFLOW_SECONDS - 1)
        assert set(here.asterisk.rung) == {"1001"}
        await here.until(lambda: here.asterisk.desk_answers("1001"))
        await here.talking(call, "1001")
        (answered,) = here.facts(call, "call.answered")
        assert (answered.actor, answered.data["operator"]) == ("operator:10010", "10010")
        await goodbye(here, call)


async def test_emergency_then_take_back_then_the_longest_waiting(lags: Lags) -> None:
    """Three callers wait for one desk; the one who waits longest comes last."""
    async with floor("1001", "1002", "1003", lags=lags) as here:
        calls = []
        for desk, code in (("1001", "*9"), ("1002", "*5")):
            here.asterisk.register(desk, answers_after=0.1)
            call = here.asterisk.call()
            await here.talking(call, desk)
            await press(here, desk, code)
            calls.append(call)
        emergency, returned = calls
        normal = here.asterisk.call()
        await anyio.sleep(1)
        for desk in ("1002", "1001"):  # the other way round
            await press(here, desk, "*4")
            here.asterisk.register(desk, refuses=BUSY)
            here.asterisk.desk_hangs_up(desk)
        await here.until(lambda: all("call.requeued" in here.told(call) for call in calls))
        for desk in ("1001", "1002"):
            here.asterisk.unregister(desk)
        await anyio.sleep(0.1)
        here.asterisk.register("1003", answers_after=0.1)
        for call in (emergency, returned, normal):
            await here.until(lambda: here.asterisk.is_talking(call, "1003"), seconds=5)  # noqa: B023 - in this round
            await goodbye(here, call)
    queued = [here.facts(call, "call.queued")[-1].data["priority"] for call in (emergency, returned, normal)]
    assert queued == ["emergency", "take_back", "normal"]


# ---- wrap-up ---------------------------------------------------------------------------------------


async def test_wrap_up_keeps_a_desk_free_for_a_while(lags: Lags) -> None:
    async with floor("1001", lags=lags, rules=WRAPS_UP) as here:
        first = await in_talk(here)
        second = here.asterisk.call()
        await anyio.sleep(1)
        await press(here, "1001", "*0")
        ended = anyio.current_time()
        await here.until(lambda: len(here.asterisk.rung) == 2, seconds=20)
        assert WRAPS_UP.wrap_up - 0.5 <= anyio.current_time() - ended <= WRAPS_UP.wrap_up
        await here.talking(second, "1001")
        await goodbye(here, second)
        await here.ended(first)


async def test_star_twelve_ends_it(lags: Lags) -> None:
    async with floor("1001", lags=lags, rules=WRAPS_UP) as here:
        first = await in_talk(here)
        second = here.asterisk.call()
        await goodbye(here, first)
        await anyio.sleep(2)
        assert here.board.is_wrapping_up("1001")
        assert last(here, "desk.wrapup").data == {"desk": "1001", "seconds": 15.0}
        await _service(here, "1001", "*12")
        assert last(here, "desk.free").data == {"desk": "1001"}
        await here.talking(second, "1001", seconds=1)
        await goodbye(here, second)


async def test_wrap_up_ends_where_the_overflow_begins(lags: Lags) -> None:
    """A caller who has waited for so long is worth more than the notes on the last call."""
    async with floor("1001", lags=lags, rules=replace(RULES, wrap_up=100.0)) as here:
        first = await in_talk(here)
        second = here.asterisk.call()
        await goodbye(here, first)
        await here.talking(second, "1001", seconds=OVERFLOW_SECONDS + 1)
        assert here.facts(second, "call.answered")[0].data["waited_ms"] >= OVERFLOW_SECONDS * 1000  # type: ignore[operator]  # a number
        await goodbye(here, second)


async def test_ringing_alone_is_followed_by_no_wrap_up(lags: Lags) -> None:
    async with floor("1001", lags=lags, rules=WRAPS_UP) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001"))
        await goodbye(here, call)
        assert not here.board.is_wrapping_up("1001")
