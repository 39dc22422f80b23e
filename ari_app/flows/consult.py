"""Asking somebody else with the caller on hold: SOP VII.a (Padal, Perwira Piket, another desk).

``*1EXT#`` rings EXT, and when it answers the two talk; ``*1#`` goes back to the caller, with EXT still there;
``*1#`` once more brings EXT into the talk, and once more sends EXT away.
"""

from __future__ import annotations

from ari_app.ari.errors import AriRefused
from ari_app.domain.causes import hung_up
from ari_app.domain.keys import Key, Wish
from ari_app.flows.classify import classify
from ari_app.flows.endings import Next, end_consult, left_by, let_go
from ari_app.flows.party import Asked, Gone, Party, Referred
from ari_app.flows.ringing import Answered, NotTaken, RingGroup
from ari_app.flows.room import Room
from ari_app.flows.transfer import transfer_by_phone


async def consult(room: Room, party: Party, wish: Wish) -> Next:
    """``*1EXT#`` and ``*1#`` in a talk; returns who has the caller afterwards."""
    if not wish.digits:
        await join_or_dismiss(room, party, wish)
        return party
    board = room.call.around.switchboard
    is_possible = room.aside is None and wish.digits in board.desks and wish.digits != party.desk
    if not is_possible or not board.offer(wish.digits, room.call.id):
        await room.refuse(party, wish)
        return party
    room.call.tell("call.consulted", party.actor, desk=party.desk, to=wish.digits)
    await room.hold()
    await party.ear.waits_for_answer()
    with room.during("a desk is being rung to be asked"):
        other = await _ring(room, party, wish.digits)
    if not isinstance(other, Party):
        return other
    if other is party:
        return party
    with room.during("another desk is being asked"):
        return await _ask(room, party, other)


async def _ring(room: Room, party: Party, desk: str) -> Next:
    """Until the other desk answers: its party. The operator's own one: it did not, and the caller is back."""
    call = room.call
    group = RingGroup(call, call.around.rules.ring, tells=False)
    reason = "cancelled"
    try:
        refused = await group.ring(desk)
        while refused is None:
            heard = await room.next()
            match heard:
                case Asked(wish=Wish(key=Key.CONSULT, digits="")) | Asked(wish=Wish(key=Key.TAKE_BACK)):
                    break
                case Asked(party=who, wish=wish):
                    await classify(room, who, wish)
                case Gone(party=who, cause=cause):
                    call.tell("call.consult_ended", party.actor, desk=party.desk, to=desk, reason="left")
                    return await left_by(room, who, cause)
                case Referred() as referred:
                    await let_go(room, referred)
            match outcome := await group.read(heard):
                case Answered(leg=leg):
                    await party.ear.stop()
                    other = await _meet(room, party, desk, leg)
                    if other is not None:
                        return other
                    refused = group.failed(outcome)
                case NotTaken():
                    refused = outcome
        if refused is not None:
            reason = refused.reason.value
    finally:
        await group.end(reason="normal")
    call.tell("call.consult_ended", party.actor, desk=party.desk, to=desk, reason=reason)
    return await _not_asked(room, party, is_own_wish=reason == "cancelled")


async def _not_asked(room: Room, party: Party, *, is_own_wish: bool) -> Next:
    """Nobody was asked: the operator and the caller talk again."""
    if room.call.legs.has_ended(party.leg):  # while the caller was on hold
        return await left_by(room, party, room.call.legs.cause(party.leg))
    await room.resume_at_once()
    if not is_own_wish:
        room.comes_back()
    await party.ear.stop()
    await (room.confirm(party) if is_own_wish else room.warn(party))
    return party


async def _meet(room: Room, party: Party, desk: str, leg: str) -> Party | None:
    """The two hear each other, and not the caller; None when the other is gone by now."""
    call = room.call
    try:
        if not await call.entered(leg):
            return None
        await call.bridges.join_aside([party.leg, leg])
    except AriRefused:
        await call.end_leg(leg)
        await call.look()
        return None
    call.around.switchboard.answered(desk)
    call.tell("call.consult_answered", party.actor, desk=party.desk, to=desk)
    return room.enter(desk, leg)


async def _ask(room: Room, party: Party, other: Party) -> Next:
    """The two talk, with the caller on hold, until the operator goes back or one of them leaves."""
    room.aside = other
    while True:
        match await room.next():
            case Gone(party=who, cause=cause) if who is party:
                if not hung_up(cause):
                    room.aside = None
                    await room.leave(other)
                return await left_by(room, party, cause)
            case Gone(party=who):
                await room.leave(who)
                room.comes_back()
                break
            case Referred(party=who) as referred if who is party:  # by the phone's own key: the caller is meant
                return await transfer_by_phone(room, referred)
            case Referred() as referred:
                await let_go(room, referred)
            case Asked(party=who, wish=wish) if who is not party:
                await room.refuse(who, wish)
            case Asked(wish=Wish(key=Key.CONSULT, digits="")):
                await room.confirm(party)
                await other.ear.waits_on_hold()
                break
            case Asked(wish=wish):
                await classify(room, party, wish)
    await _back(room, party, other)
    return party


async def _back(room: Room, party: Party, other: Party) -> None:
    """The operator and the caller talk again."""
    call = room.call
    if room.aside is None:
        call.tell("call.consult_ended", party.actor, desk=party.desk, to=other.desk, reason="left")
    call.tell("call.resumed", party.actor, desk=party.desk)
    await room.bring_in(party)


async def join_or_dismiss(room: Room, party: Party, wish: Wish) -> None:
    """``*1#`` in a talk: the one who was consulted joins it, or leaves it again."""
    other, call = room.aside, room.call
    if other is None:
        await room.refuse(party, wish)
        return
    await room.confirm(party)
    if room.is_conference:
        await end_consult(room, party, other, "dismissed")
        return
    call.tell("call.conferenced", party.actor, desk=party.desk, to=other.desk)
    await room.join(other)
