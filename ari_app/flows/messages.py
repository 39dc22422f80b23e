"""What comes into a call's inbox, besides the events of its legs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from ari_app.ari.model import LegEvent
from ari_app.flows.switchboard import DeskReady


@dataclass(frozen=True, slots=True)
class LegGone:
    """A leg was found missing when reconciling, or its phone is dead; no event tells of its end."""

    leg: str


@dataclass(frozen=True, slots=True)
class TimeUp:
    """A time that the flow set with ``Call.remind`` is over."""

    what: str


@dataclass(frozen=True, slots=True)
class Dismissed:
    """A supervisor has ended the talk with a caller (SOP VII.f); ``Call.dismissed_by`` is who."""


@dataclass(frozen=True, slots=True)
class DisplayChanged:
    """What the operators' displays say has changed."""


class News(StrEnum):
    """What somebody on a radio net is told of the floor."""

    PERMITTED = "permitted"
    """The key was taken: speak."""
    REFUSED = "refused"
    TIME_OUT = "time_out"
    TAKEN_OVER = "taken_over"
    NET_LOST = "net_lost"


@dataclass(frozen=True, slots=True)
class FloorNews:
    """To somebody on a radio net: how it stands with their key."""

    news: News


@dataclass(frozen=True, slots=True)
class NetOrdered:
    """A supervisor has a radio net brought into the call (SOP VII.d); an empty ``net``: out of it."""

    net: str


Message: TypeAlias = LegEvent | DeskReady | LegGone | TimeUp | Dismissed | DisplayChanged | FloorNews | NetOrdered


def now() -> float:
    """Seconds of the event loop's clock, which only goes forward."""
    return asyncio.get_running_loop().time()


class TurnedAway(Exception):
    """A blocked caller was asked to call later: too many wait to be verified (SOP VIII)."""


class CallerLeft(Exception):
    """The caller hung up, or their line was lost."""
