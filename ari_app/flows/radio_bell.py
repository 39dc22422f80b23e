"""An officer has an operator rung, by a code on the radio's keys (SOP VII.d, the other way round).

The call waits for a ready desk behind every citizen's, one desk rings at a time, and who answers is on the net, as if
they had dialled it: the dialplan takes the leg there, with or without us (``dialplan/radio.conf``).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import anyio
import structlog

from ari_app.ari.errors import AriError, InboxFull
from ari_app.ari.inbox import Inbox
from ari_app.ari.model import ChannelDestroyed, LegEvent, leg_of
from ari_app.domain.call_code import CallCode
from ari_app.domain.causes import NotAnswered, why_not_answered
from ari_app.domain.display import Shown
from ari_app.domain.facts import Fact, Json
from ari_app.domain.queue import Priority
from ari_app.domain.radio import RUNG_PREFIX, NetRules
from ari_app.domain.transmissions import ANSWERED, CALLED, GIVEN_UP
from ari_app.flows.messages import DeskReady, now
from ari_app.flows.switchboard import OWN_TIMER_SECONDS, Switchboard

if TYPE_CHECKING:
    from ari_app.ari.commands import Commands
    from ari_app.ari.inbox import Switch

WAIT_SECONDS: Final = 30.0
"""An officer is told after so long that nobody answers; they can call again."""

HANGUP_SECONDS: Final = 0.5
"""How long a desk is kept from a citizen until Asterisk has ended the ringing; it is theirs then all the same."""

CALLING, UNANSWERED = "nada-panggil", "nada-tidak-dijawab"
"""What the net hears: an operator is being rung; nobody has answered."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Desks:
    """Where officers' calls ring: each desk for ``ring`` seconds. ``sounds`` is the folder of our sounds."""

    board: Switchboard
    ring: int
    sounds: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The desk must go to a citizen."""


@dataclass(frozen=True, slots=True)
class _Answered:
    """The desk that rings has answered."""


_Message: TypeAlias = DeskReady | _Wanted | _Answered | LegEvent


class Bell:
    """One net's: at most one officer's call at a time."""

    def __init__(  # noqa: PLR0913, PLR0917 - named at its only call
        self,
        rules: NetRules,
        asterisk: Commands,
        switch: Switch,
        desks: Desks,
        tell: Callable[[Fact], None],
        say: Callable[[list[str]], object],
    ) -> None:
        """Nobody is rung. ``say`` plays to the whole net."""
        self._rules, self._asterisk, self._switch, self._desks = rules, asterisk, switch, desks
        self._tell, self._say = tell, say
        self._code = CallCode(rules.call_code)
        self._called = anyio.Event()
        self._inbox: Inbox[_Message] = Inbox()
        self._call = ""
        """The officer's call in the queue; empty: there is none."""
        self._leg, self._desk = "", ""
        """What rings; empty: nothing does."""
        self._is_answered = False

    def press(self, digit: str) -> None:
        """An officer has pressed a key. The code does nothing new while an operator is being rung."""
        if self._code.press(digit, now()) and not self._call:
            self._call = self._new_id()
            self._called.set()

    def _new_id(self) -> str:
        return f"{RUNG_PREFIX}{self._rules.net}-{secrets.token_hex(4)}"

    @property
    def is_calling(self) -> bool:
        """Whether an officer waits for an operator."""
        return bool(self._call)

    def entered(self, leg: str) -> bool:
        """Whether a leg that comes to the net is the desk that rings: it is no business of ours any more then."""
        if leg != self._leg:
            return False
        board, desk = self._desks.board, self._desk
        self._forget_leg()
        self._is_answered = True
        board.answered(desk)
        board.hand_on(desk, leg)
        self._tell(Fact(board.actor(desk), ANSWERED, data=self._about(desk=desk)))
        self._put(_Answered())
        return True

    async def run(self) -> None:
        """Serve one call after the other; a failure of one is not the next one's. The officer hears how each ends."""
        while True:
            await self._called.wait()
            self._is_answered = False
            try:
                await self._serve()
            except Exception:
                log.exception("radio.bell_failed")
            finally:
                self._desks.board.leave(self._call)
                self._call, self._called, self._inbox = "", anyio.Event(), Inbox()
            if not self._is_answered:
                self._tell(Fact("system", GIVEN_UP, data=self._about(reason="no_answer")))
                self._play(UNANSWERED)

    async def _serve(self) -> None:
        self._tell(Fact(f"radio:{self._rules.net}", CALLED, data=self._about()))
        self._play(CALLING)
        self._desks.board.wait(
            self._call, self._put, Priority.RADIO, give_up=lambda: self._put(_Wanted()),
        )  # fmt: skip
        with anyio.move_on_after(WAIT_SECONDS):
            while not self._is_answered:
                match await self._inbox.get():
                    case DeskReady(extension=desk):
                        await self._ring(desk)

    async def _ring(self, desk: str) -> None:
        """One desk rings until it answers, refuses, has rung for long enough, or is wanted by a citizen."""
        self._leg, self._desk = self._new_id(), desk
        leg = self._leg
        self._switch.register(leg, self._put)
        self._tell(Fact("system", "radio.call_offered", data=self._about(desk=desk)))
        reason: str | None = None
        try:
            shown = Shown(f"HT {self._rules.net} {self._rules.name}", self._rules.net)
            await self._asterisk.ring_for_net(
                leg, f"PJSIP/{desk}", self._rules.net, shown=shown, seconds=self._desks.ring
            )
            is_gone = await self._asterisk.subscribe([f"channel:{leg}"])
            reason = NotAnswered.UNREACHABLE if is_gone else await self._until_it_ends(leg)
        except AriError as error:  # another desk may be rung, or this one again
            reason = NotAnswered.UNREACHABLE
            log.info("radio.desk_not_rung", error=repr(error))
        finally:
            if self._leg == leg:  # nobody has answered
                self._forget_leg()
                # First: a phone of one line refuses the next call for as long as this one rings.
                with anyio.move_on_after(HANGUP_SECONDS, shield=True), suppress(AriError):
                    await self._asterisk.hangup(leg)
                self._give_back(desk, reason)

    async def _until_it_ends(self, leg: str) -> str | None:
        """Why the desk did not take it; None: it has, or a citizen needs it."""
        until = now() + self._desks.ring
        with anyio.move_on_after(self._desks.ring + OWN_TIMER_SECONDS):
            while True:
                match await self._inbox.get():
                    case _Answered():
                        return None
                    case _Wanted():
                        return None
                    case ChannelDestroyed(cause=cause) as event if leg_of(event) == leg:
                        return why_not_answered(cause, rang_out=now() >= until - OWN_TIMER_SECONDS)
        return NotAnswered.NO_ANSWER

    def _give_back(self, desk: str, reason: str | None) -> None:
        """The desk is free again; one that let it ring is not ready, as for a citizen's call (SOP V.2)."""
        board = self._desks.board
        if reason is not None:
            self._tell(Fact(f"desk:{desk}", "radio.call_not_answered", data=self._about(desk=desk, reason=reason)))
        if reason == NotAnswered.NO_ANSWER:
            board.let_it_ring(desk)
        board.release(desk, refused=reason in {NotAnswered.BUSY, NotAnswered.UNREACHABLE})

    def _forget_leg(self) -> None:
        self._switch.forget([self._leg])
        self._leg, self._desk = "", ""

    def _put(self, message: _Message) -> None:
        with suppress(InboxFull):  # its reader gets the same
            self._inbox.put(message)

    def _play(self, sound: str) -> None:
        self._say([f"sound:{self._desks.sounds}/{sound}"])

    def _about(self, **data: Json) -> dict[str, Json]:
        return {"net": self._rules.net, **data}
