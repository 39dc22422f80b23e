"""The operators in a call, and what they ask for: by their keys, or by their phone's own hold and transfer keys."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TypeAlias

from ari_app.domain.keys import Pad, Wish
from ari_app.flows.hearing import Ear
from ari_app.flows.messages import Message


@dataclass(slots=True)
class Party:
    """An operator in a call: the desk, its leg, what was pressed there, and what is played to it.

    ``actor`` is who acts there, as the journal names them.
    """

    desk: str
    leg: str
    unit: str
    actor: str
    ear: Ear
    pad: Pad = field(default_factory=Pad)
    timer: asyncio.TimerHandle | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """An operator pressed a complete code."""

    party: Party
    wish: Wish


@dataclass(frozen=True, slots=True)
class PhoneHeld:
    """An operator pressed the phone's own hold key; ``on``: not for the second time."""

    party: Party
    on: bool


@dataclass(frozen=True, slots=True)
class Referred:
    """An operator's phone transfers the caller by itself, and leaves.

    ``to`` is what it dialled, or the leg ``target`` of its other call, at the desk ``desk``. ``stand_in`` is the
    channel that Asterisk put in the operator's place.
    """

    party: Party
    to: str
    stand_in: str | None
    target: str | None = None
    desk: str = ""


@dataclass(frozen=True, slots=True)
class Gone:
    """An operator is gone; ``cause`` is Asterisk's (Q.850)."""

    party: Party
    cause: int


Heard: TypeAlias = Message | Asked | PhoneHeld | Referred | Gone
