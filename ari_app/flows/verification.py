"""A blocked number calls: it is never hung up on, and an operator verifies it. SOP VIII.

"Untuk melakukan buka blokir harus menelpon kembali ke 110 setelah melalui proses verifikasi oleh Operator".
"""

from __future__ import annotations

from typing import Final

import anyio

from ari_app.ari.model import Channel, ChannelDtmfReceived
from ari_app.domain.queue import Priority
from ari_app.flows.classify import mark_emergency
from ari_app.flows.messages import TurnedAway, now
from ari_app.flows.party import Heard
from ari_app.flows.ringing import answer_caller
from ari_app.flows.room import LONGEST_SENTENCE, Room

EMERGENCY_KEY: Final = "9"
ANNOUNCEMENT, LATER = "nomor-blokir-pengumuman", "hubungi-lagi-nanti"


async def enter_lane(room: Room) -> None:
    """The caller hears that the number is blocked and why, and waits behind everybody else.

    Raises:
        CallerLeft: the caller is gone.
        TurnedAway: too many wait already. It is the only place where a caller is turned away: after the announcement,
            in which they could have said that it is an emergency, and the request to call later.
    """
    call = room.call
    lane = call.around.switchboard.count(Priority.VERIFICATION)
    call.priority = Priority.VERIFICATION
    call.tell("call.blocked", number=call.caller, waiting=lane)
    if lane < call.around.rules.verification_max:
        call.wait_in_queue()  # at once: whoever comes in the same moment counts it
        await return_to_lane(room)
        return
    await call.follow_caller()
    await answer_caller(call)
    await room.caller.hears(ANNOUNCEMENT, LATER)
    with anyio.move_on_after(2 * LONGEST_SENTENCE):
        while room.caller.is_playing:
            if says_emergency(room, await room.next()) and await heed_emergency(room):
                return
    raise TurnedAway


async def return_to_lane(room: Room) -> None:
    """The caller hears that the number is blocked and why, and music; there is a place for them.

    Raises:
        CallerLeft: the caller is gone.
    """
    room.call.priority = Priority.VERIFICATION
    await room.call.follow_caller()
    await answer_caller(room.call)
    await room.caller.waits_to_be_verified(ANNOUNCEMENT)


def says_emergency(room: Room, heard: Heard) -> bool:
    """Whether the caller of a blocked number has pressed the key for that."""
    match heard:
        case ChannelDtmfReceived(channel=Channel(id=leg), digit=digit):
            is_theirs = leg == room.call.id and digit == EMERGENCY_KEY
            return is_theirs and room.call.priority is Priority.VERIFICATION
    return False


async def heed_emergency(room: Room) -> bool:
    """The caller waits with everybody else from now on, unless it was said within the last hour; then False.

    Raises:
        CallerLeft: the caller is gone.
    """
    call = room.call
    if call.caller is None or not call.around.claims.allow(call.caller, now()):
        return False
    call.claims_emergency, call.priority = True, Priority.NORMAL
    call.tell("call.emergency_claimed", "caller", number=call.caller)
    call.around.switchboard.promote(call.id, call.priority)
    await mark_emergency(call)
    await room.caller.waits_in_queue()
    return True
