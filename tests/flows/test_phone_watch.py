"""An operator's phone that dies in a talk: no audio, and no goodbye."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from tests.flows.fake_asterisk import Lags
from tests.flows.floor import RULES, Floor, floor
from tests.flows.scenes import AT_ONCE, goodbye, in_talk, is_idle, leg_at, press, rings, transferring
from tests.flows.test_radio import DTMF, on_net, told
from tests.flows.test_radio_patch import patched

pytestmark = pytest.mark.anyio

EVERY_PHONE_SENDS = replace(RULES, unheard_phone=5.0)
NOTICED = RULES.dead_phone + 2.5
"""Within so many seconds a dead phone is noticed: it is asked after once a second."""


async def dies(here: Floor, desk: str) -> None:
    """The plug of a desk's phone is pulled, after it has been heard for a while."""
    await anyio.sleep(3)
    here.asterisk.watches_silence = False  # until it is noticed, the caller hears nobody
    here.asterisk.phone_dies(desk)


async def dies_and_is_noticed(here: Floor, call: str) -> None:
    """The phone is judged: the caller has it again when it is back."""
    await dies(here, "1001")
    await here.until(lambda: "call.requeued" in here.told(call), seconds=NOTICED)
    await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=5)
    await goodbye(here, call)


async def test_the_caller_goes_to_the_head_of_the_queue(lags: Lags) -> None:
    """Before who has waited all the time."""
    async with floor("1001", "1002", lags=lags) as here:
        call = await in_talk(here)
        waiting = here.asterisk.call()
        await dies(here, "1001")
        await here.until(lambda: "call.requeued" in here.told(call), seconds=NOTICED)
        here.asterisk.unregister("1001")
        here.asterisk.register("1002", answers_after=0.1)
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=RULES.ring + 1)
        assert here.facts(call, "call.requeued")[0].data == {"reason": "phone_lost"}
        assert here.facts(call, "call.queued")[-1].data == {"priority": "take_back"}
        await goodbye(here, call, waiting)
    assert here.end_of(call)["outcome"] == "answered"


async def test_a_phone_that_lives_is_left_alone(lags: Lags) -> None:
    """Ten minutes of a talk."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await anyio.sleep(600)
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)
    assert "call.requeued" not in here.told(call)


async def test_one_that_never_sent_anything_is_not_judged(lags: Lags) -> None:
    """It may be one that says nothing while its operator is silent."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.speechless.add(leg_at(here, "1001"))
        await anyio.sleep(60)
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)


async def test_one_that_never_sent_anything_is_dead_where_every_phone_sends_all_the_time(lags: Lags) -> None:
    """`[queue] unheard_phone_seconds`: not one packet since it answered, and the next desk has the caller."""
    async with floor("1001", "1002", lags=lags, rules=EVERY_PHONE_SENDS) as here:
        here.asterisk.watches_silence = False
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001"))
        here.asterisk.speechless.add(leg_at(here, "1001"))
        here.asterisk.desk_answers("1001")
        await here.talking(call, "1001")
        await anyio.sleep(EVERY_PHONE_SENDS.unheard_phone - 1)
        assert here.asterisk.is_talking(call, "1001")
        here.asterisk.unregister("1001")
        here.asterisk.register("1002", answers_after=0.1)
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=3.5)
        assert here.facts(call, "call.requeued")[0].data == {"reason": "phone_lost"}
        await anyio.sleep(60)
        assert here.asterisk.is_talking(call, "1002"), "this one is heard"
        await goodbye(here, call)


async def test_one_that_holds_before_it_was_heard_is_not_judged(lags: Lags) -> None:
    """Its time begins anew when the hold is over."""
    async with floor("1001", lags=lags, rules=EVERY_PHONE_SENDS) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001"))
        leg = leg_at(here, "1001")
        here.asterisk.speechless.add(leg)
        here.asterisk.desk_answers("1001")
        await here.talking(call, "1001")
        here.asterisk.hold_key("1001", on=True)
        await anyio.sleep(60)
        here.asterisk.hold_key("1001", on=False)
        await anyio.sleep(EVERY_PHONE_SENDS.unheard_phone - 1)
        here.asterisk.speechless.discard(leg)
        await anyio.sleep(60)
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)
    assert "call.requeued" not in here.told(call)


async def test_one_that_holds_by_its_own_key_is_not_judged(lags: Lags) -> None:
    """Phones send nothing then; when it is over they are judged again."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await anyio.sleep(3)
        here.asterisk.hold_key("1001", on=True)
        leg = here.asterisk.legs[leg_at(here, "1001")]
        await anyio.sleep(0.1)
        leg.died_at = anyio.current_time()
        await anyio.sleep(60)
        assert "call.requeued" not in here.told(call)
        leg.died_at = None
        here.asterisk.hold_key("1001", on=False)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=3)
        await dies_and_is_noticed(here, call)


@pytest.mark.parametrize("restarts", [1, 2])
async def test_one_that_holds_by_its_own_key_while_the_application_is_renewed(lags: Lags, restarts: int) -> None:
    """The caller hears music until the phone holds no more; then the phone is judged again."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await anyio.sleep(3)
        here.asterisk.hold_key("1001", on=True)
        await anyio.sleep(2)
        for _ in range(restarts):
            here.kill()
            await anyio.sleep(0.5)
            await here.start()
            await anyio.sleep(20)
        assert "call.requeued" not in here.told(call)
        assert here.asterisk.hears(call) == {"musik"}
        here.asterisk.hold_key("1001", on=False)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=3)
        await dies_and_is_noticed(here, call)
    assert here.told(call)[5:9] == ["call.held", "call.adopted", "call.held", "call.adopted"][: 2 * restarts] + [
        "call.held", "call.resumed"
    ][: 4 - 2 * restarts]  # fmt: skip


@pytest.mark.parametrize("is_killed", [True, False])
async def test_one_that_holds_while_nobody_hears_of_it(lags: Lags, is_killed: bool) -> None:  # noqa: FBT001 - drawn
    """No application ran, or the link was broken. Once more, and the two talk, as if it had been heard of.

    An application that comes asks, and the caller hears music meanwhile; and "Selesai Menunggu" (SOP VI).
    """
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await anyio.sleep(3)
        here.kill() if is_killed else here.lose_link()
        here.asterisk.hold_key("1001", on=True)
        await (here.start() if is_killed else here.restore_link())
        await anyio.sleep(60)
        assert "call.requeued" not in here.told(call)
        assert not is_killed or here.asterisk.hears(call) == {"musik"}
        here.asterisk.hold_key("1001", on=False)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2 if is_killed else 1)
        await dies_and_is_noticed(here, call)


async def test_one_that_held_and_holds_no_more_when_an_application_comes(lags: Lags) -> None:
    """Nobody heard of it: the two talk."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.hold_key("1001", on=True)
        await anyio.sleep(3)
        here.kill()
        here.asterisk.hold_key("1001", on=False)
        await here.start()
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=1)
        await goodbye(here, call)


async def test_one_that_dies_while_no_application_runs(lags: Lags) -> None:
    """The next one has never seen it alive, and notices it all the same."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.kill()
        await dies(here, "1001")
        await here.start()
        await here.until(lambda: "call.requeued" in here.told(call), seconds=NOTICED)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=5)
        await goodbye(here, call)


async def test_one_that_has_the_caller_on_hold_by_key(lags: Lags) -> None:
    """The caller hears music all the time."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*4", settled=3)
        here.asterisk.phone_dies("1001")
        await here.until(lambda: "call.requeued" in here.told(call), seconds=NOTICED)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=5)
        await goodbye(here, call)
    assert here.facts(call, "call.requeued")[0].data == {"reason": "phone_lost"}


@pytest.mark.parametrize("answers", [True, False])
async def test_the_poldas_phone_dies_in_a_transfer(lags: Lags, answers: bool) -> None:  # noqa: FBT001 - drawn
    """The transfer goes on; should it fail, the caller goes to the head of the queue, and is nobody's meanwhile."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await transferring(here, "2011")
        here.asterisk.phone_dies("1001")
        if answers:
            await anyio.sleep(4)
            here.asterisk.desk_answers("2011")
            await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=3)
            await here.until(lambda: is_idle(here, "1001"), seconds=AT_ONCE)
        else:
            here.asterisk.watches_silence = False
            here.asterisk.register("1002", answers_after=0.1)
            await here.until(lambda: "call.requeued" in here.told(call), seconds=NOTICED + 5)
            await here.until(lambda: any(here.asterisk.is_talking(call, desk) for desk in ("1001", "1002")), seconds=5)
        await goodbye(here, call)


async def test_a_phone_that_only_rings_is_nobodys_business(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001"))
        await anyio.sleep(RULES.ring - 1)
        assert rings(here, "1001")
        await goodbye(here, call)


async def test_asterisk_gives_no_answer_for_once(lags: Lags) -> None:
    """Nothing is concluded from that."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.trouble["packets_received"] = ["before", "refused", "after", None, "before"]
        await anyio.sleep(20)
        assert here.asterisk.is_talking(call, "1001")
        await dies_and_is_noticed(here, call)


async def test_a_hundred_talks_have_their_turn(lags: Lags) -> None:
    """One of them dies: with many it takes a little longer."""
    desks = [str(1000 + number) for number in range(1, 71)]
    async with floor(*desks, lags=lags) as here:
        calls = []
        for desk in desks:
            here.asterisk.register(desk, answers_after=0.1)
            calls.append(here.asterisk.call())
            await anyio.sleep(0.01)
        await here.until(lambda: all("call.answered" in here.told(call) for call in calls))
        await anyio.sleep(5)
        (dead,) = (desk for desk in desks if here.asterisk.is_talking(calls[-1], desk))
        await dies(here, dead)
        await here.until(lambda: "call.requeued" in here.told(calls[-1]), seconds=2 * NOTICED)
        await goodbye(here, *calls)
    assert [call for call in calls if "call.requeued" in here.told(call)] == calls[-1:]


# ---- on a radio net ------------------------------------------------------------------------------------------


async def test_the_transmitter_of_who_has_keyed_by_hand_is_released(lags: Lags) -> None:
    """Long before the transmission would be over, and nobody presses anything."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        (leg,) = await on_net(here, "1001")
        await anyio.sleep(3)
        await press(here, "1001", "5", settled=1)
        assert here.asterisk.on_air("300") == {leg}
        here.asterisk.phone_dies("1001")
        await here.until(lambda: not here.asterisk.on_air("300"), seconds=NOTICED)
        await anyio.sleep(0.5)
        assert here.asterisk.gateways["300"].keys == ["*9", "#"]
        assert leg not in here.asterisk.legs
    assert told(here) == ["1001 keyed", "1001 leg_lost"]


async def test_the_transmitter_is_released_and_the_caller_has_the_next_desk(lags: Lags) -> None:
    """The same in a call, with a caller who speaks on the net."""
    async with floor("1001", "1002", lags=lags, nets=[DTMF]) as here:
        call, leg = await patched(here)
        await press(here, "1001", "2", settled=3)
        await press(here, "1001", "5", settled=1)
        assert here.asterisk.on_air("300") == {leg, call}
        here.asterisk.watches_silence = False  # until it is noticed, nobody but the caller speaks
        here.asterisk.phone_dies("1001")
        here.asterisk.register("1002", answers_after=0.1)
        await here.until(lambda: not here.asterisk.on_air("300"), seconds=NOTICED)
        here.asterisk.unregister("1001")
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=RULES.ring + 1)
        assert here.asterisk.gateways["300"].keys == ["*9", "#"]
        assert here.facts(call, "call.requeued")[0].data == {"reason": "phone_lost"}
        await goodbye(here, call)
    assert told(here) == ["1001 keyed", "1001 leg_lost"]
