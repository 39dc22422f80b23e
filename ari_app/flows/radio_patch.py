"""An operator passes an emergency on by radio, with the caller on hold, listening, or speaking: SOP VII.d.

``*3NNN#`` puts the operator on the net NNN. There ``5`` keys and unkeys, ``1`` lets the caller listen, ``2`` lets the
caller speak with the operator's key, each of them once more takes it back; ``#`` or ``*3#`` goes back to the caller.
"""

from __future__ import annotations

from contextlib import suppress

from ari_app.ari.errors import AriRefused
from ari_app.ari.model import ChannelTalkingFinished, ChannelTalkingStarted, leg_of
from ari_app.domain.facts import Json
from ari_app.domain.keys import Key, Wish
from ari_app.domain.radio import FloorEvent
from ari_app.flows.classify import classify
from ari_app.flows.endings import Next, left_by, let_go
from ari_app.flows.hearing import let_be_heard
from ari_app.flows.messages import CallerLeft, FloorNews
from ari_app.flows.party import Asked, Gone, Heard, Party, Referred
from ari_app.flows.radio_desk import SOUNDS, hear_voice
from ari_app.flows.radio_net import Net
from ari_app.flows.radio_story import Member
from ari_app.flows.room import Room
from ari_app.flows.transfer import transfer_by_phone

ATTENTION = "perhatian"


async def patch(room: Room, party: Party, wish: Wish) -> Next:
    """``*3NNN#`` in a talk; returns who has the caller afterwards."""
    net = room.call.around.nets.get(wish.digits)
    if net is None or room.aside is not None:
        why = "the operator is on no radio net" if not wish.digits else "somebody else is in the call"
        await room.refuse(party, wish, why)
        return party
    return await Patch(room, party, net).carry_out()


class Patch:
    """One operator on one net for the sake of a call."""

    def __init__(self, room: Room, party: Party, net: Net) -> None:
        """Nothing happens yet."""
        self._room, self._party, self._net, self._call = room, party, net, room.call
        self._member = Member(party.leg, party.desk, party.actor, room.call.deliver, room.call.id)
        self._was_held = room.is_held
        self._caller_listens = False
        self._caller_is_away = False
        """Whether the caller may be on the net, and muted."""
        self._last: Heard | None = None

    async def carry_out(self) -> Next:
        """Be on the net until the operator goes back, or one of them leaves.

        Raises:
            CallerLeft: the caller is gone; the operator is not on the net any more.
        """
        self._tell("radio.patched")
        reason = "left"
        try:
            if not await self._begin():
                reason = "failed"
            else:
                with self._room.during("the operator is on a radio net"):
                    self._last = await self._be_on_net()
        except CallerLeft:
            reason = "caller_left"
            raise
        finally:
            self._party.pad.on_net = False
            await self._net.leave(self._party.leg)
            self._tell("radio.unpatched", reason=reason)
        return await self._go_back()

    async def _begin(self) -> bool:
        """The caller is on hold (SOP VI "Izin Menunggu"), and the operator on the net. False: that one is gone."""
        if not self._room.is_held:
            await self._room.hold()
        await self._party.ear.stop()
        try:
            await self._net.join(self._member)
        except AriRefused:
            await self._call.look()
            return False
        self._party.pad.on_net = True
        if self._call.is_emergency:  # everybody listens, before the operator speaks
            self._net.say([f"sound:{self._call.around.rules.sounds}/{ATTENTION}"], urgent=True)
        await self._room.confirm(self._party)
        return True

    async def _be_on_net(self) -> Heard:
        """Until something ends it, which is returned."""
        while True:
            heard = await self._room.next()
            match heard:
                case Gone() | Referred(party=self._party):
                    return heard
                case Referred() as referred:
                    await let_go(self._room, referred)
                case ChannelTalkingStarted() | ChannelTalkingFinished() if leg_of(heard) == self._party.leg:
                    await hear_voice(self._net, self._party.leg, self._party.ear, heard)
                case FloorNews(news=news) if news in SOUNDS:
                    await self._party.ear.hears(SOUNDS[news])
                case Asked(wish=Wish(key=Key.NET_LEAVE) | Wish(key=Key.RADIO, digits="")):
                    return heard
                case Asked(wish=wish):
                    await self._do(wish)

    async def _do(self, wish: Wish) -> None:
        match wish.key:
            case Key.NET_KEY:
                await self._party.ear.stop()  # what is played to a leg keeps it from being heard
                # In an emergency it takes the floor from whoever has it.
                self._net.ask(FloorEvent.TAKE_OVER if self._call.is_emergency else FloorEvent.KEY, self._party.leg)
            case Key.NET_LISTEN:
                listens = not self._caller_listens
                await (self._let_caller_listen() if listens else self._hold_caller())
                await self._answer(self._caller_listens == listens)
            case Key.NET_TALK:
                await self._answer(await self._let_caller_talk(not self._member.also))
            case _:
                await classify(self._room, self._party, wish)

    async def _answer(self, came_about: bool) -> None:  # noqa: FBT001 - as it came about
        await (self._room.confirm(self._party) if came_about else self._room.warn(self._party))

    # ---- the caller ----------------------------------------------------------------------------------

    async def _let_caller_listen(self) -> None:
        if self._caller_listens:
            return
        await self._room.resume_at_once()
        self._caller_is_away = True
        try:
            await self._net.listen(self._call.id)
        except AriRefused:
            await self._call.look()
            await self._take_caller_home()
            await self._room.hold()
            return
        self._call.bridges.has_caller = False
        self._caller_listens = True
        self._tell("radio.caller_listens", on=True)

    async def _let_caller_talk(self, on: bool) -> bool:  # noqa: FBT001 - as it is asked for
        if on:
            await self._let_caller_listen()
            if not self._caller_listens:
                return False
        await self._net.let_talk(self._party.leg, self._call.id, on=on)
        self._tell("radio.caller_talks", on=on)
        return True

    async def _hold_caller(self) -> None:
        """The caller is on hold again, and not on the net."""
        await self._take_caller_home()
        await self._room.hold()
        self._tell("radio.caller_listens", on=False)

    async def _take_caller_home(self) -> None:
        """There they are heard again, and nowhere else. What Asterisk refuses for a reason of its own is tried anew."""
        self._caller_listens = False
        self._net.forget(self._call.id)
        await self._net.let_talk(self._party.leg, self._call.id, on=False)
        await self._room.resume_at_once()  # an order waits behind what is played
        for _ in range(2):
            try:
                await self._call.bridges.take_caller_home()
            except AriRefused:
                await self._call.look()
            else:
                self._caller_is_away = not await let_be_heard(self._call.around.asterisk, self._call.id)
                return

    # ---- afterwards ----------------------------------------------------------------------------------

    async def _go_back(self) -> Next:
        """The operator and the caller talk again; or whatever else was asked for happens now."""
        if self._caller_is_away:
            await self._take_caller_home()
        if self._caller_is_away:  # still: they are joined with an operator in the next moment, and heard by then
            await let_be_heard(self._call.around.asterisk, self._call.id)
        match self._last:
            case Gone(cause=cause):
                self._room.is_held = True  # nobody is let down because of a radio
                await self._call.around.nets.end_strangers()
                return await left_by(self._room, self._party, cause)
            case Referred() as referred:
                return await transfer_by_phone(self._room, referred)
        if self._net.rules.by_voice:
            self._call.bridges.mix_from_now_on()
        if self._last is None:
            self._room.comes_back()
        await self._room.bring_in(self._party)
        if self._was_held:  # by key, which was told
            self._call.tell("call.resumed", self._party.actor, desk=self._party.desk)
        with suppress(AriRefused):  # gone by now: its end is in the inbox
            await self._call.around.nets.free(self._party.leg, self._net.rules.net)
        await self._answer(self._last is not None)
        return self._party

    def _tell(self, action: str, **data: Json) -> None:
        self._room.tell(action, self._party, net=self._net.rules.net, **data)
