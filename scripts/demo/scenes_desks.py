"""A desk that is busy, and an application that stands still: callers are answered all the same (SOP V.2)."""

from __future__ import annotations

from typing import Final

from ari_app.site.settings import Desk
from scripts.demo.ears import hear_each_other
from scripts.demo.stage import Stage, check

DESK_HZ: Final = 700
BUSY: Final = 486
FALLBACK_MS: Final = 1200


async def next_desk(on: Stage, busy: Desk, free: Desk) -> None:
    """SOP V.2: an operator who is busy costs the caller nothing, the next desk rings."""
    async with on.scene("An operator is busy, the next desk rings (SOP V.2)"):
        refusing = await on.man(busy, refuses=BUSY)  # first: it is idle for longer, and its turn
        answering = await on.man(free, hz=DESK_HZ, answers=0.0)
        after = on.head()
        on.screen.begin("V.2")
        caller = await on.dial("0614567890")
        story = await on.story(after)
        await refusing.events.wait("ended", how="refused")
        on.screen.say(f"desk {busy.extension}", "is busy")
        await story.told("call.not_answered", desk=busy.extension, reason="busy")
        desk = await answering.rung()
        await caller.answered()
        on.screen.say(f"desk {free.extension}", "answers")
        await hear_each_other(caller, desk)
        await story.told("call.answered", desk=free.extension)
        await caller.hang_up()
        on.screen.say("caller", "hangs up")
        await desk.ended()
        await story.ended(
            "call.received", "call.queued", "call.not_answered", "call.answered", "complaint.opened", "call.ended"
        )


async def without_application(on: Stage) -> None:
    """A 110 call is always answered: with the application frozen, Asterisk alone rings every desk."""
    async with on.scene("The application freezes, and a citizen dials 110 in that moment"):
        desk = on.polda[-1]
        phone = await on.man(desk, hz=DESK_HZ, answers=0.0)
        after = on.head()
        on.screen.begin("V.2")
        on.stack.application.freeze()
        on.screen.say("application", "stands still")
        caller = await on.dial(None)
        dialled = await caller.events.wait("dialled")
        waited = round(((await caller.answered()).at - dialled.at) * 1000)
        on.screen.say(f"desk {desk.extension}", f"answered after {waited} ms, rung by Asterisk alone")
        check(waited <= FALLBACK_MS, f"the caller waited {waited} ms, more than {FALLBACK_MS}")
        await hear_each_other(caller, await phone.rung())
        await caller.hang_up()
        on.screen.say("caller", "hangs up")
        story = await on.story(after)
        await story.told("call.answered", desk=desk.extension)
        await story.ended("call.received", "call.fallback", "call.answered", "complaint.opened", "call.ended")
