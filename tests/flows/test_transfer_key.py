"""The phone's own transfer key, pressed in the caller's call or in the one with the Polres: SOP V.6 and V.7."""

from __future__ import annotations

import anyio
import pytest

from ari_app.ari.errors import AriError, AriRefused, AriUnreachable
from ari_app.ari.inbox import MOST_WAITING
from ari_app.ari.model import Bridge
from ari_app.flows.colleague import LOOK_SECONDS
from ari_app.flows.recovery import EVERY_SECONDS
from tests.flows.fake_asterisk import BUSY, Lags
from tests.flows.floor import Floor, floor
from tests.flows.guarding import the_guard_acts
from tests.flows.scenes import (
    at_polres,
    consulting,
    goodbye,
    hear_each_other,
    heard,
    in_talk,
    is_idle,
    leg_at,
    press,
    rings,
    transferring,
)

pytestmark = pytest.mark.anyio

LATE = [None, 0.0, 0.005, 0.05]
"""How long after the phone's end the news of it comes; None: before."""


async def with_a_stranger(here: Floor, to: str = "201", desk: str = "2011") -> str:
    """The phone at 1001 has joined a call of the fallback's with a colleague; who stands for the citizen."""
    here.asterisk.register("1001")
    here.asterisk.register(desk, answers_after=0.1)
    line = here.asterisk.dial("1001", "colleague", to)
    await here.until(lambda: here.asterisk.legs[line].bridge)
    await anyio.sleep(0.5)
    return here.asterisk.join_with_a_stranger(line)


def one_hangs_up(here: Floor, who: str, desk: str, stranger: str) -> None:
    """The colleague at this desk, or the citizen."""
    if who == "colleague":
        here.asterisk.desk_hangs_up(desk)
    else:
        here.asterisk.stranger_leaves(stranger)


async def test_the_phones_own_transfer_key_does_the_same(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011")
        call = await in_talk(here)
        here.asterisk.refer("1001", "201")
        await here.until(lambda: rings(here, "2011"), seconds=1)
        assert is_idle(here, "1001")
        assert heard(here, call) == ["izin-menunggu"]
        here.asterisk.desk_answers("2011")
        await at_polres(here, call, "2011")
        assert hear_each_other(here, call, leg_at(here, "2011"))
        await goodbye(here, call)
    assert here.facts(call, "call.referred")[0].data == {"desk": "1001", "to": "201"}
    assert len(here.facts(call, "call.transfer_answered")) == 1


@pytest.mark.parametrize("late", [0.0, 0.005, 0.05])
@pytest.mark.parametrize("held", [False, True])
async def test_the_news_of_it_comes_after_the_phones_end(lags: Lags, late: float, held: bool) -> None:  # noqa: FBT001 - drawn
    """Whoever transfers has not hung up on the caller, whatever is heard first."""
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011", answers_after=1.0)
        call = await in_talk(here)
        if held:
            here.asterisk.hold_key("1001", on=True)
            await anyio.sleep(1)
        here.asterisk.refer("1001", "201", late=late)
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=5)
        assert "call.requeued" not in here.told(call)
        assert here.facts(call, "call.referred")[0].data == {"desk": "1001", "to": "201"}
        await anyio.sleep(1)
        assert is_idle(here, "1001")
        await goodbye(here, call)


@pytest.mark.parametrize("to", ["201", "2019", "1002", "0812", "299"])
async def test_the_phones_own_transfer_key_fails(lags: Lags, to: str) -> None:
    """The operator has left by then: the caller goes to the head of the queue."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.refer("1001", to)
        await here.until(lambda: "call.requeued" in here.told(call), seconds=7)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=3)
        await goodbye(here, call)


@pytest.mark.parametrize("is_conference", [False, True])
async def test_whoever_was_asked_before_is_let_go(lags: Lags, *, is_conference: bool) -> None:
    """As by ``*2PP#``. Nobody answers at the Polres: the caller, and whoever calls next, get the desks."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await consulting(here, "1002")
        for _ in range(1 + is_conference):
            await press(here, "1001", "*1#", settled=3)
        here.asterisk.register("2011")
        here.asterisk.refer("1001", "201")
        await here.until(lambda: rings(here, "2011"), seconds=1)
        await here.until(lambda: is_idle(here, "1002"), seconds=0.5)
        await here.until(lambda: rings(here, "1001") or rings(here, "1002"), seconds=7)
        desk = "1001" if rings(here, "1001") else "1002"
        here.asterisk.desk_answers(desk)
        await here.until(lambda: here.asterisk.is_talking(call, desk), seconds=1)
        other = "1002" if desk == "1001" else "1001"
        following = here.asterisk.call("081200000002")
        await here.until(lambda: rings(here, other), seconds=1)
        here.asterisk.desk_answers(other)
        await here.until(lambda: here.asterisk.is_talking(following, other), seconds=1)
        await goodbye(here, call, following)
    assert [fact.data["reason"] for fact in here.facts(call, "call.consult_ended")] == ["referred"]


async def test_two_calls_are_joined_while_somebody_who_was_asked_is_there_still(lags: Lags) -> None:
    """It is the Polres that has the caller, and not they."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        here.asterisk.register("2011", answers_after=0.1)
        call = await consulting(here, "1002")
        await press(here, "1001", "*1#", settled=3)
        first = leg_at(here, "1001")
        here.asterisk.hold_key("1001", on=True)
        second = here.asterisk.dial("1001", "colleague", "2011")
        await here.until(lambda: here.asterisk.legs[second].bridge)
        await anyio.sleep(0.5)
        here.asterisk.join_calls(first, second)
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=1)
        await anyio.sleep(2)
        assert heard(here, call)[-1] == "selesai-menunggu"
        assert hear_each_other(here, call, leg_at(here, "2011"))
        assert is_idle(here, "1002")
        await goodbye(here, call)
    assert [fact.data["desk"] for fact in here.facts(call, "call.transfer_answered")] == ["2011"]


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("to", ["201", "2011"])
@pytest.mark.parametrize("is_first", [True, False])
async def test_two_calls_are_joined(lags: Lags, late: float | None, to: str, *, is_first: bool) -> None:
    """The phone presses the key in the caller's call or in the other one: phones differ. The Polres has the caller."""
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011", answers_after=0.1)
        call = await in_talk(here)
        first = leg_at(here, "1001")
        here.asterisk.hold_key("1001", on=True)
        second = here.asterisk.dial("1001", "colleague", to)
        await here.until(lambda: here.asterisk.legs[second].bridge)
        await anyio.sleep(0.5)
        here.asterisk.join_calls(*((first, second) if is_first else (second, first)), late=late)
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=1)
        await anyio.sleep(2)
        assert hear_each_other(here, call, leg_at(here, "2011"))
        assert "call.requeued" not in here.told(call)
        assert is_idle(here, "1001")
        await goodbye(here, call)
    assert len(here.facts(call, "call.transfer_answered")) == 1


@pytest.mark.parametrize("late", LATE)
@pytest.mark.parametrize("is_first", [True, False])
async def test_a_polres_joins_its_two_calls(lags: Lags, late: float | None, *, is_first: bool) -> None:
    """Whoever is not the first with the caller is so in a bridge that mixes, and of that the news names nobody."""
    async with floor("1001", "2011", "1002", lags=lags) as here:
        call = await transferring(here, "2011")
        here.asterisk.desk_answers("2011")
        await at_polres(here, call, "2011")
        await anyio.sleep(0.5)
        first = leg_at(here, "2011")
        here.asterisk.hold_key("2011", on=True)
        here.asterisk.register("1002", answers_after=0.1)
        second = here.asterisk.dial("2011", "colleague", "1002")
        await here.until(lambda: here.asterisk.legs[second].bridge)
        await anyio.sleep(0.5)
        here.asterisk.hold_key("2011", on=False)  # as Asterisk tells before it joins them
        here.asterisk.join_calls(*((first, second) if is_first else (second, first)), late=late)
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=1)
        await anyio.sleep(2)
        assert hear_each_other(here, call, leg_at(here, "1002"))
        assert is_idle(here, "2011")
        await goodbye(here, call)


@pytest.mark.parametrize("who", ["colleague", "stranger"])
async def test_a_call_of_the_fallbacks_is_joined_with_a_colleague(lags: Lags, who: str) -> None:
    """They talk until one of the two is gone; then so is the other, and the desk is free."""
    async with floor("1001", "2011", lags=lags) as here:
        stranger = await with_a_stranger(here)
        await anyio.sleep(20)
        assert hear_each_other(here, leg_at(here, "2011"), stranger)
        one_hangs_up(here, who, "2011", stranger)
        await here.until(lambda: is_idle(here, "2011") and stranger not in here.asterisk.legs, seconds=2)
        assert here.told(stranger) == []


@pytest.mark.parametrize("who", ["colleague", "stranger"])
@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])
async def test_the_application_is_killed_while_they_talk(lags: Lags, who: str, *, guarded: bool) -> None:
    """They go on talking, the desk is rung for nobody, and the citizen does not call 110 a second time."""
    async with floor("1001", "1002", lags=lags) as here:
        stranger = await with_a_stranger(here, "1002", "1002")
        await anyio.sleep(2)
        here.kill()
        if guarded:
            await the_guard_acts(here.asterisk)
        await here.start()
        await anyio.sleep(2.5 * EVERY_SECONDS)
        assert hear_each_other(here, leg_at(here, "1002"), stranger)
        here.asterisk.register("1001", refuses=BUSY)
        call = here.asterisk.call()
        await anyio.sleep(5)
        assert {fact.data["desk"] for fact in here.facts(call, "call.offered")} == {"1001"}
        here.asterisk.register("1001", answers_after=0.1)
        await here.talking(call, "1001")
        one_hangs_up(here, who, "1002", stranger)
        await here.until(
            lambda: is_idle(here, "1002") and stranger not in here.asterisk.legs, seconds=EVERY_SECONDS + 1
        )
        assert here.told(stranger) == []
        await goodbye(here, call)


@pytest.mark.parametrize("who", ["colleague", "stranger"])
async def test_one_of_them_hangs_up_while_no_application_is_there(lags: Lags, who: str) -> None:
    """The guard alone sees to it that the other does not hear silence for ever."""
    async with floor("1001", "2011", lags=lags) as here:
        stranger = await with_a_stranger(here)
        await anyio.sleep(2)
        here.kill()
        assert await the_guard_acts(here.asterisk, for_good=True) == 0
        assert hear_each_other(here, leg_at(here, "2011"), stranger)
        one_hangs_up(here, who, "2011", stranger)
        assert await the_guard_acts(here.asterisk) == 0
        assert is_idle(here, "2011")
        assert stranger not in here.asterisk.legs
        await here.start()


@pytest.mark.parametrize("says", [AriUnreachable("no answer"), AriRefused(500, "try again")])
async def test_asterisk_does_not_say_whether_they_talk(
    lags: Lags, monkeypatch: pytest.MonkeyPatch, says: AriError
) -> None:
    """A look that fails ends nobody's talk; the next one that does not finds who is there."""
    async with floor("1001", "2011", lags=lags) as here:

        async def refuses() -> list[Bridge]:
            raise says

        with monkeypatch.context() as during:
            during.setattr(here.asterisk, "bridges", refuses)
            stranger = await with_a_stranger(here)
            await anyio.sleep(3)
        assert hear_each_other(here, leg_at(here, "2011"), stranger)
        await anyio.sleep(LOOK_SECONDS + 0.1)
        here.asterisk.desk_hangs_up("2011")
        await here.until(lambda: is_idle(here, "2011") and stranger not in here.asterisk.legs, seconds=0.1)


async def test_the_application_ends_meanwhile(lags: Lags) -> None:
    """It does not wait for them, and the next one leaves them alone."""
    async with floor("1001", "2011", lags=lags) as here:
        stranger = await with_a_stranger(here)
        await anyio.sleep(5)
        assert here.app is not None
        with anyio.fail_after(2):
            await here.app.router.hand_over()
        here.kill()
        await here.start()
        await anyio.sleep(2.5 * EVERY_SECONDS)
        assert hear_each_other(here, leg_at(here, "2011"), stranger)
        here.asterisk.desk_hangs_up("2011")
        assert here.told(stranger) == []


async def test_the_application_ends_behind_many_keys(lags: Lags) -> None:
    """The colleague has pressed more of them than an inbox holds."""
    async with floor("1001", "2011", lags=lags) as here:
        stranger = await with_a_stranger(here)
        keys = MOST_WAITING + 1
        here.asterisk.press("2011", "5" * keys)
        await anyio.sleep(0.05 * keys + 1)
        assert here.app is not None
        with anyio.fail_after(2):
            await here.app.router.hand_over()
        assert hear_each_other(here, leg_at(here, "2011"), stranger)
        here.asterisk.stranger_leaves(stranger)
        here.asterisk.desk_hangs_up("2011")


async def test_nobody_asks_again_and_again_whether_they_talk(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        stranger = await with_a_stranger(here)
        await anyio.sleep(1)
        before = here.asterisk.orders["bridges"]
        await anyio.sleep(60)
        assert here.asterisk.orders["bridges"] - before <= 60 / EVERY_SECONDS, "reconciling does"
        here.asterisk.stranger_leaves(stranger)
        await here.until(lambda: is_idle(here, "2011"), seconds=0.1)


async def test_the_caller_leaves_while_the_link_is_lost(lags: Lags) -> None:
    """Nobody is told of it; who looks finds it."""
    async with floor("1001", "2011", lags=lags) as here:
        stranger = await with_a_stranger(here)
        await anyio.sleep(1)
        here.lose_link()
        here.asterisk.stranger_leaves(stranger)
        await anyio.sleep(1)
        await here.restore_link()
        await here.until(lambda: is_idle(here, "2011"), seconds=0.1)


@pytest.mark.parametrize("is_first", [True, False])
async def test_the_colleague_hangs_up_while_the_two_are_joined(lags: Lags, *, is_first: bool) -> None:
    """Then nobody has the caller, who goes to the head of the queue."""
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011", answers_after=0.1)
        call = await in_talk(here)
        first = leg_at(here, "1001")
        second = here.asterisk.dial("1001", "colleague", "2011")
        await here.until(lambda: here.asterisk.legs[second].bridge)
        await anyio.sleep(0.5)
        here.asterisk.join_calls(*((first, second) if is_first else (second, first)))
        here.asterisk.desk_hangs_up("2011")
        await here.until(lambda: "call.requeued" in here.told(call), seconds=3)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=3)
        await goodbye(here, call)
