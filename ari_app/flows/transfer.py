"""The transfer to a Polres, and the take-back when the Polres does not answer: SOP V.6, V.7, V.10 and V.11."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ari_app.domain.causes import NotAnswered
from ari_app.domain.desks import POLDA, DeskState
from ari_app.domain.facts import Json
from ari_app.domain.keys import Key, Wish
from ari_app.flows.classify import classify
from ari_app.flows.endings import Lost, Next, end_consult, end_joined, end_stranger, has_joined, left_by, let_go
from ari_app.flows.messages import CallClosed, CallerLeft, DeskReady, TimeUp, now
from ari_app.flows.party import Asked, Gone, Heard, Party, Referred
from ari_app.flows.ringing import Answered, NotTaken, RingGroup, connect
from ari_app.flows.room import Room

ANSWER_TIME: Final = "answer_seconds"
MARGIN_SECONDS: Final = 1
"""Asterisk gives up so much later than we do: only should we be dead."""

OPERATOR: Final = "operator"
_GRAVEST: Final = (NotAnswered.NO_ANSWER, NotAnswered.BUSY, NotAnswered.UNREACHABLE)
"""Which reason is told when the desks had several."""


async def transfer(room: Room, party: Party, wish: Wish) -> Next:
    """SOP V.6: "Jika pengaduan valid, telepon akan ditransfer ke Polres", by key (``*2PP#``).

    Returns who has the caller afterwards: the Polres, or the operator who has taken the call back.
    """
    if wish.digits not in room.call.around.rules.polres or wish.digits == party.unit:
        code = wish.digits
        await room.refuse(party, wish, f"Polres {code} has it" if code == party.unit else f"there is no Polres {code}")
        return party
    if room.aside is not None:
        await end_consult(room, party, room.aside, "transfer")
    return await Transfer(room, party, wish.digits).carry_out()


async def transfer_by_phone(room: Room, referred: Referred) -> Next:
    """The same by the phone's own transfer key, with which the operator leaves the call."""
    call, party = room.call, referred.party
    call.tell("call.referred", party.actor, desk=party.desk, to=referred.to or referred.target)
    await end_stranger(call, referred.stand_in)
    if room.aside is not None:
        await end_consult(room, party, room.aside, "referred")
    await room.leave(party)
    if referred.target is not None:
        return await take_over(room, referred, referred.target)
    unit = call.around.switchboard.unit_dialled(referred.to)
    return Lost("referred") if unit is None else await Transfer(room, None, unit).carry_out()


async def take_over(room: Room, referred: Referred, leg: str) -> Next:
    """SOP V.7 by the phone's own key: the operator has spoken with the Polres, and joins it with the caller.

    So it may be with a colleague at the Polda, who then has the caller, and the complaint is for whom it was.
    """
    call, desk = room.call, referred.desk
    is_waiting = room.is_held or room.caller.is_playing
    await room.resume_at_once()
    if not has_joined(room, referred) or not await connect(call, leg):
        await end_joined(room, referred)
        return Lost("transfer_failed")
    other = room.enter(desk, leg)
    if other.unit == POLDA:
        call.tell("call.resumed", other.actor, desk=desk)
    else:
        who = {"polres": other.unit, "desk": desk, "operator": call.around.switchboard.operator_at(desk)}
        call.tell(
            "call.transfer_started", referred.party.actor,
            polres=other.unit, desk=referred.party.desk, desks=[desk],
        )  # fmt: skip
        call.tell("call.transfer_answered", other.actor, **who, waited_ms=0)
        room.open_for = None
    await room.show(other)  # the phone was rung by a colleague
    if is_waiting:
        await room.resume()
    return other


class Transfer:
    """One attempt to give a call to a Polres. ``party`` is the operator who does it, while they are there."""

    def __init__(self, room: Room, party: Party | None, polres: str) -> None:
        """Nothing happens yet."""
        self._room = room
        self._call = room.call
        self._party = party
        self._polres = polres
        self._began = now()
        self._has_begun = False
        self._reasons: list[NotAnswered] = []
        rules = self._call.around.rules
        self._group = RingGroup(self._call, rules.answer + MARGIN_SECONDS, tells=False)

    async def carry_out(self) -> Next:
        """Ring every desk of the Polres where somebody is; the first to answer has the caller (SOP V.7).

        Raises:
            CallerLeft: the caller is gone; nobody rings any more.
            CallClosed: a supervisor has closed the call; the same.
        """
        try:
            answered = await self._ask()
            if isinstance(answered, Party):
                return answered
            after = await self._take_back(answered)  # before the phones stop ringing: the caller has waited for it
        finally:
            await self._group.end(reason="normal")  # so that the phones show a missed call
        if isinstance(after, Party) and answered != OPERATOR:
            self._room.comes_back()
            if not self._has_begun:
                await self._room.warn(after)
        return after

    async def _ask(self) -> Party | str:
        """Ring, and wait for an answer; who has the caller, or why nobody of the Polres does."""
        timer = self._call.remind(self._call.around.rules.answer, ANSWER_TIME)
        board = self._call.around.switchboard
        try:
            desks = board.want(self._polres, self._call.id, self._call.deliver)
            self._has_begun = not self._is_hopeless()
            if not self._has_begun and self._party is not None and self._room.order is not None:
                why = f"no desk of Polres {self._polres} can be rung: {self._why_nobody()}"
                await self._room.warn(self._party, why)
                return self._party  # a caller on hold stays there, and nothing is told of an order that is refused
            self._tell("call.transfer_started", desks=list(desks))
            if self._has_begun:
                await self._begin(desks)
            with self._room.during("a Polres is being rung"):
                return await self._wait()
        except (CallerLeft, CallClosed) as over:  # who called back would not find their complaint forwarded to nobody
            reason = "caller_left" if isinstance(over, CallerLeft) else "dismissed"
            self._tell("call.transfer_ended", reason=reason, waited_ms=self._waited_ms())
            raise
        finally:
            timer.cancel()
            board.want_no_more(self._call.id)

    def _is_hopeless(self) -> bool:
        """No desk rings for us, and none is about to be free because it only rings for somebody else."""
        desks = self._call.around.switchboard.of_unit(self._polres)
        return not any(desk.staffed and desk.state is DeskState.RINGING for desk in desks)

    def _why_nobody(self) -> str:
        """SOP V.10: nobody could be rung."""
        if self._reasons:
            return min(self._reasons, key=_GRAVEST.index).value
        there = [d for d in self._call.around.switchboard.of_unit(self._polres) if d.staffed and d.registered]
        return NotAnswered.BUSY.value if there else NotAnswered.UNREACHABLE.value

    async def _begin(self, desks: Sequence[str]) -> None:
        """SOP VI "Izin Menunggu" to the caller, ringing tones to the operator, and every desk rings."""
        await self._room.hold()
        if self._party is not None:
            await self._party.ear.waits_for_answer()
        for desk in desks:
            await self._ring(desk)

    async def _ring(self, desk: str) -> None:
        refused = await self._group.ring(desk)
        if refused is not None:
            self._reasons.append(refused.reason)

    async def _wait(self) -> Party | str:
        """Until a desk answers, or until it is clear that none will: then why."""
        while not self._is_hopeless():
            heard = await self._room.next()
            if heard == TimeUp(ANSWER_TIME):
                return NotAnswered.NO_ANSWER.value  # SOP V.10
            if isinstance(heard, Asked) and heard.wish.key is Key.TAKE_BACK:
                return OPERATOR
            await self._heed(heard)
            match outcome := await self._group.read(heard):
                case Answered():
                    party = await self._hand_over(outcome)
                    if party is not None:
                        return party
                case NotTaken(reason=reason):
                    self._reasons.append(reason)
        return self._why_nobody()

    async def _heed(self, heard: Heard) -> None:
        """What else the operator does meanwhile; one who hangs up does not end the transfer."""
        match heard:
            case Asked(party=who, wish=wish):
                await classify(self._room, who, wish)
            case Gone(party=who):
                await self._room.leave(who)
                self._party = None if who is self._party else self._party
            case Referred() as referred:
                await let_go(self._room, referred)
            case DeskReady(extension=desk):
                await self._ring(desk)

    async def _hand_over(self, answered: Answered) -> Party | None:
        """SOP V.7: "Operator Polres akan menerima telepon", after "Terima kasih telah menunggu"."""
        room, call = self._room, self._call
        call.around.switchboard.answered(answered.desk)
        await self._group.end()
        await room.caller.stop()
        if not await connect(call, answered.leg):
            self._reasons.append(self._group.failed(answered).reason)
            await room.hold()  # the operator is still there, and perhaps another desk rings
            return None
        polres = room.enter(answered.desk, answered.leg)
        operator = call.around.switchboard.operator_at(answered.desk)
        waited = self._waited_ms()
        call.tell(
            "call.transfer_answered", polres.actor,
            polres=self._polres, desk=polres.desk, operator=operator, waited_ms=waited,
        )  # fmt: skip
        room.open_for = None
        if call.is_emergency:  # it may have become one since the phone rang
            await room.show(polres)
        await room.resume()
        for other in [each for each in room.parties.values() if each is not polres]:
            await room.leave(other)  # the Polda operator is free again
        return polres

    async def _take_back(self, reason: str) -> Next:
        """SOP V.10, V.11: the same operator has the caller again at once; the complaint stays open for the Polres."""
        room, party = self._room, self._party
        room.open_for = self._polres
        self._tell("call.taken_back", reason=reason, waited_ms=self._waited_ms())
        if party is None:
            return Lost("transfer_failed")
        if self._call.legs.has_ended(party.leg):  # while the caller was on hold
            return await left_by(room, party, self._call.legs.cause(party.leg))
        await room.resume_at_once()
        await party.ear.stop()
        if reason == OPERATOR:
            await room.confirm(party)
        return party

    def _tell(self, action: str, **data: Json) -> None:
        self._room.tell(action, self._party, polres=self._polres, **data)

    def _waited_ms(self) -> int:
        return round((now() - self._began) * 1000)
