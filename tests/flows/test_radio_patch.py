"""``*3NNN#`` in a call: the operator on the net, the caller on hold, listening, or speaking (SOP VII.d)."""

from __future__ import annotations

import anyio
import pytest

from tests.flows.fake_asterisk import FAILURE, Lags
from tests.flows.floor import Floor, floor
from tests.flows.guarding import the_guard_acts
from tests.flows.office import ACTOR, give, refused
from tests.flows.scenes import goodbye, hear_each_other, heard, in_talk, leg_at, press
from tests.flows.test_radio import DTMF, NET, hang_up, on_net, told, up

pytestmark = pytest.mark.anyio


async def patched(here: Floor, desk: str = "1001") -> tuple[str, str]:
    """An operator has brought the net in; the call and the operator's leg."""
    await up(here)
    call = await in_talk(here, desk)
    await press(here, desk, "*3300#", settled=0.5)
    return call, leg_at(here, desk)


async def test_the_caller_is_on_hold_while_the_operator_is_on_the_net(lags: Lags) -> None:
    """And hears nothing of the net."""
    async with floor("1001", "1002", lags=lags, nets=[NET]) as here:
        (other,) = await on_net(here, "1002")
        call, leg = await patched(here)
        gateway = here.asterisk.gateways["300"].leg
        assert heard(here, call)[:1] == ["izin-menunggu"]
        assert here.asterisk.hears(leg) == {gateway}
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        assert leg in here.asterisk.hears(other)
        assert here.asterisk.hears(call) <= {"izin-menunggu", "musik"}
        await press(here, "1001", "5")
        await press(here, "1001", "#", settled=0.6)
        assert heard(here, call)[-1] == "selesai-menunggu"
        await anyio.sleep(2)
        assert hear_each_other(here, call, leg)
        await goodbye(here, call)
        await hang_up(here, "1002")
    facts = [fact for fact in here.journal if fact.call == call and fact.action.startswith("radio.")]
    assert [fact.action for fact in facts] == ["radio.patched", "radio.keyed", "radio.released", "radio.unpatched"]
    assert {fact.data["net"] for fact in facts} == {"300"}


async def test_one_lets_the_caller_listen_and_two_lets_them_talk(lags: Lags) -> None:
    """Only while the operator has keyed; each once more takes it back."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        call, leg = await patched(here)
        gateway = here.asterisk.gateways["300"].leg
        await press(here, "1001", "1", settled=0.6)
        assert here.asterisk.hears(call) == {gateway}
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "2", settled=0.6)
        assert here.asterisk.on_air("300") == {leg, call}
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == set()
        await press(here, "1001", "2", settled=0.6)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "1", settled=0.6)
        assert here.asterisk.hears(call) == {"izin-menunggu"}
        await press(here, "1001", "*3#", settled=3)
        assert hear_each_other(here, call, leg)
        assert here.asterisk.on_air("300") == set()
        await goodbye(here, call)


async def test_back_from_a_net_on_which_the_caller_listens(lags: Lags) -> None:
    """With the transmitter on: it goes off, and the two talk at once, without a delay."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        call, leg = await patched(here)
        await press(here, "1001", "2", settled=0.6)
        await press(here, "1001", "5", settled=0.6)
        assert here.asterisk.on_air("300") == {leg, call}
        await press(here, "1001", "#", settled=0.6)
        assert hear_each_other(here, call, leg)
        assert here.asterisk.gateways["300"].keys == ["*9", "#"]
        assert here.asterisk.legs[leg].delay_ms == 0
        await goodbye(here, call)


async def test_the_operator_hangs_up_before_they_are_on_the_net(lags: Lags) -> None:
    """Nobody is let down because of a radio."""
    async with floor("1001", "1002", nets=[NET], lags=lags) as here:
        await up(here)
        call = await in_talk(here)
        here.asterisk.register("1002", answers_after=0.1)
        here.asterisk.press("1001", "*3300#")
        await here.until(lambda: any(fact.action == "radio.patched" for fact in here.journal), seconds=1)
        here.asterisk.desk_hangs_up("1001")
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=2)
        await goodbye(here, call)
    assert [fact.data["reason"] for fact in here.facts(call, "call.requeued")] == ["left_on_hold"]


@pytest.mark.parametrize("key", ["1", "2"])
@pytest.mark.parametrize("order", ["mute", "add_to_bridge"])
async def test_a_net_that_cannot_be_listened_to(lags: Lags, order: str, key: str) -> None:
    """The caller is on hold as before, and heard afterwards; the operator can try it again."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        call, leg = await patched(here)
        here.asterisk.trouble[order] = ["refused"]
        await press(here, "1001", key, settled=0.6)
        assert here.asterisk.hears(call) == {"izin-menunggu"}
        assert heard(here, leg) == ["nada-ok", "nada-salah"]
        await press(here, "1001", "#", settled=3)
        assert hear_each_other(here, call, leg)
        await press(here, "1001", "*3300#", settled=0.5)
        await press(here, "1001", "1", settled=0.6)
        assert here.asterisk.hears(call) == {here.asterisk.gateways["300"].leg}
        await press(here, "1001", "#", settled=0.6)
        await goodbye(here, call)


@pytest.mark.parametrize("keys", ["", "1", "2", "25", "5"])
async def test_the_caller_hangs_up(lags: Lags, keys: str) -> None:
    """The floor is free within a second, and the facts are complete before the call's end."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        call, _ = await patched(here)
        for each in keys:
            await press(here, "1001", each, settled=0.7)
        here.asterisk.caller_hangs_up(call)
        await here.until(lambda: not here.asterisk.on_air("300"), seconds=1)
        await here.ended(call)
    assert ("5" in keys) == (told(here) == ["1001 keyed", "1001 leg_lost"])
    story = here.told(call)
    assert story[-1] == "call.ended"
    assert story.count("radio.patched") == story.count("radio.unpatched") == 1


@pytest.mark.parametrize("cause", [16, FAILURE])
@pytest.mark.parametrize("keys", ["", "1", "5", "25"])
async def test_the_operator_is_gone(lags: Lags, keys: str, cause: int) -> None:
    """By hanging up or by a dead phone: the caller is not let down, and goes to the head of the queue."""
    async with floor("1001", "1002", lags=lags, nets=[DTMF]) as here:
        call, _ = await patched(here)
        for each in keys:
            await press(here, "1001", each, settled=0.7)
        here.asterisk.register("1002", answers_after=0.1)
        here.asterisk.desk_hangs_up("1001", cause)
        await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=5)
        assert here.asterisk.on_air("300") == set()
        await goodbye(here, call)


async def test_an_unknown_net_and_no_net_at_all_are_refused() -> None:
    async with floor("1001", nets=[NET]) as here:
        await up(here)
        call = await in_talk(here)
        leg = leg_at(here, "1001")
        await press(here, "1001", "*3301#")
        await press(here, "1001", "*3#")
        assert heard(here, leg) == ["nada-salah", "nada-salah"]
        assert hear_each_other(here, call, leg)
        await goodbye(here, call)


async def test_an_emergencys_operator_takes_a_busy_floor_over(lags: Lags) -> None:
    """Whoever had it hears that. Without an emergency a busy floor stays with who has it."""
    async with floor("1001", "1002", lags=lags, nets=[NET]) as here:
        (other,) = await on_net(here, "1002")
        await press(here, "1002", "5")
        call, leg = await patched(here)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {other}
        await press(here, "1001", "*9", settled=0.6)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        assert heard(here, other) == ["nada-habis"]
        await press(here, "1001", "5")
        await goodbye(here, call)
        await hang_up(here, "1002")
    assert told(here) == ["1002 keyed", "1002 taken_over", "1001 keyed", "1001 unkeyed"]


async def test_the_net_hears_an_attention_tone_before_an_emergency(lags: Lags) -> None:
    """Whoever had the floor loses it, and the operator has it afterwards."""
    async with floor("1001", "1002", lags=lags, nets=[NET]) as here:
        await on_net(here, "1002")
        await press(here, "1002", "5")
        call = await in_talk(here)
        leg = leg_at(here, "1001")
        await press(here, "1001", "*9", settled=0.6)
        await press(here, "1001", "*3300#", settled=0.3)
        assert here.asterisk.said == ["perhatian"]
        assert here.asterisk.on_air("300") == set()
        await anyio.sleep(1.2)
        await press(here, "1001", "5")
        assert here.asterisk.on_air("300") == {leg}
        await press(here, "1001", "5")
        await goodbye(here, call)
        await hang_up(here, "1002")
    assert told(here) == [
        "1002 keyed", "1002 taken_over", "system keyed", "system unkeyed", "1001 keyed", "1001 unkeyed",
    ]  # fmt: skip


@pytest.mark.parametrize("keys", ["", "5", "1", "25"])
@pytest.mark.parametrize("guarded", [False, True])
async def test_the_application_is_killed(lags: Lags, keys: str, *, guarded: bool) -> None:
    """The guard ends the gateway's line at once; caller and operator talk with each other by the next one."""
    async with floor("1001", lags=lags, nets=[DTMF]) as here:
        call, leg = await patched(here)
        for each in keys:
            await press(here, "1001", each, settled=0.7)
        here.kill()
        if guarded:
            await the_guard_acts(here.asterisk)
            assert here.asterisk.gateway_leg("300") is None
        await anyio.sleep(0.3)
        await here.start()
        await anyio.sleep(3)
        assert hear_each_other(here, call, leg)
        assert here.asterisk.legs[leg].delay_ms == 0
        await press(here, "1001", "*3300#", settled=1)
        assert here.asterisk.hears(leg) == {here.asterisk.gateways["300"].leg}
        await goodbye(here, call)


async def test_a_supervisor_brings_a_net_in_and_out(lags: Lags) -> None:
    async with floor("1001", lags=lags, nets=[NET]) as here:
        await up(here)
        call = await in_talk(here)
        leg = leg_at(here, "1001")
        assert await give(here, "radio.patch", call, net="300") == {"call": call, "net": "300"}
        await anyio.sleep(0.5)
        assert here.asterisk.hears(leg) == {here.asterisk.gateways["300"].leg}
        await give(here, "radio.unpatch", call)
        await anyio.sleep(3)
        assert hear_each_other(here, call, leg)
        assert await refused(here, "radio.unpatch", call) == "the operator is on no radio net"
        assert (await refused(here, "radio.patch", "nobody", net="300")).startswith("there is no call nobody")
        await anyio.sleep(0.5)
        assert hear_each_other(here, call, leg)
        await goodbye(here, call)
    assert [here.facts(call, action)[0].actor for action in ("radio.patched", "radio.unpatched")] == [ACTOR] * 2
