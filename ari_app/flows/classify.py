"""What an operator says of a complaint or a caller by key, in whatever state the call is: SOP V.4, VIII."""

from __future__ import annotations

from ari_app.domain.keys import Key, Wish
from ari_app.domain.queue import Priority
from ari_app.flows.marks import note_emergency
from ari_app.flows.party import Party
from ari_app.flows.room import Room


async def classify(room: Room, party: Party, wish: Wish, why_not: str = "") -> None:
    """SOP V.4: valid, not valid, or an emergency (SOP VII.d); anything else is not possible now, and ``why_not``."""
    call = room.call
    match wish.key:
        case Key.VALID | Key.NOT_VALID:
            call.tell("call.classified", room.actor(party), kind=wish.key.value)
        case Key.EMERGENCY:
            call.is_emergency, call.priority = True, Priority.EMERGENCY
            call.tell("call.classified", room.actor(party), emergency=True)
            await room.show(party)
            await note_emergency(call)
        case Key.UNBLOCK if call.caller and call.around.blocking.unblock(call.caller, party.actor, call=call.id):
            await room.show(party)  # SOP VIII: unblocked "setelah melalui proses verifikasi"
        case _:
            await room.refuse(party, wish, why_not)
            return
    await room.confirm(party)
