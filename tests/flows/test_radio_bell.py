"""An officer has an operator rung by code (SOP VII.d): who rings, who goes first, and that nothing rings for ever."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.domain.call_code import DIGIT_SECONDS
from ari_app.domain.facts import Fact
from ari_app.flows.radio_bell import CALLING, HANGUP_SECONDS, UNANSWERED, WAIT_SECONDS
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import OVERFLOW_SECONDS, RING_SECONDS, Floor, floor
from tests.flows.guarding import the_guard_acts
from tests.flows.scenes import goodbye, heard, in_talk, is_idle, leg_at, press, rings
from tests.flows.test_radio import NET, hang_up, on_net, radio, up

pytestmark = pytest.mark.anyio

CODE = "*110"
HT = replace(NET, call_code=CODE)


def told(here: Floor) -> list[tuple[str, object]]:
    """What became of officers' calls, each with its desk or reason."""
    found: list[Fact] = [fact for fact in here.journal if fact.action.startswith("radio.call")]
    return [(fact.action.removeprefix("radio."), fact.data.get("reason", fact.data.get("desk"))) for fact in found]


async def officer_calls(here: Floor, code: str = CODE) -> None:
    await up(here)
    here.asterisk.gateway_presses("300", code)
    await anyio.sleep(0.05 * len(code) + 0.1)


async def test_an_operator_is_rung_and_is_on_the_net_when_they_answer(lags: Lags) -> None:
    """As if they had dialled it; the display says who calls, and the net hears that it rings."""
    async with floor("1001", lags=lags, nets=[HT]) as here:
        here.asterisk.register("1001")
        await officer_calls(here)
        assert rings(here, "1001")
        leg = leg_at(here, "1001")
        assert here.asterisk.displays[leg].name == "HT 300 Komando"
        await anyio.sleep(2)
        assert here.asterisk.said == [CALLING]
        here.asterisk.desk_answers("1001")
        await anyio.sleep(0.5)
        assert here.asterisk.hears(leg) == {here.asterisk.gateways["300"].leg}
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5")
        await press(here, "1001", "#")
        await here.until(lambda: is_idle(here, "1001"), seconds=2)
    assert told(here) == [("called", None), ("call_offered", "1001"), ("call_answered", "1001")]
    assert [fact.data["desk"] for fact in radio(here, "radio.joined", "radio.left")] == ["1001", "1001"]


async def test_repeated_and_mistyped_codes(lags: Lags) -> None:
    """The code rings once for as long as it rings; keys before it, and too slow ones, do not count."""
    async with floor("1001", lags=lags, nets=[HT]) as here:
        here.asterisk.register("1001")
        await officer_calls(here, "*11")
        await anyio.sleep(DIGIT_SECONDS + 0.2)
        await officer_calls(here, "0")
        assert here.asterisk.rung == []
        await officer_calls(here, f"5**{CODE}{CODE}")
        await officer_calls(here)
        assert here.asterisk.rung == ["1001"]
        here.asterisk.desk_hangs_up("1001", 21)
        await anyio.sleep(WAIT_SECONDS + 1)
    assert told(here)[:3] == [("called", None), ("call_offered", "1001"), ("call_not_answered", "busy")]
    assert told(here)[-1] == ("call_given_up", "no_answer")
    assert told(here).count(("called", None)) == 1


async def test_nothing_rings_for_ever(lags: Lags) -> None:
    """One desk after the other, and then the net hears that nobody has answered; it can be called again."""
    async with floor("1001", "1002", lags=lags, nets=[HT]) as here:
        for desk in ("1001", "1002"):
            here.asterisk.register(desk)
        await officer_calls(here)
        await anyio.sleep(RING_SECONDS + 1)
        assert rings(here, "1002")
        await anyio.sleep(WAIT_SECONDS - RING_SECONDS)
        assert here.asterisk.said == [CALLING, UNANSWERED]
        assert all(is_idle(here, desk) for desk in ("1001", "1002"))
        await officer_calls(here)
        await anyio.sleep(0.1)
        here.asterisk.desk_answers(here.asterisk.rung[-1])
        await anyio.sleep(0.5)
        await hang_up(here, here.asterisk.rung[-1])
    assert told(here)[:6] == [
        ("called", None), ("call_offered", "1001"), ("call_not_answered", "no_answer"), ("call_offered", "1002"),
        ("call_not_answered", "no_answer"), ("call_offered", "1002"),
    ]  # fmt: skip


async def test_nobody_is_ready(lags: Lags) -> None:
    """Only ready desks ring: an officer waits, and one who has become ready within the time rings."""
    async with floor("1001", lags=lags, nets=[HT]) as here:
        await officer_calls(here)
        await anyio.sleep(5)
        assert here.asterisk.rung == []
        here.asterisk.register("1001", answers_after=1.0)
        await anyio.sleep(2)
        assert ("call_answered", "1001") in told(here)
        await hang_up(here, "1001")


async def test_a_citizen_takes_the_desk_that_rings_for_an_officer(lags: Lags) -> None:
    """It is the only one: the officer waits, and rings again when the citizen's call is over."""
    async with floor("1001", lags=lags, nets=[HT]) as here:
        here.asterisk.register("1001")
        await officer_calls(here)
        assert rings(here, "1001")
        call = here.asterisk.call()
        await anyio.sleep(0.2)
        assert rings(here, "1001")
        assert leg_at(here, "1001").startswith(call)
        here.asterisk.desk_answers("1001")
        await here.talking(call, "1001")
        await goodbye(here, call)
        await anyio.sleep(0.2)
        assert leg_at(here, "1001").startswith("ht-300-")
        here.asterisk.desk_answers("1001")
        await anyio.sleep(0.5)
        await hang_up(here, "1001")
    assert told(here) == [
        ("called", None), ("call_offered", "1001"), ("call_offered", "1001"), ("call_answered", "1001"),
    ]  # fmt: skip


async def test_an_officer_never_gets_the_last_desk_while_a_citizens_call_rings(lags: Lags) -> None:
    """The desk at which it rings may not answer; with one more there is enough for both."""
    async with floor("1001", "1002", "1003", lags=lags, nets=[HT]) as here:
        for desk in ("1001", "1002"):
            here.asterisk.register(desk)
        await up(here)
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001"))
        await officer_calls(here)
        assert not rings(here, "1002")
        here.asterisk.register("1003")
        await anyio.sleep(0.2)
        assert leg_at(here, "1002").startswith("ht-300-")
        here.asterisk.desk_answers("1001")
        here.asterisk.desk_answers("1002")
        await here.talking(call, "1001")
        await goodbye(here, call)
        await hang_up(here, "1002")
    assert ("call_answered", "1002") in told(here)


async def test_every_desk_rings_for_a_citizen_who_has_waited_too_long(lags: Lags) -> None:
    """The one that rings for an officer as well: nobody answers at those where it has rung for the citizen."""
    desks = [str(1001 + number) for number in range(5)]
    async with floor(*desks, lags=lags, nets=[HT]) as here:
        for desk in desks:
            here.asterisk.register(desk)
        await up(here)
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001"))
        await anyio.sleep(OVERFLOW_SECONDS - 2)
        await officer_calls(here)
        assert leg_at(here, "1004").startswith("ht-300-")
        await anyio.sleep(3)
        assert leg_at(here, "1004").startswith(call)
        here.asterisk.desk_answers("1004")
        await here.talking(call, "1004")
        await goodbye(here, call)
        await anyio.sleep(WAIT_SECONDS)


@pytest.mark.parametrize("seconds", [0.2, 5.0])
async def test_a_desk_is_a_citizens_when_its_phone_is_free(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """A phone of one line refuses a call while the other one rings; an Asterisk that is slow is not waited for."""
    async with floor("1001", nets=[HT]) as here:
        here.asterisk.register("1001")
        await officer_calls(here)
        at_once = here.asterisk.hangup

        async def slowly(leg: str, *, reason: str = "normal") -> None:
            await anyio.sleep(seconds)
            await at_once(leg, reason=reason)

        monkeypatch.setattr(here.asterisk, "hangup", slowly)
        call = here.asterisk.call()
        await here.until(lambda: "call.offered" in here.told(call), seconds=HANGUP_SECONDS + 0.1)
        await anyio.sleep(0.1)
        assert ("call.not_answered" in here.told(call)) == (seconds > HANGUP_SECONDS)
        monkeypatch.undo()
        await here.until(lambda: rings(here, "1001") and leg_at(here, "1001").startswith(call), seconds=20)
        here.asterisk.desk_answers("1001")
        await here.talking(call, "1001")
        await goodbye(here, call)
        await anyio.sleep(WAIT_SECONDS)


async def test_who_is_on_the_net_hears_that_a_citizen_waits(lags: Lags) -> None:
    """Once for each of them, and only those who could serve them; whoever hangs up gets the first."""
    async with floor("1001", "2011", lags=lags, nets=[HT]) as here:
        here.asterisk.register("1001")
        (elsewhere,) = await on_net(here, "2011")
        await officer_calls(here)
        here.asterisk.desk_answers("1001")
        await anyio.sleep(0.5)
        leg = leg_at(here, "1001")
        first = here.asterisk.call()
        await anyio.sleep(5)
        assert heard(here, leg) == ["nada-ada-antrean"]
        second = here.asterisk.call("081234567891")
        await anyio.sleep(5)
        assert heard(here, leg) == ["nada-ada-antrean"] * 2
        assert heard(here, elsewhere) == []
        await hang_up(here, "1001")
        await here.until(lambda: rings(here, "1001"))
        here.asterisk.desk_answers("1001")
        await here.talking(first, "1001")
        await goodbye(here, first)
        here.asterisk.phones["1001"].answers_after = 0.1
        await here.talking(second, "1001")
        await goodbye(here, second)
        await hang_up(here, "2011")


async def test_no_code_no_bell() -> None:
    async with floor("1001", nets=[NET]) as here:
        here.asterisk.register("1001")
        await officer_calls(here)
        assert here.asterisk.rung == []
    assert told(here) == []


@pytest.mark.parametrize("answers", [False, True])
async def test_the_application_is_killed_while_a_desk_rings(lags: Lags, *, answers: bool) -> None:
    """The guard ends the ringing, as citizens need the phone; who had answered is on the net by the next one."""
    async with floor("1001", lags=lags, nets=[HT]) as here:
        here.asterisk.register("1001")
        await officer_calls(here)
        if answers:
            here.asterisk.desk_answers("1001")
            await anyio.sleep(0.5)
        leg = leg_at(here, "1001")
        here.kill()
        await the_guard_acts(here.asterisk)
        await anyio.sleep(0.3)
        assert (leg in here.asterisk.legs) == answers
        await here.start()
        await anyio.sleep(1)
        if answers:
            here.asterisk.desk_hangs_up("1001")
        else:
            here.asterisk.phones["1001"].answers_after = 0.1
            await goodbye(here, await in_talk(here))


@pytest.mark.parametrize("trouble", ["before", "after", "refused"])
@pytest.mark.parametrize("order", ["ring_for_net", "subscribe"])
async def test_the_desk_rings_again_after_an_order_that_failed(order: str, trouble: str) -> None:
    """An officer is not given up for one order."""
    async with floor("1001", nets=[HT]) as here:
        here.asterisk.register("1001", answers_after=2)
        await up(here)
        here.asterisk.trouble[order] = [trouble]  # type: ignore[list-item]
        await officer_calls(here)
        await anyio.sleep(8)
        assert told(here)[-1] == ("call_answered", "1001")
        assert here.asterisk.said == [CALLING]
        await hang_up(here, "1001")


@pytest.mark.parametrize("trouble", ["before", "after", "refused"])
@pytest.mark.parametrize("order", ["ring_for_net", "subscribe", "hangup"])
async def test_no_order_that_fails_keeps_a_desk(order: str, trouble: str) -> None:
    """Whatever becomes of one order: the officer hears how it ended, and afterwards the desk takes a citizen's call."""
    async with floor("1001", nets=[HT]) as here:
        here.asterisk.register("1001")
        await up(here)
        here.asterisk.trouble[order] = [trouble]  # type: ignore[list-item]
        await officer_calls(here)
        await anyio.sleep(2 * WAIT_SECONDS)
        assert told(here)[-1] == ("call_given_up", "no_answer")
        assert here.asterisk.said == [CALLING, UNANSWERED]
        here.asterisk.trouble.clear()
        here.asterisk.phones["1001"].answers_after = 0.1
        call = await in_talk(here)
        await goodbye(here, call)
