"""What an adopted call was before: nothing of that is lost with whoever had it (DESIGN.md, principle 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ari_app.domain.causes import NotAnswered
from ari_app.domain.queue import Priority
from ari_app.flows.emergency import find_operator, find_verifier_again, finder
from ari_app.flows.marks import note_closed, note_emergency

if TYPE_CHECKING:
    from ari_app.domain.recovery import Story
    from ari_app.flows.call import Call
    from ari_app.flows.emergency import Finder
    from ari_app.flows.room import Room


def is_closed(story: Story | None) -> bool:
    """Whether nothing is left of an adopted call but the salutation (SOP VI)."""
    return story is not None and story.is_closed


async def note_on_line(call: Call, story: Story | None) -> None:
    """The dialplan is to know of an adopted caller what we know: who was before us may have been lost over it.

    Of a call whose closing reached no disk nothing is left of that: it goes on, and must not be ended by the fallback.
    """
    if call.is_emergency or call.claims_emergency:
        await note_emergency(call)
    if call.is_up and not is_closed(story):
        await note_closed(call)


def is_to_be_verified(call: Call, story: Story | None) -> bool:
    """Whether an adopted caller is one whose number is to be verified (SOP VIII): not if it was unblocked since."""
    return story is not None and story.is_to_be_verified and not call.around.blocking.is_free(call.caller)


def place_of(call: Call, story: Story | None) -> Finder:
    """Where an adopted caller waits: where they did before, even while the block list is still being read (SOP VIII).

    Only of a call of which nothing was told is it not known, and it is as a new one.
    """
    if story is None:
        return finder(call)
    return find_verifier_again if is_to_be_verified(call, story) and not call.is_emergency else find_operator


def restore(room: Room, story: Story | None, actor: str, desk: str | None) -> None:
    """What was told of an adopted call: an emergency is still one, and a transfer was not taken.

    ``desk`` has the caller; None: nobody does.
    """
    call = room.call
    if story is not None:
        call.claims_emergency = story.claims_emergency
        call.was_answered |= story.was_answered  # who is found in a talk has been, whatever had reached the disk
        if story.is_emergency:  # of one without a complaint only this tells
            call.is_emergency, call.priority = True, Priority.EMERGENCY
    row = call.around.complaints.row_of(call.id)
    if row is None:
        return
    call.is_emergency = row.emergency
    call.priority = Priority.EMERGENCY if row.emergency else Priority.TAKE_BACK
    board = call.around.switchboard
    # A Polres and a status may have been entered, as for what was passed on by telephone: nobody rang then.
    is_ringing = row.status == "forwarded" and (story is None or story.last == "call.transfer_started")
    if is_ringing and desk is not None and board.desks[desk].unit == row.polres:
        # SOP V.7: the Polres had just answered, and that had not reached the disk.
        operator = board.operator_at(desk)
        call.tell("call.transfer_answered", actor, polres=row.polres, desk=desk, operator=operator)
        return
    if is_ringing:  # SOP V.10: nobody hears the Polres's desks ring any more
        call.tell("call.taken_back", actor, polres=row.polres, desk=desk, reason=NotAnswered.NO_ANSWER.value)
    if is_ringing or (story is not None and story.is_not_taken):
        room.open_for = row.polres
