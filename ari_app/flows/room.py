"""A call with the operators in it: who is there, what they ask for, and what everybody hears."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import anyio
import structlog

from ari_app.ari.errors import AriError, AriRefused
from ari_app.ari.model import (
    BridgeAttendedTransfer,
    BridgeBlindTransfer,
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelHold,
    ChannelUnhold,
    LegEvent,
    PlaybackFinished,
    endpoint_of,
    leg_of,
)
from ari_app.domain.causes import hung_up
from ari_app.domain.facts import Json
from ari_app.domain.keys import DIGIT_SECONDS, Wish
from ari_app.flows.call import Call
from ari_app.flows.hearing import LONGEST_SENTENCE, Ear
from ari_app.flows.marks import note_emergency
from ari_app.flows.messages import (
    CompanyChanged,
    DeskReady,
    DisplayChanged,
    FloorNews,
    LegAnswered,
    LegGone,
    Message,
    TimeUp,
    Unblocked,
    now,
)
from ari_app.flows.orders import IT_IS_CLOSED, NOBODY_HAS_IT, Order
from ari_app.flows.party import Asked, Gone, Heard, Party, PhoneHeld, Referred

OK, WRONG = "nada-ok", "nada-salah"
SUCCESS: Final = "Success"
"""Asterisk's word for a transfer by a phone's own key that came about."""

log = structlog.get_logger(__name__)

NEWS_SECONDS: Final = 0.1
"""How much later than the end of an operator's leg it may be told that their phone has transferred the caller."""

JUST_BACK_SECONDS: Final = 1.0
"""In which an operator who has the caller again may put the receiver down all the same, without having asked for it."""


class Room:
    """The call with the operators in it: reads the call's inbox as what they ask for.

    ``caller`` is what the caller hears; ``aside`` an operator who was consulted and is still there.
    """

    def __init__(self, call: Call) -> None:
        """Nobody but the caller is there."""
        self.call = call
        self.caller = Ear(call.around.asterisk, call.id, call.around.rules.sounds, call.remind)
        self.parties: dict[str, Party] = {}
        self.aside: Party | None = None
        self.is_held = False
        """Whether the caller is on hold, with music."""
        self.is_conference = False
        """Whether the one aside is in the talk as well."""
        self.open_for: str | None = None
        """The Polres that did not take the complaint, which therefore stays open for it (SOP V.10)."""
        self.order: Order | None = None
        """What a supervisor wants, while it is carried out in the place of the operator who has the caller."""
        self._unheard: Order | None = None
        self._back_since = -math.inf
        self.stage = ""
        """What the call is in the middle of, for whoever is refused an order because of it."""

    @property
    def holder(self) -> Party | None:
        """The operator who has the caller; None: nobody has."""
        return next((each for each in self.parties.values() if each is not self.aside), None)

    def comes_back(self) -> None:
        """An operator has the caller again without having asked for it."""
        self._back_since = now()

    @property
    def is_just_back(self) -> bool:
        """Whether that operator may not know it yet: the caller hears "Selesai Menunggu", or it is but a moment ago."""
        since = now() - self._back_since
        return since < JUST_BACK_SECONDS or (since < math.inf and self.caller.is_playing)

    @contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """The call is in the middle of something: ``a Polres is being rung``."""
        before, self.stage = self.stage, stage
        try:
            yield
        finally:
            self.stage = before

    def enter(self, desk: str, leg: str) -> Party:
        """An operator has come into the call."""
        board = self.call.around.switchboard
        ear = Ear(self.call.around.asterisk, leg, self.call.around.rules.sounds, self.call.remind)
        party = Party(desk, leg, board.desks[desk].unit, board.actor(desk), ear)
        self.parties[leg] = party
        self._back_since = -math.inf
        self.call.operators.add(leg)
        self._changed()
        return party

    async def leave(self, party: Party, *, wrap_up: bool = True) -> None:
        """An operator has left the call, or leaves it now: the leg ends, the desk is free again."""
        if self.parties.pop(party.leg, None) is None:
            return
        self.call.operators.discard(party.leg)
        if party is self.aside:
            self.aside, self.is_conference = None, False
        if party.timer is not None:
            party.timer.cancel()
        self._changed()
        around = self.call.around
        around.switchboard.release(party.desk, wrap_up=around.rules.wrap_up if wrap_up else 0.0)
        await self.call.end_leg(party.leg)

    def _changed(self) -> None:
        holder = self.holder
        self.call.company.changed(*((None, None) if holder is None else (holder.leg, holder.desk)))

    async def next(self) -> Heard:
        """The next thing that happens, or that an operator asks for; a supervisor's last order is done by then.

        Raises:
            CallerLeft, CallClosed, InboxFull: as ``Call.next``.
        """
        self._settle()
        while True:
            gone = next((party for party in self.parties.values() if self.call.legs.has_ended(party.leg)), None)
            if gone is not None:
                return await self._gone(gone)
            heard = await self._read(await self.call.next())
            if heard is not None:
                return heard

    def _settle(self) -> None:
        if self.order is not None:
            self.order.done()
        if self._unheard is not None:
            self._unheard.refuse(NOBODY_HAS_IT)
        self.order = self._unheard = None

    async def _gone(self, party: Party) -> Gone | Referred:
        """A party's leg has ended: whoever has put the receiver down may have transferred the caller by that.

        Asterisk ends the leg before it tells of the transfer, and tells the two by different ways.
        """
        cause = self.call.legs.cause(party.leg)
        found: list[Referred] = []

        def is_transfer(message: Message | None) -> bool:
            if isinstance(message, BridgeBlindTransfer | BridgeAttendedTransfer) and leg_of(message) == party.leg:
                referred = self._referred(party, message)
                found.extend([] if referred is None else [referred])
            return bool(found)

        if hung_up(cause):
            with anyio.move_on_after(NEWS_SECONDS):
                await self.call.until(is_transfer)
        return found[0] if found else Gone(party, cause)

    async def _read(self, message: Message) -> Heard | None:
        """What a message means; None: nothing to anybody but the one who has taken note of it."""
        if isinstance(message, DeskReady | Unblocked | FloorNews | CompanyChanged):
            return message
        if isinstance(message, Order):
            return self._begin(message)
        if isinstance(message, DisplayChanged):
            for shown in [each for each in self.parties.values() if not each.ear.is_playing]:
                await self.show(shown)
            await note_emergency(self.call)
            return None
        if isinstance(message, TimeUp):
            for ear in self._ears():
                await ear.time_up(message.what)
            return self._give_up(self.parties[message.what]) if message.what in self.parties else message
        if isinstance(message, PlaybackFinished):
            for ear in self._ears():
                await ear.finished(message.playback.id)
            return message
        party = self.parties.get(message.leg if isinstance(message, LegGone | LegAnswered) else leg_of(message))
        return self._read_from(party, message) if party is not None else message

    def _ears(self) -> tuple[Ear, ...]:
        return self.caller, *(party.ear for party in self.parties.values())

    def _begin(self, order: Order) -> Heard | None:
        """A supervisor's order, as if who has the caller had pressed it; nobody has: itself, for whoever waits."""
        if order.is_answered:
            return None
        order.is_begun, holder = True, self.holder
        if self.call.is_closed:
            order.refuse(IT_IS_CLOSED)
        elif holder is not None:
            self.order = order
            return Asked(holder, order.wish)
        else:
            self._unheard = order
            return order
        return None

    def _read_from(self, party: Party, message: LegEvent | LegGone | LegAnswered) -> Heard | None:
        match message:
            case ChannelDestroyed() | LegGone():
                return None  # told as Gone
            case ChannelDtmfReceived(digit=digit):
                self._back_since = -math.inf  # whoever presses something is there
                return self._press(party, digit)
            case ChannelHold() | ChannelUnhold():
                is_on = isinstance(message, ChannelHold)
                self._back_since = -math.inf
                # A phone that is on hold may send nothing, and is no dead one for that.
                (self.call.operators.discard if is_on else self.call.operators.add)(party.leg)
                return PhoneHeld(party, is_on)
            case BridgeBlindTransfer() | BridgeAttendedTransfer():
                return self._referred(party, message)
        return message

    def _press(self, party: Party, digit: str) -> Asked | None:
        if party.timer is not None:
            party.timer.cancel()
        wish = party.pad.press(digit)
        # The limit counts from each digit on (CONTRACT.md): what is pressed later is a new code.
        party.timer = self.call.remind(DIGIT_SECONDS, party.leg) if party.pad.pressed else None
        return None if wish is None else Asked(party, wish)

    def _give_up(self, party: Party) -> Asked | None:
        party.timer = None
        wish = party.pad.give_up()
        return None if wish is None else Asked(party, wish)

    def _referred(self, party: Party, message: BridgeBlindTransfer | BridgeAttendedTransfer) -> Referred | None:
        if message.result != SUCCESS:
            return None
        if isinstance(message, BridgeBlindTransfer):
            stand_in = message.replace_channel
            return Referred(party, message.exten, stand_in.id if stand_in else None)
        stand_in, target = message.destination_link_first_leg or message.replace_channel, message.transfer_target
        joined = (target.id, endpoint_of(target)) if target else ()
        return Referred(party, "", stand_in.id if stand_in else None, *joined)

    async def join(self, other: Party) -> None:
        """The one aside comes into the talk."""
        self.is_conference = True
        await other.ear.stop()
        await self._connect(other, beside=True)

    async def bring_in(self, party: Party) -> None:
        """An operator who was elsewhere is with the caller again, who hears SOP VI "Selesai Menunggu" if on hold."""
        await party.ear.stop()
        if self.call.bridges.moves_for(party.leg):
            await self.caller.stop()
        await self._connect(party)
        self._changed()
        if self.is_held:
            await self.resume()

    async def _connect(self, party: Party, *, beside: bool = False) -> None:
        try:
            await self.call.connect(party.leg, beside=beside)
        except AriRefused:
            await self.call.look()  # one of the two is gone: their end is in the inbox

    # ---- what the caller hears -----------------------------------------------------------------------

    async def hold(self) -> None:
        """The caller is on hold: SOP VI "Izin Menunggu", then music."""
        self.is_held = True
        await self.caller.waits_on_hold()

    async def resume(self) -> None:
        """The caller hears SOP VI "Selesai Menunggu", and then those in the room."""
        self._is_not_held()
        await self.caller.hears("selesai-menunggu")

    async def resume_at_once(self) -> None:
        """The caller hears those in the room, without another word."""
        self._is_not_held()
        await self.caller.stop()

    def _is_not_held(self) -> None:
        self.is_held = False
        if self.order is not None:  # it was not the operator who asked for it
            self.comes_back()

    async def say(self, *keys: str) -> None:
        """Say something to the caller, to its end.

        Raises:
            CallerLeft, InboxFull: as ``next``.
        """
        playback = await self.caller.hears(*keys)
        if not self.caller.is_playing:
            return
        with anyio.move_on_after(LONGEST_SENTENCE):
            await self.call.until(
                lambda message: isinstance(message, PlaybackFinished) and message.playback.id == playback
            )
        await self.caller.finished(playback)

    # ---- what an operator hears --------------------------------------------------------------------

    async def confirm(self, party: Party) -> None:
        """The code was taken."""
        await party.ear.confirms(OK)

    def tell(self, action: str, party: Party | None, /, **data: Json) -> None:
        """A fact of what an operator does, or a supervisor in their place."""
        if self.order is not None and party is not None:
            data["operator"] = self.call.around.switchboard.operator_at(party.desk)
        self.call.tell(action, self.actor(party), desk=None if party is None else party.desk, **data)

    def actor(self, party: Party | None) -> str:
        """Who acts at an operator's place, as the journal names them: the operator, or a supervisor."""
        if self.order is not None:
            return self.order.actor
        return "system" if party is None else party.actor

    async def refuse(self, party: Party, wish: Wish, why: str = "") -> None:
        """The code is unknown, or not possible now; ``why`` is for a supervisor, and then the desk hears nothing."""
        if self.order is not None:
            self.order.refuse(why or f"not while {self.stage or 'the call is as it is'}")
            return
        self.call.tell("operator.key_refused", party.actor, desk=party.desk, key=wish.key.value)
        await self.warn(party)

    async def warn(self, party: Party, why: str = "") -> None:
        """What was asked for did not come about; ``why`` is for a supervisor."""
        if self.order is not None:
            self.order.refuse(why or "it did not come about")
            return
        await party.ear.confirms(WRONG)

    async def show(self, party: Party) -> None:
        """Bring the phone's display up to date. What is played there pauses, until the next ``confirm``.

        Never raises: a caller is not let down for the sake of a display.
        """
        await party.ear.pause()  # Asterisk takes the order behind it only: never, when it is without end
        try:
            await self.call.around.asterisk.show(party.leg, self.call.shown)
        except AriError as error:
            log.info("room.not_shown", error=repr(error))
