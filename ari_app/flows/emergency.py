"""A call to 110, from first ring to its end: SOP section V.

Read it beside the SOP; each step names its line there. What is not in it yet: classification (V.3-6),
transfer (V.6-9) and take-back (V.10-11).
"""

from __future__ import annotations

from typing import Final

import anyio

from ari_app.ari.errors import AriConflict, AriNotFound, AriRefused
from ari_app.ari.model import Channel, ChannelDestroyed, ChannelStateChange
from ari_app.domain.causes import UNKNOWN_CAUSE, NotAnswered, why_not_answered
from ari_app.flows.call import Call, CallerLeft, LegGone, now
from ari_app.flows.switchboard import REST_SECONDS, DeskReady

ENTER_SECONDS: Final = 1.0
"""From making a leg to its being ours; Asterisk needs about a millisecond."""

OWN_TIMER_SECONDS: Final = 0.25
"""Asterisk ends the ringing itself; should it not, we do so this much later."""


async def answer_emergency_call(call: Call) -> None:
    """SOP V.1 to V.9: the call waits, a Polda operator answers, they talk, one of them hangs up."""
    try:
        desk, leg = await find_operator(call)  # SOP V.2
        await talk(call, desk, leg)  # SOP V.3 to V.9
    except CallerLeft:
        call.tell("call.abandoned", "caller", waited_ms=call.waited_ms())
        await finish(call, by="caller", outcome="abandoned")


async def find_operator(call: Call) -> tuple[str, str]:
    """SOP V.2: "Operator akan menerima telepon". Ring one desk after the other until one answers.

    Returns the desk and its leg; both hear each other.

    Raises:
        CallerLeft: nobody took the call in time.
    """
    call.tell("call.queued")
    while True:
        desk = await next_desk(call)
        leg = await offer(call, desk)
        if not isinstance(leg, NotAnswered) and await connect(call, leg):
            call.around.switchboard.answered(desk)
            call.tell("call.answered", f"desk:{desk}", desk=desk, waited_ms=call.waited_ms())
            return desk, leg
        reason = leg if isinstance(leg, NotAnswered) else NotAnswered.UNREACHABLE
        call.tell("call.not_answered", f"desk:{desk}", desk=desk, reason=reason.value)
        # The one who let it ring goes to the end of the line; the one who refused at once also rests.
        rest = 0.0 if reason is NotAnswered.NO_ANSWER else REST_SECONDS
        call.around.switchboard.release(desk, rest=rest)


async def next_desk(call: Call) -> str:
    """Wait in the queue for the desk that has been idle the longest; the caller hears ringing."""
    call.around.switchboard.wait(call.id, call.deliver)
    try:
        if not call.has_news:  # nobody is free
            await call.follow_caller()
        while True:
            match await call.next():
                case DeskReady(extension=desk):
                    return desk
    finally:
        call.around.switchboard.withdraw(call.id)  # a caller who left is offered no desk


async def offer(call: Call, desk: str) -> str | NotAnswered:
    """Ring one desk for ``ring_seconds``: its leg when it was answered, else why it was not."""
    call.tell("call.offered", desk=desk)
    seconds = call.around.ring_seconds
    try:
        leg = await call.ring(desk)
    except AriRefused:
        await call.look()  # a desk is not blamed for a caller who left
        return NotAnswered.UNREACHABLE
    rings_until = now() + seconds - OWN_TIMER_SECONDS
    with anyio.move_on_after(seconds + OWN_TIMER_SECONDS):
        while True:
            match await call.next():
                case ChannelStateChange(channel=Channel(id=id_, state="Up")) if id_ == leg:
                    return leg
                case ChannelDestroyed(channel=Channel(id=id_), cause=cause) if id_ == leg:
                    return why_not_answered(cause, rang_out=now() >= rings_until)
                case LegGone(leg=id_) if id_ == leg:
                    return NotAnswered.UNREACHABLE
    await call.end_leg(leg)
    return NotAnswered.NO_ANSWER


async def handed_over(call: Call, leg: str) -> bool:
    """Wait until a leg is ours to act on: a claim, or an answer, is not yet the hand-over. False: it is gone.

    Raises:
        CallerLeft: the caller is gone by now.
        TimeoutError: Asterisk did not hand it over.
    """
    with anyio.fail_after(ENTER_SECONDS):
        while not (call.has_entered(leg) or call.has_ended(leg)):
            await call.next()
    return not call.has_ended(leg)


async def connect(call: Call, leg: str) -> bool:
    """Answer the caller and let both hear each other; False when the desk's leg is gone by now.

    Raises:
        CallerLeft: the caller is gone by now.
        TimeoutError: the caller was never handed over to us.
    """
    if not call.has_entered(call.id):
        await handed_over(call, call.id)
    try:
        await call.around.asterisk.answer(call.id)
    except (AriNotFound, AriConflict):
        call.caller_is_gone()
        raise CallerLeft from None
    try:
        if not await handed_over(call, leg):
            return False
        await call.connect(leg)
    except (AriRefused, TimeoutError):
        await call.end_leg(leg)
        await call.look()
        return False
    return True


async def talk(call: Call, desk: str, leg: str) -> None:
    """SOP V.3 to V.9: caller and operator talk until one of them hangs up."""
    try:
        while True:
            match await call.next():
                case ChannelDestroyed(channel=Channel(id=id_)) | LegGone(leg=id_) if id_ == leg:
                    break
    except CallerLeft:
        await finish(call, by="caller", outcome="answered")
    else:
        await finish(call, by=f"desk:{desk}", outcome="answered")


async def finish(call: Call, *, by: str, outcome: str) -> None:
    """The end of the story: every leg ends, the desk is free, the journal has the last line.

    ``by`` is who ended it: ``caller`` or ``desk:EXT``.
    """
    await call.end()
    kind = by.partition(":")[0]
    call.tell("call.ended", by, by=kind, outcome=outcome, cause=call.causes.get(call.id, UNKNOWN_CAUSE))
