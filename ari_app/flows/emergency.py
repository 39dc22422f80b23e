"""A call to 110, from first ring to its end: SOP section V.

Read it beside the SOP; each step names its line there. What happens between the answer and the end is in
``talk``, the transfer to a Polres in ``transfer``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from typing import Final, TypeAlias

from ari_app.ari.model import PlaybackFinished
from ari_app.domain.daytime import greeting
from ari_app.domain.facts import Json
from ari_app.domain.queue import Priority
from ari_app.flows.call import Call
from ari_app.flows.endings import Ended
from ari_app.flows.messages import CallClosed, CallerLeft, CallLost, DeskReady, Dismissed, TimeUp, TurnedAway, now
from ari_app.flows.party import Party
from ari_app.flows.ringing import Answered, RingGroup, answer_caller, connect
from ari_app.flows.room import OK, Room
from ari_app.flows.talk import NOW_BLOCKED, say_goodbye, talk
from ari_app.flows.verification import enter_lane, heed, return_to_lane, wait_with_music

ANNOUNCE: Final = "announce"
SENTENCE_SECONDS: Final = 6.0
"""So long after it has begun a sentence is over that a caller hears who has lost their operator, or is cut off."""

Finder: TypeAlias = Callable[[Room], Awaitable[Party]]
"""Finds a call its operator."""


async def answer_emergency_call(call: Call) -> None:
    """SOP V.1 to V.11: the call waits, a Polda operator answers, it is worked on until it is closed."""
    await work_on(Room(call), finder(call))


def finder(call: Call) -> Finder:
    """How the call gets its first operator: a blocked number waits to be verified (SOP VIII)."""
    blocking = call.around.blocking
    blocking.end_expired(call.caller, call.id)
    return find_verifier if blocking.is_blocked(call.caller) else find_operator


def finder_again(call: Call) -> Finder:
    """How a call that has lost its operator gets another: at the head of the queue, where its number is not blocked.

    Who calls from a blocked number, and in no emergency, goes on waiting behind everybody else (SOP VIII).
    """
    call.talking, call.waits_since = False, now()
    if call.is_emergency or call.claims_emergency or not call.around.blocking.is_blocked(call.caller):
        call.priority = min(call.priority, Priority.TAKE_BACK)
        return find_operator
    return find_verifier_again


async def work_on(room: Room, find_first: Finder) -> None:
    """Find the first operator as ``find_first`` does it, and let them work on the call until its end.

    A caller whose operator was lost is not let down: the call goes to the head of the queue. Of a call whose end nobody
    has seen, reconciling tells what is known.
    """
    call = room.call
    try:
        ended = await find_and_talk(room, find_first)
        await finish(room, by=ended.by, outcome="answered")
    except CallLost:
        await let_go(room)
    except CallerLeft:
        if call.was_answered:
            await finish(room, by="caller", outcome="answered")
            return
        await finish(room, by="caller", outcome="abandoned")
    except TurnedAway:
        await finish(room, by="system", outcome="turned_away")


async def find_and_talk(room: Room, find_first: Finder) -> Ended:
    """SOP V.2 to V.11, until the talk has its end.

    Raises:
        CallerLeft: the caller hung up before.
        TurnedAway: see ``find_verifier``.
    """
    call, find = room.call, find_first
    try:
        while True:
            party = await find(room)  # SOP V.2
            ended = await talk(room, party)  # SOP V.3 to V.11
            if isinstance(ended, Ended):
                return ended
            find = finder_again(call)
            call.tell("call.requeued", reason=ended.reason)
    except CallClosed as closed:
        return await dismiss(room, closed.dismissed)


async def dismiss(room: Room, dismissed: Dismissed) -> Ended:
    """SOP VII.f by a supervisor, in whatever state the call was: the salutation; the operator hears that it is over.

    One that was not closed as a prank leaves its complaint open, as if the operator had hung up.

    Raises:
        CallerLeft: the caller did not wait for the end of it.
    """
    call = room.call
    call.is_closed = True  # from here on nobody else closes it
    if dismissed.reason is None:
        call.tell("call.closed", dismissed.by)
        call.around.complaints.close(call.id, dismissed.by)
    else:
        call.tell("call.closed", dismissed.by, reason=dismissed.reason)
    for leg in [leg for leg in call.legs if leg != call.id and leg not in room.parties]:
        await call.end_leg(leg)  # whoever has just answered has nobody to talk to any more
    return await say_goodbye(room, dismissed.by, room.holder, NOW_BLOCKED if dismissed.has_blocked else OK)


async def close(room: Room) -> None:
    """The call was closed, and we were lost before the caller had heard the salutation: it is said now."""
    with suppress(CallerLeft, CallClosed):
        await say_goodbye(room, "system")
    await finish(room, by="caller" if room.call.caller_left else "system", outcome="answered")


async def find_verifier(room: Room) -> Party:
    """SOP VIII: the caller of a blocked number hears that, and an operator whom nobody else waits for verifies it.

    Raises:
        CallerLeft: nobody took the call in time.
        TurnedAway: too many wait to be verified.
    """
    await enter_lane(room)
    return await find_operator(room)


async def find_verifier_again(room: Room) -> Party:
    """SOP VIII: the caller of a blocked number was there before, and goes on waiting; nobody turns them away now.

    Raises:
        CallerLeft: nobody took the call in time.
    """
    await return_to_lane(room)
    return await find_operator(room)


async def find_operator(room: Room) -> Party:
    """SOP V.2: "Operator akan menerima telepon". Desks ring in their order until one answers.

    The caller hears ringing, and after a while an announcement and music. Returns the operator; both hear each
    other.

    Raises:
        CallerLeft: nobody took the call in time.
    """
    call = room.call
    call.tell("call.queued", priority=call.priority.name.lower())
    board = call.around.switchboard
    has_desk = call.wait_in_queue()
    group = RingGroup(call, call.around.rules.ring)
    announce = call.remind(0.0 if call.is_up else call.around.rules.announce, ANNOUNCE)
    try:
        if not has_desk:
            await call.follow_caller()
        while True:
            heard = await room.next()
            match heard:
                case DeskReady(extension=desk):
                    await group.ring(desk)
                    continue
                case TimeUp(what=what) if what == ANNOUNCE:
                    await announce_waiting(room)
                    announce.cancel()
                    if not room.caller.is_endless:  # that the sentence has ended may never be told
                        announce = call.remind(SENTENCE_SECONDS, ANNOUNCE)
                    continue
                case PlaybackFinished():  # such as a sentence that was begun before they lost their operator
                    await announce_waiting(room)
                    continue
            if await heed(room, heard):
                continue
            outcome = await group.read(heard)
            if isinstance(outcome, Answered):
                party = await take_call(room, group, outcome)
                if party is not None:
                    return party
    finally:
        announce.cancel()
        board.withdraw(call.id)  # a caller who left is offered no desk
        await group.end()


async def announce_waiting(room: Room) -> None:
    """The caller has heard ringing for long enough: the announcement, music, and never silence.

    A sentence that was begun before they lost their operator is said to its end first; what has no end goes on.

    Raises:
        CallerLeft: the caller is gone by now.
    """
    if not room.caller.is_endless and not room.caller.is_heard_for(SENTENCE_SECONDS):
        await answer_caller(room.call)
        await wait_with_music(room)


async def take_call(room: Room, group: RingGroup, answered: Answered) -> Party | None:
    """The operator has lifted the receiver: caller and operator hear each other, and the complaint is opened (SOP V.3).

    None when the operator is gone again by now.

    Raises:
        CallerLeft: the caller is gone by now.
    """
    call, desk = room.call, answered.desk
    board = call.around.switchboard
    board.answered(desk)
    board.withdraw(call.id)
    await group.end()  # nobody else need lift the receiver
    await answer_caller(call)
    is_first = not call.was_answered
    await room.resume_at_once()
    if not await connect(call, answered.leg):
        group.failed(answered)
        await wait_with_music(room)
        call.wait_in_queue()
        return None
    party = room.enter(desk, answered.leg)
    begin_talk(room, party, is_new=True)
    if call.around.rules.greeting and is_first:
        # SOP VI "Salam Pembuka" to the caller; the operator hears a tone, and then the caller.
        await room.confirm(party)
        await room.caller.hears(greeting(datetime.now(call.around.rules.zone)))
    return party


def begin_talk(room: Room, party: Party, *, is_new: bool) -> None:
    """The operator has the caller, which is told where it ``is_new``: the complaint is opened (SOP V.3)."""
    call = room.call
    operator = call.around.switchboard.operator_at(party.desk)
    if is_new:
        call.tell("call.answered", party.actor, desk=party.desk, operator=operator, waited_ms=call.waited_ms())
    # What a supervisor has said of a caller who was still waiting belongs to the complaint as well.
    known: dict[str, Json] = {"emergency": True} if call.is_emergency and is_new else {}
    call.around.complaints.open(call.id, call.caller, party.actor, desk=party.desk, operator=operator, **known)


async def let_go(room: Room) -> None:
    """Every leg ends, and the desks are free."""
    call = room.call
    await call.end()
    for party in room.parties.values():
        call.around.switchboard.release(party.desk, wrap_up=call.around.rules.wrap_up)
    call.around.switchboard.leave(call.id)


async def was_never_taken(call: Call) -> bool:
    """Whether a caller whose leg was over so late had been in nobody's hands but ours: the disk was slow with the note.

    It is written between the two events that ``Leaving`` goes by.
    """
    note = await call.around.noted(call.id)
    return note is not None and note.began is None and not call.is_closed


async def finish(room: Room, *, by: str, outcome: str) -> None:
    """The end of the story: everybody is let go, and the journal has the last line.

    ``by`` is who ended it: ``caller``, ``operator:NRP``, ``desk:EXT``, ``supervisor:NAME``, or ``system``.
    """
    call = room.call
    waited = call.waited_ms()
    await let_go(room)
    if call.was_taken and not await was_never_taken(call):  # the guard's doing: the end comes from the dialplan
        if not call.is_closed:
            call.tell("call.fallback", reason="taken_away")
        return
    if call.caller_left and call.leaving.is_end_unseen:
        return  # somebody else may have had the caller, or has still: the dialplan tells it, or who takes them up
    recording = await call.around.recorded(call.id)
    if recording is not None:
        call.tell("call.recorded", "asterisk", **recording)
    if outcome == "abandoned":
        call.tell("call.abandoned", "caller", waited_ms=waited)
    kind = by if by in {"caller", "system"} else "desk"
    call.tell("call.ended", by, by=kind, outcome=outcome, cause=call.legs.cause(call.id))
