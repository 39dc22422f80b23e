"""Prank calls, the block of their number, and the way back: SOP VII.f and VIII."""

from __future__ import annotations

import contextlib
import secrets
import sys
from typing import Final

import anyio

from ari_app.domain.numbers import e164
from ari_app.site.settings import Desk
from ari_app.store.journal import read
from scripts.demo.ears import moment
from scripts.demo.scenes_v import POLDA_HZ, Talk, enter, talk
from scripts.demo.screen import SceneError
from scripts.demo.stage import Stage, check
from scripts.phones import Handset, HandsetCall, PhoneEndedError

_ANSWERED: Final = ("call.received", "call.queued", "call.answered", "complaint.opened")
_CLOSED: Final = ("call.closed", "complaint.closed", "call.ended")


# ---- the scene


async def pranks(on: Stage) -> None:
    """SOP VII.f and VIII: a number's fifth prank blocks it, and an operator who has verified the caller unblocks it.

    The number is a new one each time. Should the scene fail, the marks are taken back, and with them the block.
    """
    desk, number, after = on.polda[0], f"0899{secrets.randbelow(10**8):08}", on.head()
    limit = on.settings.block.pranks
    try:
        async with on.scene(f"{limit} pranks of one number, the block, and the way back (SOP VII.f, VIII)"):
            phone = await on.man(desk, hz=POLDA_HZ)
            on.screen.begin("VII.f")
            for count in range(limit):
                await _prank(on, desk, phone, number, count)
            await phone.leave()
            on.screen.begin("VIII.2")
            phone = await _verified(on, desk, number)
            on.screen.begin("V.2")
            await _like_any_other(on, desk, phone, number)
    except BaseException:
        await _take_back(on, number, after)
        raise


async def _prank(on: Stage, desk: Desk, phone: Handset, number: str, count: int) -> None:
    """SOP VII.f: "langsung tutup telepon dengan salam penutup"; ``count`` marks stand against the number already."""
    is_last = count + 1 == on.settings.block.pranks
    now = await _call(on, desk, phone, number, f"{number} P{count}" if count else number)
    began = moment()
    with contextlib.suppress(PhoneEndedError):  # the leg may end before the key is let go
        await now.polda.press("*7")
    on.screen.say(f"desk {desk.extension}", f"presses *7: prank number {count + 1}")
    await now.story.told("prank.marked", number=_e164(on, number), desk=desk.extension)
    if is_last:
        await _blocked(on, now, number, began)
    else:
        await _confirmed(on, now, began)
    await now.polda.ended()
    on.screen.say(f"desk {desk.extension}", "is free again")
    await on.sounds.heard_by(now.caller, "salam-penutup", since=began, whole=is_last)
    on.screen.say("caller", f"hears {on.sounds.words('salam-penutup')}")
    if is_last:
        await now.caller.ended()
        check(now.caller.ended_by == "other", "the caller had to hang up")
        on.screen.say("caller", "is hung up on after that")
    else:
        await now.caller.hang_up()
        on.screen.say("caller", "hangs up meanwhile")
    block = ["number.blocked"] if is_last else []
    await now.story.ended(*_ANSWERED, "call.classified", "prank.marked", *block, *_CLOSED)
    await _ready_again(on, desk, phone)


async def _blocked(on: Stage, now: Talk, number: str, began: float) -> None:
    """SOP VIII: "maka nomor akan otomatis terblokir"; the operator hears so, to the sentence's end."""
    on.screen.begin("VIII.1")
    marks = on.settings.block.pranks
    await now.story.told("number.blocked", number=_e164(on, number), reason="pranks", marks=marks)
    await on.sounds.heard_by(now.polda, "nomor-diblokir", since=began, whole=True)
    on.screen.say(f"desk {now.desk.extension}", f"hears {on.sounds.words('nomor-diblokir')}")


async def _verified(on: Stage, desk: Desk, number: str) -> Handset:
    """SOP VIII: who is blocked calls again, waits until an operator is there, is verified and unblocked.

    Returns the phone of the desk.
    """
    after, began = on.head(), moment()
    on.screen.say(f"desk {desk.extension}", "nobody is there just now")
    caller = await on.dial(number)
    await caller.answered()
    story = await on.story(after)
    await story.told("call.blocked", number=_e164(on, number))
    await story.told("call.queued", priority="verification")
    await on.sounds.heard_by(caller, "nomor-blokir-pengumuman", since=began, whole=True)
    on.screen.say("caller", f"hears {on.sounds.words('nomor-blokir-pengumuman')}")
    check(caller.ended_by is None, "the caller of a blocked number was hung up on")
    phone = await on.man(desk, hz=POLDA_HZ)
    polda = await phone.rung()
    await _shows(on, desk, polda, f"BLOKIR {number} P{on.settings.block.pranks}")
    await polda.answer()
    now = Talk(desk, caller, polda, story)
    on.screen.say(f"desk {desk.extension}", "answers, and asks who is calling, and why")
    await talk(on, caller, polda)
    await story.told("call.answered", desk=desk.extension)
    await story.told("complaint.opened", number=_e164(on, number))
    await enter(on, now, name="Reza")
    began = moment()
    await polda.press("*8")
    on.screen.say(f"desk {desk.extension}", "presses *8: unblocked")
    await story.told("number.unblocked", number=_e164(on, number), reason="verified")
    await _confirmed(on, now, began)
    await _shows(on, desk, polda, number)
    await caller.hang_up()
    on.screen.say("caller", "hangs up")
    await polda.ended()
    await story.ended(
        "call.received", "call.blocked", "call.queued", "call.answered", "complaint.opened", "complaint.edited",
        "number.unblocked", "call.ended",
    )  # fmt: skip
    await _ready_again(on, desk, phone)
    return phone


async def _like_any_other(on: Stage, desk: Desk, phone: Handset, number: str) -> None:
    """The number is blocked no more, and no mark counts against it."""
    now = await _call(on, desk, phone, number, number)
    await now.caller.hang_up()
    on.screen.say("caller", "hangs up")
    await now.polda.ended()
    await now.story.ended(*_ANSWERED, "call.ended")


# ---- steps


async def _call(on: Stage, desk: Desk, phone: Handset, number: str, shown: str) -> Talk:
    """The number calls, which is ``shown`` so, and the desk answers."""
    after, rung = on.head(), len(phone.events.all("rung"))
    caller = await on.dial(number)
    story = await on.story(after)
    await caller.ringing()
    polda = await phone.rung(count=rung + 1)
    await _shows(on, desk, polda, shown)
    await polda.answer()
    await caller.answered()
    on.screen.say(f"desk {desk.extension}", "answers")
    await talk(on, caller, polda)
    await story.told("call.answered", desk=desk.extension)
    return Talk(desk, caller, polda, story)


async def _shows(on: Stage, desk: Desk, call: HandsetCall, shown: str) -> None:
    """The operator's display says exactly this of the caller."""
    await call.display(lambda name, _: name == shown)
    on.screen.say(f"desk {desk.extension}", f"has {shown} on its display")


async def _confirmed(on: Stage, now: Talk, since: float) -> None:
    await on.sounds.heard_by(now.polda, "nada-ok", since=since)
    on.screen.say(f"desk {now.desk.extension}", "hears the tone of confirmation")


async def _ready_again(on: Stage, desk: Desk, phone: Handset) -> None:
    """The operator needs no time after the call."""
    if on.settings.queue.wrapup_seconds == 0:
        return
    began = moment()
    call = await phone.dial("*12")
    await call.answered()
    await on.sounds.heard_by(call, "nada-ok", since=began)
    await call.hang_up()
    on.screen.say(f"desk {desk.extension}", "dials *12: ready for the next call")


def _e164(on: Stage, number: str) -> str | None:
    return e164(number, on.settings.site.region, on.settings.site.area_code)


async def _take_back(on: Stage, number: str, after: int) -> None:
    """The number has no marks any more, and no block that rests on them, also when the demo is broken off."""
    journal = on.stack.prepared.state.journal
    with anyio.CancelScope(shield=True):
        for line in list(read(journal, after=after, actions=["prank.marked"])):
            if line.data.get("number") == _e164(on, number):
                try:
                    await on.staff.order("block.unmark", call=line.call, reason="demo")
                except SceneError as error:
                    print(f"siaga110: take back the demo's mark of call {line.call}: {error}", file=sys.stderr)
