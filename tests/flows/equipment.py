"""What the fake Asterisk consists of: legs, telephones, and the time that things take on their way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ari_app.ari.commands import Mark
from tests.flows.fake_sound import Playing


@dataclass
class Leg:
    """A channel. ``interested``: how many subscriptions the application has to its events."""

    id: str
    name: str
    app: str
    state: str = "Down"
    number: str = ""
    exten: str = ""
    context: str = ""
    stasis: bool = False
    interested: int = 0
    bridge: str | None = None
    desk: str | None = None
    offered: bool = False
    claimed: bool = False
    absorbs_keys: bool = False
    muted: bool = False
    hushed: bool = False
    delay_ms: int = 0
    detects_talk: bool = False
    talks: bool = False
    """Whether somebody does, told of or not."""
    told_to_talk: bool = False
    """What was told of it last: what is so already is not told again."""
    ends: asyncio.TimerHandle | None = None
    playing: Playing | None = None
    dials: tuple[str, ...] = ("leg",)
    """What it comes to us with when it is answered."""
    marks: set[Mark] = field(default_factory=set)
    """What the dialplan knows of a caller."""
    died_at: float | None = None
    twin: str = ""
    """The other half of a link between two bridges: what comes in here goes out there, and they end together."""
    holds_since: float | None = None
    """Its phone holds by its own key, and sends nothing."""
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    @property
    def is_silenced(self) -> bool:
        return self.muted or self.hushed

    @property
    def is_caller(self) -> bool:
        return self.desk is None


@dataclass
class Phone:
    """A desk's phone: what it does when it rings. ``leg`` is the one that rings or talks there."""

    registered: bool = False
    answers_after: float | None = None
    refuses: int | None = None
    leg: str | None = None


@dataclass
class Lags:
    """How long things travel, in seconds."""

    request: Callable[[], float] = lambda: 0.001
    answer: Callable[[], float] = lambda: 0.002
    event: Callable[[], float] = lambda: 0.001
