"""How an operator's part in a call comes to its end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias

from ari_app.ari.errors import AriRefused
from ari_app.domain.causes import hung_up
from ari_app.flows.call import Call
from ari_app.flows.party import Party, Referred
from ari_app.flows.room import Room


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over; ``by`` is who ended it, as the journal names them."""

    by: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The caller has nobody any more: back to the head of the queue. ``reason`` is for the journal."""

    reason: str


Next: TypeAlias = Party | Ended | Lost
"""What comes after a step: who has the caller now, or that nobody has."""


async def end_stranger(call: Call, leg: str | None) -> None:
    """Hang up a channel that Asterisk made by itself in place of an operator's, if it is still there."""
    if leg is not None:
        with suppress(AriRefused):
            await call.around.asterisk.hangup(leg)


async def let_go(room: Room, referred: Referred) -> None:
    """An operator's phone has transferred, and the caller stays where they are: who was to have them is let go."""
    await end_stranger(room.call, referred.stand_in)
    await end_joined(room, referred)


async def end_joined(room: Room, referred: Referred) -> None:
    """The leg that a phone has joined with this call, if it has, is not wanted: its desk is free."""
    if referred.target is not None and has_joined(room, referred):
        room.call.around.switchboard.release(referred.desk)
        await room.call.end_leg(referred.target)


def has_joined(room: Room, referred: Referred) -> bool:
    """Whether a phone's two calls were joined by that, so that the desk of the other one has come into this call."""
    desk = room.call.around.switchboard.desks.get(referred.desk)
    return desk is not None and desk.call == room.call.id


async def end_consult(room: Room, party: Party, other: Party, reason: str) -> None:
    """The one who was consulted, or leaves the talk of three, is not in the call any more."""
    room.call.tell("call.consult_ended", party.actor, desk=party.desk, to=other.desk, reason=reason)
    await room.leave(other)


async def left_by(room: Room, party: Party, cause: int) -> Next:
    """The operator who had the caller is gone.

    Who puts the receiver down ends the call. Not so when the phone died, or with the caller on hold, or back from it
    without the operator's doing a moment ago: nobody is let down. Whoever was in the talk as well has the caller now.
    """
    await room.leave(party)
    other = room.aside
    if other is not None:
        room.call.tell("call.resumed", other.actor, desk=other.desk)
        if room.is_held or not room.is_conference:
            room.comes_back()
        room.aside, room.is_conference = None, False
        await room.bring_in(other)
        return other
    if hung_up(cause) and not room.is_held and not room.is_just_back:
        return Ended(party.actor)
    return Lost("left_on_hold" if hung_up(cause) else "phone_lost")
