"""A blocked number calls: it is never hung up on, and an operator verifies it. SOP VIII.

"Untuk melakukan buka blokir harus menelpon kembali ke 110 setelah melalui proses verifikasi oleh Operator".
"""

from __future__ import annotations

from typing import Final

import anyio

from ari_app.ari.model import Channel, ChannelDtmfReceived
from ari_app.domain.keys import Key
from ari_app.domain.queue import Priority
from ari_app.flows.call import Call
from ari_app.flows.hearing import LONGEST_SENTENCE
from ari_app.flows.marks import note_emergency
from ari_app.flows.messages import CallerLeft, TurnedAway, Unblocked, now
from ari_app.flows.orders import Order
from ari_app.flows.party import Heard
from ari_app.flows.ringing import answer_caller
from ari_app.flows.room import Room

EMERGENCY_KEY: Final = "9"
HEARD_SECONDS: Final = 2.0
"""Announcement and request to call later last longer; what is over sooner was not heard."""

ANNOUNCEMENT, LATER = "nomor-blokir-pengumuman", "hubungi-lagi-nanti"


async def enter_lane(room: Room) -> None:
    """The caller hears that the number is blocked and why, and waits behind everybody else.

    Raises:
        CallerLeft: the caller is gone.
        TurnedAway: too many wait already. It is the only place where a caller is turned away: after the announcement,
            in which they could have said that it is an emergency, and the request to call later. Not who is unblocked
            meanwhile, or of whom a supervisor says that it is an emergency.
    """
    call = room.call
    lane = call.around.switchboard.count(Priority.VERIFICATION)
    call.priority = Priority.VERIFICATION
    call.tell("call.blocked", number=call.caller, waiting=lane)
    if lane < call.around.rules.verification_max:
        await _take_place(room)
        return
    await call.follow_caller()
    await answer_caller(call)
    began = now()
    await room.caller.hears(ANNOUNCEMENT, LATER)
    with anyio.move_on_after(2 * LONGEST_SENTENCE):
        while room.caller.is_playing and call.priority is Priority.VERIFICATION:
            await heed(room, await room.next())
    if call.around.blocking.is_free(call.caller):  # at the last moment, and the news is still to be read
        await heed_unblocking(room)
    if call.priority is not Priority.VERIFICATION:
        return  # they wait with everybody else
    if now() - began < HEARD_SECONDS:  # it was not played: nobody is turned away without a word
        await _take_place(room)
        return
    raise TurnedAway


async def _take_place(room: Room) -> None:
    """Wait in the lane, counted at once, by whoever comes in the same moment.

    Raises:
        CallerLeft: the caller is gone; no desk is kept for them.
    """
    board, call = room.call.around.switchboard, room.call.id
    room.call.wait_in_queue()
    try:
        await return_to_lane(room)
    except CallerLeft:
        board.withdraw(call)
        board.end_offers(call)
        raise


async def return_to_lane(room: Room) -> None:
    """The caller hears that the number is blocked and why, and music; there is a place for them.

    Raises:
        CallerLeft: the caller is gone.
    """
    room.call.priority = Priority.VERIFICATION
    await room.call.follow_caller()
    await answer_caller(room.call)
    await wait_with_music(room)


async def heed(room: Room, heard: Heard) -> bool:
    """What gives a waiting caller another place: their key, the unblocking, a supervisor's order; False: none of these.

    Raises:
        CallerLeft: the caller is gone.
    """
    match heard:
        case ChannelDtmfReceived() if says_emergency(room, heard):
            await heed_emergency(room)
        case Unblocked():
            await heed_unblocking(room)
        case Order():
            await heed_order(room, heard)
        case _:
            return False
    return True


def says_emergency(room: Room, heard: Heard) -> bool:
    """Whether the caller of a blocked number has pressed the key for that."""
    match heard:
        case ChannelDtmfReceived(channel=Channel(id=leg), digit=digit):
            is_theirs = leg == room.call.id and digit == EMERGENCY_KEY
            return is_theirs and room.call.priority is Priority.VERIFICATION
    return False


async def heed_emergency(room: Room) -> None:
    """The caller waits with everybody else from now on, unless it was said within the last hour.

    Raises:
        CallerLeft: the caller is gone.
    """
    call = room.call
    if call.caller is None or not call.around.claims.allow(call.caller, now()):
        return
    call.claims_emergency = True
    call.tell("call.emergency_claimed", "caller", number=call.caller)
    _leave_lane(call)
    await note_emergency(call)
    await wait_with_music(room)


async def heed_unblocking(room: Room) -> None:
    """The number was unblocked while its caller waits to be verified: they wait with everybody else from now on.

    Raises:
        CallerLeft: the caller is gone.
    """
    if room.call.priority is Priority.VERIFICATION:
        _leave_lane(room.call)
        await wait_with_music(room)


async def heed_order(room: Room, order: Order) -> None:
    """A supervisor says that a waiting caller's is an emergency: they come first from now on.

    Anything else needs an operator. Who waited to be verified waits with everybody else (SOP VIII).

    Raises:
        CallerLeft: the caller is gone.
    """
    if order.wish.key is not Key.EMERGENCY:
        return  # refused at the next step
    call = room.call
    was_in_lane = call.priority is Priority.VERIFICATION
    call.is_emergency = True
    call.tell("call.classified", order.actor, emergency=True)
    if was_in_lane:
        call.claims_emergency = True  # so that it is remembered, should we be lost meanwhile
        call.tell("call.emergency_claimed", order.actor, number=call.caller)
    _leave_lane(call, Priority.EMERGENCY)
    await note_emergency(call)
    order.done()
    if was_in_lane:
        await wait_with_music(room)


def _leave_lane(call: Call, priority: Priority | None = None) -> None:
    """Wait with everybody else: who had an operator before, at the head."""
    usual = Priority.TAKE_BACK if call.was_answered else Priority.NORMAL
    call.priority = usual if priority is None else priority
    call.around.switchboard.promote(call.id, call.priority)


async def wait_with_music(room: Room) -> None:
    """A waiting caller hears the queue's announcement, or why the number is blocked; then music, and never silence."""
    if room.call.priority is Priority.VERIFICATION:
        await room.caller.waits_to_be_verified(ANNOUNCEMENT)
    else:
        await room.caller.waits_in_queue()
