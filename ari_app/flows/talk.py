"""Caller and operator talk, and the operator works on the call: SOP V.3 to V.5, V.8, V.9 and VI.

What an operator can ask for by key stands in CONTRACT.md; ``domain/keys.py`` has the codes.
"""

from __future__ import annotations

from typing import Final

import anyio

from ari_app.domain.keys import Key, Wish
from ari_app.flows.classify import classify
from ari_app.flows.consult import consult
from ari_app.flows.endings import Ended, Lost, Next, end_consult, left_by, let_go
from ari_app.flows.hearing import LONGEST_SENTENCE
from ari_app.flows.marks import note_closed
from ari_app.flows.party import Asked, Gone, Party, PhoneHeld, Referred
from ari_app.flows.radio_patch import patch
from ari_app.flows.room import OK, Room
from ari_app.flows.transfer import transfer, transfer_by_phone

NOW_BLOCKED: Final = "nomor-diblokir"


async def talk(room: Room, party: Party) -> Ended | Lost:
    """SOP V.3 to V.11: whoever has the caller works on the call until it ends, or until the caller has nobody.

    ``party`` changes when a Polres takes the call over (SOP V.7).
    """
    after: Next = party
    while isinstance(after, Party):
        party = after
        match await room.next():
            case Gone(party=who, cause=cause) if who is party:
                after = await left_by(room, party, cause)
            case Gone(party=who):
                await end_consult(room, party, who, "left")
            case Asked(party=who, wish=wish) if who is party:
                after = await do(room, party, wish)
            case Asked(party=who, wish=wish):
                await room.refuse(who, wish)
            case PhoneHeld(party=who, on=on) if who is party and on != room.is_held:
                await hold_or_resume(room, party)
            case Referred(party=who) as referred if who is party:
                after = await transfer_by_phone(room, referred)
            case Referred() as referred:
                await let_go(room, referred)
    return after


async def do(room: Room, party: Party, wish: Wish) -> Next:
    """What the operator asked for by key; returns who has the caller afterwards."""
    match wish.key:
        case Key.HOLD | Key.RESUME:
            if room.order is not None and room.is_held is (wish.key is Key.HOLD):  # a supervisor says which is meant
                await room.refuse(party, wish, "the caller is on hold already" if room.is_held else "nobody is on hold")
            else:
                await room.confirm(party)
                await hold_or_resume(room, party)
        case Key.TRANSFER:  # SOP V.6
            return await transfer(room, party, wish)
        case Key.CONSULT:  # SOP VII.a
            return await consult(room, party, wish)
        case Key.RADIO:  # SOP VII.d
            return await patch(room, party, wish)
        case Key.PRANK:  # SOP VII.f
            has_blocked = mark_prank(room, party)
            return await say_goodbye(room, party.actor, party, NOW_BLOCKED if has_blocked else OK)
        case Key.CLOSE:  # SOP V.5, V.9, V.11
            close(room, party)
            return await say_goodbye(room, party.actor, party)
        case _:
            await classify(room, party, wish, "no Polres is being rung" if wish.key is Key.TAKE_BACK else "")  # SOP V.4
    return party


async def hold_or_resume(room: Room, party: Party) -> None:
    """SOP VI "Izin Menunggu": the caller hears that sentence, then music; and again: "Selesai Menunggu", and back."""
    if room.is_held:
        room.tell("call.resumed", party)
        await room.resume()
    else:
        room.tell("call.held", party)
        await room.hold()


def mark_prank(room: Room, party: Party) -> bool:
    """SOP VII.f: the call was a prank; one mark against its number. Whether the number is blocked now (SOP VIII)."""
    call = room.call
    call.tell("call.classified", party.actor, kind="prank")
    has_blocked = call.around.blocking.mark(call.id, call.caller, party.actor, desk=party.desk)
    call.tell("call.closed", party.actor, desk=party.desk)
    call.around.complaints.close(call.id, party.actor)
    return has_blocked


def close(room: Room, party: Party) -> None:
    """SOP V.5, V.9: the complaint is closed. Not one that waits for another Polres, which did not take it (V.11)."""
    call = room.call
    call.tell("call.closed", party.actor, desk=party.desk)
    if room.open_for in {None, party.unit}:
        call.around.complaints.close(call.id, party.actor)


async def say_goodbye(room: Room, actor: str, party: Party | None = None, sound: str = OK) -> Ended:
    """SOP VI "Salam Penutup" to the caller. The operators are free at once.

    ``party``, who asked for it, is so behind the confirming ``sound``. From here on nothing else comes: should we be
    lost, the dialplan says the salutation.

    Raises:
        CallerLeft: the caller did not wait for the end of it.
    """
    call = room.call
    call.is_closed = True
    await note_closed(call)
    if party is not None:
        await party.ear.hears(sound)
    room.is_held = False
    await room.caller.hears("salam-penutup")
    with anyio.move_on_after(LONGEST_SENTENCE):
        while True:
            for each in list(room.parties.values()):
                if each is not party or not each.ear.is_playing:
                    await room.leave(each)
            call.talking = bool(room.parties)
            if not room.parties and not room.caller.is_playing:
                break
            match await room.next():
                case Gone(party=who):
                    await room.leave(who)
    return Ended(actor)
