"""What supervisors can have done with a living call, in the place of its operator or beside them.

Each order goes into the call's inbox and is answered from there, so it comes in turn with keys, answers and hang-ups.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, Final, Literal

from pydantic import StringConstraints

from ari_app.domain.blocklist import note_text
from ari_app.domain.commands import CommandRefused, Handler
from ari_app.domain.desks import Desk, DeskState
from ari_app.domain.facts import Fact, Json
from ari_app.domain.keys import Key, Wish
from ari_app.flows.blocking import CallId
from ari_app.flows.call import Call
from ari_app.flows.monitor import Mode, Monitor, new_id
from ari_app.flows.office import Arguments, Extension, command
from ari_app.flows.once import Once
from ari_app.flows.orders import IT_IS_CLOSED, NOBODY_HAS_IT, TRY_AGAIN, Order
from ari_app.flows.router import Router

ENDED, FALLBACK = "call.ended", "call.fallback"

PRANK: Final = "prank"


class _Call(Arguments):
    call: CallId


class _Transfer(_Call):
    polres: Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")]


class _HangUp(_Call):
    reason: str


class _Classify(_Call):
    kind: Literal["valid", "not_valid", "prank", "emergency"]


class _Note(_Call):
    text: str


class _Monitor(_Call):
    desk: Extension


class CallOffice:
    """Each answers with the call, and with what else the sentence about it needs."""

    def __init__(
        self, router: Router, once: Once, *, last_of: Callable[[str], Awaitable[str | None]], mark: Handler
    ) -> None:
        """``last_of`` is the journal's last action of a call, None: it has no such call.

        ``mark`` is ``block.mark``: what is done with a prank (SOP VII.f).
        """
        self._router, self._once = router, once
        self._last_of = last_of
        self._mark = mark

    async def give(self, call_id: str, wish: Wish, actor: str) -> None:
        """Have a call carry out what an operator would ask for by key.

        Raises:
            CommandRefused: it did not.
        """
        call, order = await self._living(call_id), Order(wish, actor)
        self._router.order(call, order)
        await order.answer()

    async def transfer(self, given: _Transfer, actor: str) -> Json:
        """As ``*2PP#``: done when a desk of that Polres is being rung (SOP V.6)."""
        await self.give(given.call, Wish(Key.TRANSFER, given.polres), actor)
        return {"call": given.call, "polres": given.polres}

    async def plainly(self, key: Key, given: _Call, actor: str) -> Json:
        """As ``##`` or ``*4``."""
        await self.give(given.call, Wish(key), actor)
        return {"call": given.call}

    async def hang_up(self, given: _HangUp, actor: str) -> Json:
        """End a call with the closing salutation. Whom nobody has spoken with yet is not hung up on."""
        reason = note_text(given.reason)
        if reason is None:
            raise CommandRefused("a reason is needed")
        call = await self._living(given.call)
        if not call.was_answered:
            raise CommandRefused("no operator has spoken with this caller yet: nobody is hung up on unheard")
        if not self._router.end_by_order(call, actor, reason):
            raise CommandRefused(TRY_AGAIN)
        return {"call": given.call}

    async def classify(self, given: _Classify, actor: str) -> Json:
        """As ``*5``, ``*6``, ``*9``; a prank as ``block.mark``, also of a call that is over (SOP V.4, VII.f)."""
        if given.kind == PRANK:
            done = await self._mark({"call": given.call}, actor)
            return {**done, "kind": given.kind} if isinstance(done, dict) else done
        await self.give(given.call, Wish(Key(given.kind)), actor)
        return {"call": given.call, "kind": given.kind}

    async def note(self, given: _Note, actor: str) -> Json:
        """Write a note into a call's story, also of one that is over (SOP VII.g)."""
        text = note_text(given.text)
        if text is None:
            raise CommandRefused("a note has at least one letter")
        if self._router.living(given.call) is None and await self._last_of(given.call) is None:
            raise CommandRefused(_unknown(given.call))
        await self._once.tell(Fact(actor, "call.noted", given.call, {"text": text}))
        return {"call": given.call}

    async def monitor(self, mode: Mode, given: _Monitor, actor: str) -> Json:
        """Ring a desk's phone for a supervisor; done when it rings."""
        call = await self._living(given.call)
        if call.company.holder is None:
            raise CommandRefused(NOBODY_HAS_IT)
        board = call.around.switchboard
        if given.desk not in board.desks:
            raise CommandRefused(f"there is no desk {given.desk}: see `siaga desks list`")
        watch = Call(new_id(), "", "", call.around)
        if not board.offer(given.desk, watch.id):
            watch.forget()
            raise CommandRefused(f"desk {given.desk} cannot be rung: {_why_not(board.desks[given.desk])}")
        monitor = Monitor(watch, call, given.desk, mode, actor)
        if not self._router.begin(watch, lambda _: monitor.carry_out()):
            watch.forget()
            raise CommandRefused(TRY_AGAIN)
        return {"call": given.call, "desk": given.desk, "mode": mode.value, "with": call.company.desk}

    async def _living(self, call_id: str) -> Call:
        """A call that can take an order.

        Raises:
            CommandRefused: there is none, and why.
        """
        call = self._router.living(call_id)
        if call is not None:
            return call
        stories = self._router.stories
        if stories.is_closing(call_id) and not stories.has_ended(call_id):
            raise CommandRefused(IT_IS_CLOSED)
        last = await self._last_of(call_id)
        if last is None:
            raise CommandRefused(_unknown(call_id))
        if last == ENDED or stories.has_ended(call_id):
            raise CommandRefused(f"call {call_id} is over")
        if last == FALLBACK or stories.is_closed(call_id):
            raise CommandRefused(f"the dialplan has call {call_id}, without the application: it takes no orders there")
        raise CommandRefused(f"call {call_id} is being taken up: try again in a moment")


def _unknown(call: str) -> str:
    return f"there is no call {call} to 110: see `siaga calls list`"


def _why_not(desk: Desk) -> str:
    if not desk.registered:
        return "its phone is not registered"
    return "it is busy" if desk.state is not DeskState.FREE or desk.elsewhere else "it has just refused a call"


def call_commands(of: CallOffice) -> dict[str, Handler]:
    """The commands ``calls.*`` and ``monitor.*`` with their handlers."""
    plain = {"calls.take_back": Key.TAKE_BACK, "calls.hold": Key.HOLD, "calls.resume": Key.RESUME}
    return {
        "calls.transfer": command(_Transfer, of.transfer),
        "calls.hangup": command(_HangUp, of.hang_up),
        "calls.classify": command(_Classify, of.classify),
        "calls.note": command(_Note, of.note),
        **{name: command(_Call, partial(of.plainly, key)) for name, key in plain.items()},
        **{f"monitor.{mode.value}": command(_Monitor, partial(of.monitor, mode)) for mode in Mode},
    }
