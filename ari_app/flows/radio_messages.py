"""What comes into a radio net's inbox, besides the events of its line (SOP VII.d)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import anyio

from ari_app.ari.model import LegEvent
from ari_app.domain.radio import FloorEvent
from ari_app.flows.messages import LegGone


@dataclass(frozen=True, slots=True)
class Asked:
    """A member has pressed to key or to take the floor over, or is gone. Who has keyed by then unkeys."""

    event: FloorEvent
    leg: str
    done: anyio.Event | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """A member begins to talk, or has paused for long enough."""

    leg: str
    talks: bool


@dataclass(frozen=True, slots=True)
class Came:
    """The gateway has called us with this leg."""

    leg: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Events were lost, and so were these of the nets' legs and bridges."""

    lost: frozenset[str]


@dataclass(frozen=True, slots=True)
class Look:
    """Something has changed about the members."""


NetMessage: TypeAlias = Asked | Voice | Came | Seen | Look | LegEvent | LegGone
