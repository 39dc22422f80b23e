"""What comes into a call's inbox, besides the events of its legs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from ari_app.ari.model import LegEvent
from ari_app.flows.orders import Order


@dataclass(frozen=True, slots=True)
class DeskReady:
    """To a waiting call: this desk is yours; offer yourself or release it."""

    extension: str


@dataclass(frozen=True, slots=True)
class LegGone:
    """A leg was found missing when reconciling, or its phone is dead; no event tells of its end."""

    leg: str


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """A leg was found answered, and ours to act on, when reconciling; no event has told of it."""

    leg: str


@dataclass(frozen=True, slots=True)
class TimeUp:
    """A time that the flow set with ``Call.remind`` is over."""

    what: str


@dataclass(frozen=True, slots=True)
class Dismissed:
    """A supervisor has closed the call: ``by`` whom; ``has_blocked``: its number is blocked now (SOP VII.f).

    With a ``reason`` it is not closed as a prank, but ended: its complaint stays open.
    """

    by: str
    has_blocked: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Unblocked:
    """The caller's number is not blocked any more: they wait like everybody else (SOP VIII)."""


@dataclass(frozen=True, slots=True)
class DisplayChanged:
    """Whether it is an emergency has changed: the operators' displays and the caller's line follow."""


class News(StrEnum):
    """What somebody on a radio net is told: of the floor, and of those who call 110."""

    KEYED = "keyed"
    """They have the floor."""
    PERMITTED = "permitted"
    """They have it, and the lead-in has room for a tone: speak."""
    UNKEYED = "unkeyed"
    """They have given it back, and their last word is out."""
    REFUSED = "refused"
    TIME_OUT = "time_out"
    TAKEN_OVER = "taken_over"
    NET_LOST = "net_lost"
    CALLER_WAITS = "caller_waits"
    """Somebody who calls 110 waits, and no desk rings for them."""


@dataclass(frozen=True, slots=True)
class FloorNews:
    """To somebody on a radio net: how it stands with their key, or who waits for them."""

    news: News


@dataclass(frozen=True, slots=True)
class CompanyChanged:
    """To a supervisor who listens to a call: somebody came or went there, or it is over."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The application is about to end; the flow lets go of its call at its next step."""


Message: TypeAlias = (
    LegEvent
    | DeskReady
    | LegGone
    | LegAnswered
    | TimeUp
    | DisplayChanged
    | Unblocked
    | FloorNews
    | Order
    | CompanyChanged
)
Delivered: TypeAlias = Message | Dismissed | Stop
OF_NO_LEG: Final = (
    DeskReady,
    TimeUp,
    DisplayChanged,
    Unblocked,
    FloorNews,
    Order,
    CompanyChanged,
    Dismissed,
    Stop,
)
"""What says nothing of any leg."""


def now() -> float:
    """Seconds of the event loop's clock, which only goes forward."""
    return asyncio.get_running_loop().time()


class TurnedAway(Exception):
    """A blocked caller was asked to call later: too many wait to be verified (SOP VIII)."""


class CallClosed(Exception):
    """A supervisor has closed the call while it was in the middle of something; nobody else goes on with it."""

    def __init__(self, dismissed: Dismissed) -> None:
        """``dismissed`` says by whom."""
        super().__init__(dismissed.by)
        self.dismissed = dismissed


class Stopping(Exception):
    """The application is about to end: somebody else goes on with the call."""


class CallerLeft(Exception):
    """The caller hung up, or their line was lost."""


class CallLost(CallerLeft):
    """The caller's leg was found missing, and no event has told of its end: that of Asterisk itself, or of the link."""
