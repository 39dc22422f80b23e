"""What an operator dials at a desk about themselves: CONTRACT.md, "dialled at a desk" (``*10`` to ``*14``)."""

from __future__ import annotations

import re
from typing import Final, Protocol

import anyio

from ari_app.ari.model import Channel, ChannelDtmfReceived
from ari_app.domain.operators import BY_KEY, NotReady
from ari_app.flows.call import Call
from ari_app.flows.colleague import end
from ari_app.flows.messages import CallerLeft
from ari_app.flows.ringing import answer_caller
from ari_app.flows.room import Room
from ari_app.flows.roster import LoginResult, RosterRefused

PROMPT_SECONDS: Final = 10.0
"""How long the phone waits for each digit that it asked for."""

MOST_DIGITS: Final = 20
MOST_SPOKEN: Final = 20
"""Larger numbers are not spoken one by one."""

_LOGIN: Final = re.compile(r"\*10(?:\*([0-9]+))?(?:\*([0-9]+))?")
_NOT_READY: Final = re.compile(r"\*13([0-9])")
_SAID: Final = {
    NotReady.REST: "status-istirahat",
    NotReady.PRAYER: "status-ibadah",
    NotReady.MEAL: "status-makan",
    NotReady.BRIEFING: "status-pengarahan",
    NotReady.NO_ANSWER: "status-tidak-menjawab",
}


class Services(Protocol):
    """The roster, as far as a desk phone uses it."""

    async def login_by_phone(self, desk: str, nrp: str, pin: str) -> LoginResult:
        """Log an operator in."""

    def logout(self, desk: str, actor: str, reason: str) -> None:
        """Log out whoever is at a desk."""

    def ready(self, desk: str, actor: str) -> None:
        """Make a desk ready."""

    def not_ready(self, desk: str, reason: str, actor: str) -> None:
        """Make a desk not ready."""

    def is_staffed(self, desk: str) -> bool:
        """Whether somebody is there."""

    def reason(self, desk: str) -> str | None:
        """Why a desk is not ready."""


async def serve_desk(call: Call, desk: str, code: str, roster: Services) -> None:
    """Do what was dialled, and say so; ``code`` has digits and stars only."""
    room = Room(call)
    try:
        await call.follow_caller()
        await answer_caller(call)
        await room.say(*await _do(room, desk, code, roster))
    except CallerLeft:
        pass
    await end(call)


async def _do(room: Room, desk: str, code: str, roster: Services) -> tuple[str, ...]:
    """Do it; returns what is said."""
    found = _LOGIN.fullmatch(code)
    if found is not None:
        return await _log_in(room, desk, found[1], found[2], roster)
    if code == "*14":
        return (_state(room, desk, roster), *_queue(room), *_trouble(room))
    try:
        return _change(room, desk, code, roster)
    except RosterRefused:
        return ("nada-salah", "tidak-boleh" if roster.is_staffed(desk) else "status-belum-masuk")


def _change(room: Room, desk: str, code: str, roster: Services) -> tuple[str, ...]:
    """Logging out, ready, not ready; returns what is said.

    Raises:
        RosterRefused: it is not possible, for example because nobody is logged in.
    """
    board = room.call.around.switchboard
    actor, not_ready = board.actor(desk), _NOT_READY.fullmatch(code)
    if code == "*11":
        roster.logout(desk, actor, "own")
        return ("keluar-berhasil",)
    if code == "*12":
        roster.ready(desk, actor)
        board.end_wrap_up(desk)
        return ("nada-ok", "status-siap")
    if not_ready is not None and not_ready[1] in BY_KEY:
        reason = BY_KEY[not_ready[1]]
        roster.not_ready(desk, reason.value, actor)
        return ("nada-ok", _SAID[reason])
    return ("nada-salah", "tidak-dikenal")


async def _log_in(room: Room, desk: str, nrp: str | None, pin: str | None, roster: Services) -> tuple[str, ...]:
    """``*10*NRP*PIN``; what is missing is asked for."""
    nrp = nrp or await _ask(room, "masuk-nrp")
    pin = pin or await _ask(room, "masuk-pin")
    match await roster.login_by_phone(desk, nrp, pin):
        case LoginResult.OK:
            return ("nada-ok", "masuk-berhasil")
        case LoginResult.LOCKED:
            return ("nada-salah", "meja-terkunci")
        case LoginResult.WRONG:
            return ("nada-salah", "masuk-gagal")
        case LoginResult.UNKNOWN_STAFF:
            return ("nada-salah", "sistem-tidak-tersedia")


async def _ask(room: Room, prompt: str) -> str:
    """Ask for digits, which ``#`` ends, or a long pause. Who knows what comes need not hear the prompt out."""
    await room.caller.hears(prompt)
    digits = ""
    while len(digits) < MOST_DIGITS:
        with anyio.move_on_after(PROMPT_SECONDS) as limit:
            match await room.call.next():
                case ChannelDtmfReceived(channel=Channel(id=leg), digit=digit) if leg == room.call.id:
                    await room.caller.stop()
                    if digit == "#":
                        break
                    digits += digit
        if limit.cancelled_caught:
            break
    return digits


def _state(room: Room, desk: str, roster: Services) -> str:
    board = room.call.around.switchboard
    if not roster.is_staffed(desk):
        return "status-belum-masuk"
    reason = roster.reason(desk)
    if reason is not None:
        return next((said for why, said in _SAID.items() if why == reason), "status-tidak-siap")
    return "status-selesai-menelepon" if board.is_wrapping_up(desk) else "status-siap"


def _queue(room: Room) -> tuple[str, ...]:
    count = len(room.call.around.switchboard.waiting)
    if not count:
        return ("antrean-kosong",)
    return (f"angka-{count}" if count <= MOST_SPOKEN else "lebih-dari-dua-puluh", "panggilan-menunggu")


def _trouble(room: Room) -> tuple[str, ...]:
    return ("pencatatan-terganggu",) if room.call.around.is_journal_troubled() else ()
