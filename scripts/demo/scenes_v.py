"""Complaints, from the first ring to the closing: SOP section V."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from ari_app.domain.daytime import greeting
from ari_app.domain.numbers import e164
from ari_app.site.settings import Desk
from scripts.demo.ears import hear_each_other, hears_tone, hz_of, moment
from scripts.demo.stage import Stage, check
from scripts.demo.story import Story
from scripts.phones import Handset, HandsetCall, PhoneEndedError

POLDA_HZ: Final = 700
POLRES_HZ: Final = 1000
RINGING_HZ: Final = 425
"""The tone that an operator hears while a telephone rings elsewhere."""

NUMBER: Final = "081234567890"
OPENED: Final = ("call.received", "call.queued", "call.answered", "complaint.opened", "complaint.edited")
_SECONDS_MORE: Final = 1.0
"""By how much a take-back may be late on a busy machine."""
_AT_ONCE: Final = 0.5
"""So long caller and operator may have heard each other again before we see that the Polres rings no more."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A citizen and the operator at a desk of the Polda, who has taken down the complaint."""

    desk: Desk
    caller: HandsetCall
    polda: HandsetCall
    story: Story


# ---- scenes


async def not_valid(on: Stage) -> None:
    """SOP V.1 to V.5: a complaint that is none for a Polres."""
    async with on.scene("A complaint that is not valid: it stays at the Polda until its closing (SOP V.1 to V.5)"):
        now = await complain(on)
        await _classify(on, now, "*6", "not_valid")
        on.screen.begin("V.5")
        await close(on, now, now.polda, now.desk)
        await now.story.ended(*OPENED, "call.classified", "call.closed", "complaint.closed", "call.ended")
        found = now.story.complaint
        check(found.status == "closed", f"complaint {found.ticket} is {found.status} in place of closed")
        check(found.polres is None, f"complaint {found.ticket} went to Polres {found.polres}")


async def taken_back(on: Stage, polres: Desk) -> None:
    """SOP V.1 to V.6, V.10 and V.11: the Polres does not answer."""
    async with on.scene("A valid complaint, and the Polres does not answer: take-back (SOP V.1 to V.6, V.10, V.11)"):
        phone = await on.man(polres, hz=POLRES_HZ)
        now = await complain(on)
        await _classify(on, now, "*5", "valid")
        await _wait_in_vain(on, now, polres, await _transfer(on, now, polres, phone))
        on.screen.begin("V.11")
        await talk(on, now.caller, now.polda)
        on.screen.say(f"desk {now.desk.extension}", f"says that {_name(on, polres)} will see to it")
        await close(on, now, now.polda, now.desk)
        await now.story.ended(
            *OPENED, "call.classified", "call.transfer_started", "call.taken_back", "call.closed", "call.ended"
        )
        found = now.story.complaint
        stands = (found.status, found.polres, found.reason)
        check(stands == ("open", polres.unit, "no_answer"), f"complaint {found.ticket} stands at {stands}")
        on.screen.say("journal", f"complaint {found.ticket} stays open for {_name(on, polres)}")


async def taken_by_polres(on: Stage, polres: Desk) -> None:
    """SOP V.1 to V.4 and V.6 to V.9: the Polres answers and closes."""
    async with on.scene("A valid complaint, and the Polres answers it (SOP V.1 to V.4, V.6 to V.9)"):
        phone = await on.man(polres, hz=POLRES_HZ)
        now = await complain(on)
        await _classify(on, now, "*5", "valid")
        at_polres = await _transfer(on, now, polres, phone)
        await _hand_over(on, now, polres, at_polres)
        on.screen.begin("V.8")
        found = now.story.complaint
        stands = (found.status, found.polres)
        check(stands == ("handling", polres.unit), f"complaint {found.ticket} stands at {stands}")
        await enter(on, now, description="Patroli menuju TKP")
        on.screen.begin("V.9")
        await close(on, now, at_polres, polres)
        await now.story.ended(
            *OPENED, "call.classified", "call.transfer_started", "call.transfer_answered", "complaint.edited",
            "call.closed", "complaint.closed", "call.ended",
        )  # fmt: skip
        found = now.story.complaint
        check(found.status == "closed", f"complaint {found.ticket} is {found.status} in place of closed")


# ---- steps


async def complain(on: Stage) -> Talk:
    """SOP V.1 to V.3: a citizen calls, an operator of the Polda answers and takes down who and where."""
    desk, after = on.polda[0], on.head()
    phone = await on.man(desk, hz=POLDA_HZ)
    on.screen.begin("V.1")
    caller = await on.dial(NUMBER)
    story = await on.story(after)
    number = e164(NUMBER, on.settings.site.region)
    await story.told("call.received", caller=number)
    on.screen.begin("V.2")
    polda = await phone.rung()
    on.screen.say(f"desk {desk.extension}", f"rings, its display shows {polda.caller_name}")
    check(NUMBER in polda.caller_name, f"the display shows {polda.caller_name!r} and not {NUMBER}")
    await caller.ringing()
    on.screen.say("caller", "hears it ring")
    await polda.answer()
    await caller.answered()
    zone = ZoneInfo(on.settings.site.timezone)
    on.screen.say(f"desk {desk.extension}", f"answers: {on.sounds.words(greeting(datetime.now(zone)))}")
    await talk(on, caller, polda)
    await story.told("call.answered", desk=desk.extension)
    on.screen.begin("V.3")
    await story.told("complaint.opened", number=number)
    now = Talk(desk, caller, polda, story)
    await enter(on, now, name="Reza", place="Jl. Sisingamangaraja, Medan", category="pencurian", plate="BK 1234 XY")
    return now


async def talk(on: Stage, caller: HandsetCall, desk: HandsetCall) -> None:
    """Both hear each other."""
    await hear_each_other(caller, desk)
    on.screen.say("both", f"hear each other: {hz_of(desk)} Hz at the caller's end, {hz_of(caller)} Hz at the desk's")


async def enter(on: Stage, now: Talk, **fields: str) -> None:
    """What ``siaga complaints edit`` does."""
    on.screen.say("screen", f"the operator enters {', '.join(fields)}")
    await on.staff.order("complaints.edit", ticket=now.story.complaint.ticket, fields={**fields})
    await now.story.told("complaint.edited", **fields)


async def _classify(on: Stage, now: Talk, code: str, kind: str) -> None:
    """SOP V.4, by key."""
    on.screen.begin("V.4")
    began = moment()
    await now.polda.press(code)
    on.screen.say(f"desk {now.desk.extension}", f"presses {code}: {kind.replace('_', ' ')}")
    await now.story.told("call.classified", kind=kind)
    await on.sounds.heard_by(now.polda, "nada-ok", since=began)
    on.screen.say(f"desk {now.desk.extension}", "hears the tone of confirmation")


async def _transfer(on: Stage, now: Talk, polres: Desk, phone: Handset) -> HandsetCall:
    """SOP V.6: the Polres rings, the caller hears the sentence and the operator the tone; returns the ringing call."""
    on.screen.begin("V.6")
    code, began = f"*2{polres.unit}#", moment()
    await now.polda.press(code)
    on.screen.say(f"desk {now.desk.extension}", f"presses {code}: to {_name(on, polres)}")
    ringing = await phone.rung()
    on.screen.say(f"desk {polres.extension}", f"of {_name(on, polres)} rings")
    await now.story.told("call.transfer_started", polres=polres.unit, desks=[polres.extension])
    await on.sounds.heard_by(now.caller, "izin-menunggu", since=began)
    on.screen.say("caller", f"hears {on.sounds.words('izin-menunggu')}")
    await hears_tone(now.polda, RINGING_HZ, since=began)
    on.screen.say(f"desk {now.desk.extension}", "hears the tone of ringing")
    return ringing


async def _wait_in_vain(on: Stage, now: Talk, polres: Desk, ringing: HandsetCall) -> None:
    """SOP V.10: until the call is taken back, caller and operator do not hear each other."""
    on.screen.begin("V.10")
    since, limit = moment(), float(on.settings.transfer.answer_seconds)
    await ringing.ended(seconds=limit + 5)
    heard = now.caller.audio.hears(POLDA_HZ, since=since) + now.polda.audio.hears(hz_of(now.caller), since=since)
    on.screen.say(f"desk {polres.extension}", f"stops ringing: nobody has answered for {limit:.0f} s")
    check(heard < _AT_ONCE, f"caller and operator heard each other for {heard:.1f} s while the Polres rang")
    line = await now.story.told("call.taken_back", polres=polres.unit, reason="no_answer")
    waited = float(str(line.data["waited_ms"])) / 1000
    check(limit - 0.05 <= waited <= limit + _SECONDS_MORE, f"taken back after {waited:.1f} s, not {limit:.0f} s")


async def _hand_over(on: Stage, now: Talk, polres: Desk, at_polres: HandsetCall) -> None:
    """SOP V.7: the Polres answers, and the Polda's operator is free again."""
    on.screen.begin("V.7")
    began = moment()
    await at_polres.answer()
    on.screen.say(f"desk {polres.extension}", "answers")
    await now.polda.ended()
    on.screen.say(f"desk {now.desk.extension}", "is free again")
    await on.sounds.heard_by(now.caller, "selesai-menunggu", since=began, whole=True)
    on.screen.say("caller", f"hears {on.sounds.words('selesai-menunggu')}")
    await talk(on, now.caller, at_polres)
    await now.story.told("call.transfer_answered", polres=polres.unit, desk=polres.extension)


async def close(on: Stage, now: Talk, operator: HandsetCall, desk: Desk) -> None:
    """SOP V.5, V.9, V.11: the operator closes and is free; the caller hears the closing salutation to its end."""
    began = moment()
    with contextlib.suppress(PhoneEndedError):  # the call may end before the key is let go
        await operator.press("*0")
    on.screen.say(f"desk {desk.extension}", "presses *0: closing")
    await operator.ended()
    await now.story.told("call.closed", desk=desk.extension)
    await on.sounds.heard_by(now.caller, "salam-penutup", since=began, whole=True)
    on.screen.say("caller", f"hears {on.sounds.words('salam-penutup')}")
    await now.caller.ended()
    check(now.caller.ended_by == "other", "the caller had to hang up")
    on.screen.say("caller", "is hung up on after that")


def _name(on: Stage, polres: Desk) -> str:
    return next(each.name for each in on.settings.polres if each.code == polres.unit)
