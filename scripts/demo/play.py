"""The scenes, in the order in which they are played."""

from __future__ import annotations

import asyncio
import sys

from scripts.demo.stage import SceneError, Stage, stage
from scripts.phones import Audio, Behaviour, Caller, Dialling, PhoneError
from scripts.stack import StackError
from scripts.stack.stack import Stack

CALLER_HZ, DESK_HZ = 440, 660
FALLBACK_MS = 1200


async def play(stack: Stack) -> int:
    """Play all scenes; 0 when everything went as the SOP says, 1 with what did not."""
    try:
        async with stage(stack) as on:
            await answered_call(on)
            await next_desk(on)
            await without_application(on)
            on.console.print("\n[bold]All as the SOP says.[/bold]")
    except (SceneError, PhoneError, StackError) as error:
        print(f"siaga110: the demo failed: {error}", file=sys.stderr)
        return 1
    return 0


def _check(is_so: bool, what: str) -> None:  # noqa: FBT001 - an assertion's condition
    if not is_so:
        raise SceneError(what)


async def answered_call(on: Stage) -> None:
    """SOP V.1, V.2: a citizen dials 110, a Polda operator answers, both hear each other, one hangs up."""
    on.scene("A citizen dials 110 and a Polda operator answers (SOP V.1, V.2)")
    after, account = on.head(), on.desks[0]
    at_desk = await on.phones.audio(DESK_HZ)
    at_caller = await on.phones.audio(CALLER_HZ, host=on.phones.trunk)
    desk = await on.phones.desk(account, Behaviour.answers(1000), audio=at_desk)
    on.say(f"desk {account[0]}", "its phone is registered")
    caller = await _dial(on, at_caller)
    await desk.ringing()
    on.say(f"desk {account[0]}", "rings")
    await desk.answered()
    on.say(f"desk {account[0]}", "answers: Call Center 110 Polri ...")
    await _talk(on, at_caller, at_desk)
    await caller.hang_up()
    on.say("caller", "hangs up")
    await desk.ended()
    story = await on.story(after)
    _check(story[-1].data["outcome"] == "answered", "the journal does not have the call as answered")
    await on.phones.unregister(account)


async def _dial(on: Stage, audio: Audio | None = None, dialling: Dialling | None = None) -> Caller:
    dialling = dialling or Dialling()
    caller = await on.phones.call(dialling, audio=audio)
    await caller.sent()
    on.say("caller", f"{dialling.number or 'without a number'} dials {dialling.dialled}")
    await caller.ringing()
    on.say("caller", "hears it ring")
    return caller


async def _talk(on: Stage, at_caller: Audio, at_desk: Audio) -> None:
    """Both hear each other: judged on the samples that arrive."""
    try:
        await asyncio.gather(
            at_caller.wait_to_hear(DESK_HZ, for_seconds=1.0), at_desk.wait_to_hear(CALLER_HZ, for_seconds=1.0)
        )
    except TimeoutError:
        raise SceneError("caller and operator do not hear each other") from None
    on.say("both", f"hear each other: {DESK_HZ} Hz at the caller's end, {CALLER_HZ} Hz at the desk's")


async def next_desk(on: Stage) -> None:
    """SOP V.2: an operator who is busy costs the caller nothing, the next desk rings."""
    if len(on.desks) < 2:  # noqa: PLR2004 - it takes two desks
        return
    on.scene("An operator is busy, the next desk rings (SOP V.2)")
    after, (busy, free) = on.head(), on.desks[:2]
    refusing = await on.phones.desk(busy, Behaviour.busy())
    caller = await _dial(on, dialling=Dialling(number="0614567890", hang_up_ms=500))
    await refusing.events.wait("rejected")
    on.say(f"desk {busy[0]}", "is busy")
    answering = await on.phones.desk(free)
    await answering.answered()
    on.say(f"desk {free[0]}", "answers")
    await caller.ended()
    on.say("caller", "hangs up")
    story = await on.story(after)
    reasons = [record.data["reason"] for record in story if record.action == "call.not_answered"]
    _check(reasons[:1] == ["busy"], f"the journal has {reasons} in place of the busy desk")
    await refusing.die()
    await on.phones.unregister(busy, free)


async def without_application(on: Stage) -> None:
    """A 110 call is always answered: with the application frozen, Asterisk alone rings every desk."""
    on.scene("The application freezes, and a citizen dials 110 in that moment")
    after, account = on.head(), on.desks[-1]
    await on.phones.desk(account)
    on.stack.application.freeze()
    on.say("application", "stands still")
    caller = await _dial(on, dialling=Dialling(number=None, hang_up_ms=1500))
    await caller.answered()
    result = await caller.result()
    _check(result.answered_ms is not None, "nobody answered")
    waited = round(result.answered_ms or 0)
    on.say(f"desk {account[0]}", f"answered after {waited} ms")
    _check(waited <= FALLBACK_MS, f"the caller waited {waited} ms, more than {FALLBACK_MS}")
    story = await on.story(after)
    answered = [record.data["desk"] for record in story if record.action == "call.answered"]
    _check(answered == [account[0]], f"the journal says that {answered} answered")
