"""The desks: which phones can be rung, and which one is next (SOP V.2).

A desk's states and what moves it from one to another are the table ``MOVES``; a move that is not in it is
a bug in the caller and raises ``IllegalMove``.

::

    away ──registered──▶ idle ──offer──▶ ringing ──answer──▶ talking
     ▲                    ▲                 │                   │
     └───unregistered─────┴────release──────┴──────release──────┘

``adopt`` takes an idle or away desk straight to talking: a talk that was found living after a restart.
A phone that loses its registration while it rings or talks stays in that state until the call lets it
go: the talk goes on as long as its audio does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class DeskState(StrEnum):
    """What a desk is doing. ``away``: its phone is not registered."""

    AWAY = "away"
    IDLE = "idle"
    RINGING = "ringing"
    TALKING = "talking"


class DeskEvent(StrEnum):
    """What can happen to a desk."""

    REGISTERED = "registered"
    UNREGISTERED = "unregistered"
    OFFER = "offer"
    ANSWER = "answer"
    RELEASE = "release"
    ADOPT = "adopt"


class IllegalMove(Exception):
    """An event that the desk's state does not allow."""


_S, _E = DeskState, DeskEvent
MOVES: Final[dict[tuple[DeskState, DeskEvent], DeskState]] = {
    (_S.AWAY, _E.REGISTERED): _S.IDLE,
    (_S.IDLE, _E.REGISTERED): _S.IDLE,
    (_S.RINGING, _E.REGISTERED): _S.RINGING,
    (_S.TALKING, _E.REGISTERED): _S.TALKING,
    (_S.AWAY, _E.UNREGISTERED): _S.AWAY,
    (_S.IDLE, _E.UNREGISTERED): _S.AWAY,
    (_S.RINGING, _E.UNREGISTERED): _S.RINGING,
    (_S.TALKING, _E.UNREGISTERED): _S.TALKING,
    (_S.IDLE, _E.OFFER): _S.RINGING,
    (_S.RINGING, _E.ANSWER): _S.TALKING,
    (_S.RINGING, _E.RELEASE): _S.IDLE,
    (_S.TALKING, _E.RELEASE): _S.IDLE,
    (_S.AWAY, _E.ADOPT): _S.TALKING,
    (_S.IDLE, _E.ADOPT): _S.TALKING,
}


@dataclass(frozen=True, slots=True)
class Desk:
    """A place with a phone.

    ``idle_since`` (seconds of a clock that only goes forward) orders the desks: the longest idle is rung
    first. ``rest_until`` is when a desk that refused a call may be offered one again. ``registered`` is
    whether its phone is; a desk released without registration goes away.
    """

    extension: str
    state: DeskState = DeskState.AWAY
    registered: bool = False
    idle_since: float = 0.0
    rest_until: float = 0.0
    call: str | None = None


def move(desk: Desk, event: DeskEvent, *, now: float, call: str | None = None, rest: float = 0.0) -> Desk:
    """The desk after an event.

    ``call`` is the call offered; ``rest`` is for how many seconds after a release it is offered none.

    Raises:
        IllegalMove: the table has no such move.
    """
    try:
        state = MOVES[desk.state, event]
    except KeyError:
        msg = f"desk {desk.extension} is {desk.state}: {event} is not possible"
        raise IllegalMove(msg) from None
    if event is DeskEvent.REGISTERED:
        if desk.state is not DeskState.AWAY:
            return replace(desk, state=state, registered=True)
        # Whatever was wrong with the phone, it has just been switched on: a caller need not wait for its rest.
        return replace(desk, state=state, registered=True, idle_since=now, rest_until=now)
    if event is DeskEvent.UNREGISTERED:
        return replace(desk, state=state, registered=False)
    if event is DeskEvent.RELEASE:
        if not desk.registered:
            state = DeskState.AWAY
        return replace(desk, state=state, idle_since=now, rest_until=now + rest, call=None)
    if event in (DeskEvent.OFFER, DeskEvent.ADOPT):
        return replace(desk, state=state, call=call)
    return replace(desk, state=state)


def next_desk(desks: Iterable[Desk], now: float) -> Desk | None:
    """The desk to ring: idle, rested, and idle the longest; None when there is none."""
    free = (desk for desk in desks if desk.state is DeskState.IDLE and desk.rest_until <= now)
    return min(free, key=lambda desk: (desk.idle_since, desk.extension), default=None)


def next_rested(desks: Iterable[Desk], now: float) -> float | None:
    """When the next resting desk may be rung, on the same clock as ``now``; None when none is resting."""
    resting = (desk.rest_until for desk in desks if desk.state is DeskState.IDLE and desk.rest_until > now)
    return min(resting, default=None)
