"""The desks: what each is doing, and which may be rung (SOP V.2).

What a desk does and what moves it from one state to another are the table ``MOVES``; a move that is not in it
is a bug in the caller and raises ``IllegalMove``.

::

            ┌────────────── take ──────────────┐
            │                                  ▼
           free ──offer──▶ ringing ──answer──▶ talking
            ▲                 │                   │
            └────release──────┴──────release──────┘

``take`` is for a talk that the desk did not get by ringing: it dialled itself, or was found talking after a
restart. Beside that a desk has a telephone (registered or not) and people (staffed, ready): they change on
their own, whatever the desk is doing; a talk goes on as long as its audio does.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from math import inf
from operator import attrgetter
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

POLDA: Final = "polda"
"""The unit of the desks that take every 110 call; all other units are Polres codes."""

POLRES_PREFIX: Final = "2"
"""A Polres is dialled by this and its code: 201 is Polres 01."""


class DeskState(StrEnum):
    """What a desk is doing."""

    FREE = "free"
    RINGING = "ringing"
    TALKING = "talking"


class DeskEvent(StrEnum):
    """What can happen to a desk."""

    OFFER = "offer"
    ANSWER = "answer"
    TAKE = "take"
    RELEASE = "release"


class IllegalMove(Exception):
    """An event that the desk's state does not allow."""


_S, _E = DeskState, DeskEvent
MOVES: Final[dict[tuple[DeskState, DeskEvent], DeskState]] = {
    (_S.FREE, _E.OFFER): _S.RINGING,
    (_S.RINGING, _E.ANSWER): _S.TALKING,
    (_S.FREE, _E.TAKE): _S.TALKING,
    (_S.RINGING, _E.RELEASE): _S.FREE,
    (_S.TALKING, _E.RELEASE): _S.FREE,
}


class Pause(StrEnum):
    """Why a free desk is left alone for a while."""

    NONE = ""
    REFUSED = "refused"
    """Its phone refused a call: it would do so a hundred times a second."""
    WRAP_UP = "wrap_up"
    """Its operator finishes the work on the last call."""


class Desk(Struct, frozen=True):
    """A place with a phone; ``unit`` is ``polda`` or a Polres code.

    ``idle_since`` (seconds of a clock that only goes forward) orders the desks: the longest idle is rung
    first. ``pause`` says why it is rung by nobody until ``pause_until``. ``call`` is what rings or talks there, and
    ``verifies`` that it is of a blocked number (SOP VIII). ``elsewhere``: its phone is in a call of the fallback.
    ``phone_told`` is when Asterisk told last whether its phone is registered.
    """

    extension: str
    unit: str = POLDA
    state: DeskState = DeskState.FREE
    registered: bool = False
    staffed: bool = True
    ready: bool = True
    idle_since: float = 0.0
    pause: Pause = Pause.NONE
    pause_until: float = 0.0
    call: str | None = None
    verifies: bool = False
    elsewhere: bool = False
    phone_told: float = -inf

    @property
    def is_at_work(self) -> bool:
        """Somebody is there, ready for calls, on a phone that works; perhaps in a call just now."""
        return self.registered and self.staffed and self.ready

    def is_pausing(self, now: float) -> bool:
        """Whether it is to be left alone for a while."""
        return self.pause_until > now

    def can_take(self, now: float) -> bool:
        """Whether the next call may be offered here."""
        return self.is_at_work and self.can_ring(now) and not self.is_pausing(now)

    def can_ring(self, now: float) -> bool:
        """Whether its phone can be made to ring in need: also one that is not ready, or in wrap-up."""
        is_left_alone = self.pause is Pause.REFUSED and self.is_pausing(now)
        return self.registered and self.state is DeskState.FREE and not self.elsewhere and not is_left_alone


def move(desk: Desk, event: DeskEvent, *, now: float, call: str | None = None, verifies: bool = False) -> Desk:
    """The desk after an event; ``call`` is the call that it is about, ``verifies`` that it is of a blocked number.

    Raises:
        IllegalMove: the table has no such move.
    """
    try:
        state = MOVES[desk.state, event]
    except KeyError:
        msg = f"desk {desk.extension} is {desk.state}: {event} is not possible"
        raise IllegalMove(msg) from None
    if event is DeskEvent.RELEASE:
        return replace(desk, state=state, idle_since=now, call=None, verifies=False)
    if event is DeskEvent.ANSWER:
        return replace(desk, state=state)
    return replace(desk, state=state, call=call, verifies=verifies)


def pausing(desk: Desk, pause: Pause, until: float) -> Desk:
    """The desk when it is left alone until a moment; with ``Pause.NONE`` it is left alone no longer."""
    return replace(desk, pause=pause, pause_until=until)


def with_phone(desk: Desk, *, registered: bool, now: float) -> Desk:
    """The desk when its phone has registered, or is registered no longer.

    Whatever was wrong with a phone, it has just been switched on: a caller need not wait for its pause.
    """
    if not registered or desk.registered:
        return replace(desk, registered=registered)
    idle_since = now if desk.state is DeskState.FREE else desk.idle_since
    return replace(desk, registered=True, idle_since=idle_since, pause=Pause.NONE, pause_until=now)


_IDLENESS: Final = attrgetter("idle_since", "extension")


def longest_idle_first(desks: Iterable[Desk]) -> list[Desk]:
    """The desks in the order in which they are rung."""
    return sorted(desks, key=_IDLENESS)


def is_last_at_work(extension: str, desks: Iterable[Desk]) -> bool:
    """Whether nobody else is ready: then this one stays so, whatever happens (SOP V.2)."""
    return all(desk.extension == extension for desk in desks if desk.is_at_work)


def next_rested(desks: Iterable[Desk], now: float) -> float | None:
    """When the next pause ends, on the same clock as ``now``; None when nobody pauses."""
    pauses = (desk.pause_until for desk in desks if desk.state is DeskState.FREE and desk.pause_until > now)
    return min(pauses, default=None)
