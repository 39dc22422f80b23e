"""The two of an adopted talk hear each other again, whatever had been played to either, and whoever was muted."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ari_app.ari.errors import AriRefused
from ari_app.flows.hearing import ENDLESS, let_be_heard
from ari_app.flows.ringing import answer_caller

if TYPE_CHECKING:
    from ari_app.flows.party import Party
    from ari_app.flows.room import Room


async def bring_together(room: Room, party: Party, *, were_apart: bool) -> None:
    """Whoever was on hold is not any more: nobody knows what was meant to come next, but of a phone that holds.

    ``were_apart``: they have talked before, and the operator may not know that they do again.

    Raises:
        CallerLeft: the caller is gone by now.
    """
    if room.call.is_up:
        await room.caller.take_over()
    else:
        await answer_caller(room.call)
    await party.ear.take_over()
    if room.call.around.nets.have_voices_that_key():
        room.call.bridges.mix_from_now_on()
    if were_apart:
        room.comes_back()
    await room.bring_in(party)
    # Who was on a radio net is muted, and must not be heard on one that goes on: so this comes afterwards.
    await let_speak(room, party)


async def were_kept_apart(room: Room, party: Party) -> bool:
    """Whether music, or a ringing tone, was played to one of the two: nobody would ever have ended it. It is ended."""
    return any([await ear.take_over(ENDLESS) for ear in (room.caller, party.ear)])


async def let_speak(room: Room, party: Party) -> None:
    """Neither is muted any more, whoever was to see to that before us."""
    await let_be_heard(room.call.around.asterisk, room.call.id)
    with suppress(AriRefused):  # gone by now: its end is in the inbox
        await room.call.around.nets.free(party.leg)


async def holds_itself(room: Room, party: Party) -> bool:
    """Whether the operator's phone holds by its own key: it goes on so until that is pressed again."""
    try:
        return await room.call.around.asterisk.is_holding(party.leg)
    except AriRefused:
        return False  # gone by now: its end is in the inbox
