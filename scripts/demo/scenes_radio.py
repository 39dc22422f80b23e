"""An emergency goes out by radio, through a simulated gateway: SOP VII.d."""

from __future__ import annotations

from typing import Final

from ari_app.domain.facts import Record
from ari_app.domain.radio import SYSTEM
from ari_app.site.radio_section import Radio
from ari_app.store.journal import read
from scripts.demo.ears import hear_each_other, hears_tone, moment
from scripts.demo.scenes_v import OPENED, POLDA_HZ, Talk, close, complain
from scripts.demo.screen import SceneError
from scripts.demo.stage import CALLER_HZ, Stage, check
from scripts.demo.story import until
from scripts.phones import Audio, PhoneError, RadioGateway

OFFICER_HZ: Final = 560
ATTENTION_HZ: Final = (1000, 750)
LINE_SECONDS: Final = 40.0
"""A gateway that was away is called again after half a minute at most."""


async def by_radio(on: Stage, net: Radio, gateway: RadioGateway) -> None:
    """SOP VII.d: the operator passes an emergency on by radio, an officer answers, and the caller hears none of it."""
    async with on.scene("An emergency goes out by radio, and an officer answers (SOP VII.d)"):
        now = await complain(on)
        on.screen.begin("VII.d")
        await now.polda.press("*9")
        on.screen.say(f"desk {now.desk.extension}", "presses *9: emergency")
        await now.story.told("call.classified", emergency=True)
        air = await _bring_in(on, now, net, gateway)
        await _pass_on(on, now, air)
        await _listen_to_officer(on, now, air)
        began = moment()
        await now.polda.press("#")
        on.screen.say(f"desk {now.desk.extension}", "presses #: back to the caller")
        await on.sounds.heard_by(now.caller, "selesai-menunggu", since=began)
        on.screen.say("caller", f"hears {on.sounds.words('selesai-menunggu')}")
        await hear_each_other(now.caller, now.polda)
        await now.story.told("radio.unpatched", net=net.net)
        await close(on, now, now.polda, now.desk)
        await now.story.ended(
            *OPENED, "call.classified", "radio.patched", "radio.keyed", "radio.released", "radio.unpatched",
            "call.closed", "complaint.closed", "call.ended",
        )  # fmt: skip


async def _bring_in(on: Stage, now: Talk, net: Radio, gateway: RadioGateway) -> Audio:
    """``*3NNN#``: the caller is on hold, and the net hears the attention tone first; returns what the radio hears."""
    began, after = moment(), on.head()
    await now.polda.press(f"*3{net.net}#")
    on.screen.say(f"desk {now.desk.extension}", f"presses *3{net.net}#: brings the radio net {net.name} in")
    await now.story.told("radio.patched", net=net.net, desk=now.desk.extension)
    await on.sounds.heard_by(now.caller, "izin-menunggu", since=began)
    on.screen.say("caller", f"hears {on.sounds.words('izin-menunggu')}")
    try:
        air = await gateway.line_up(net.net, seconds=LINE_SECONDS)
        for hz in ATTENTION_HZ:
            await air.wait_to_hear(hz, for_seconds=0.2, since=began, seconds=10)
    except (PhoneError, TimeoutError) as error:
        raise SceneError(f"the radio hears no attention tone: {error}") from None
    on.screen.say("radio", "hears the attention tone")
    await until(lambda: _end_of_tone(on, net, after), "the end of the attention tone")
    return air


def _end_of_tone(on: Stage, net: Radio, after: int) -> Record | None:
    released = read(on.stack.prepared.state.journal, after=after, actions=["radio.released"])
    return next((each for each in released if (each.data["net"], each.data["by"]) == (net.net, SYSTEM)), None)


async def _pass_on(on: Stage, now: Talk, air: Audio) -> None:
    """The operator keys when the tone is over, and is heard on the air; the caller is not."""
    began = moment()
    await now.polda.press("5")
    on.screen.say(f"desk {now.desk.extension}", "presses 5 and speaks")
    try:
        await air.wait_to_hear(POLDA_HZ, for_seconds=0.5, since=began)
    except TimeoutError:
        raise SceneError("the radio does not hear the operator") from None
    await now.story.told("radio.keyed", desk=now.desk.extension)
    on.screen.say("radio", f"hears the operator: {POLDA_HZ} Hz")
    await now.polda.press("5")
    await now.story.told("radio.released", reason="unkeyed")
    check(air.hears(CALLER_HZ, since=began) == 0, "the caller was heard on the radio")


async def _listen_to_officer(on: Stage, now: Talk, air: Audio) -> None:
    """An officer answers: the operator hears it, and the caller hears music."""
    began = moment()
    air.play(OFFICER_HZ)
    on.screen.say("officer", "answers")
    await hears_tone(now.polda, OFFICER_HZ, since=began, for_seconds=0.5)
    on.screen.say(f"desk {now.desk.extension}", f"hears the officer: {OFFICER_HZ} Hz")
    check(now.caller.audio.hears(OFFICER_HZ, since=began) == 0, "the caller heard the radio")
    air.play(0.0)
