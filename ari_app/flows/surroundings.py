"""What a flow works with: Asterisk, the switchboard, the site's rules, the complaints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Protocol

from ari_app.ari.commands import Commands
from ari_app.ari.inbox import Switch
from ari_app.domain.facts import Fact, Json
from ari_app.flows.switchboard import Switchboard


@dataclass(frozen=True, slots=True)
class Rules:
    """What the site's configuration says about calls; times in seconds, ``sounds`` is a folder.

    ``announce`` is how long a waiting caller hears ringing before the announcement; ``dead_phone`` how long the
    audio of a phone that has been heard may be missing.
    """

    ring: int = 12
    wrap_up: float = 15.0
    answer: int = 5
    announce: float = 8.0
    dead_phone: float = 6.0
    greeting: bool = False
    sounds: str = "/sounds"
    zone: tzinfo = UTC


class ComplaintBook(Protocol):
    """Where complaints are opened and closed (SOP V.3, V.9)."""

    def open(self, call: str, number: str | None, actor: str, **data: Json) -> str:
        """Open a call's complaint, or take up the one that it has; its ticket."""

    def close(self, call: str, actor: str) -> None:
        """Close a call's complaint, if it is open."""


async def never_recorded(_call: str) -> Mapping[str, Json] | None:
    """There is no recording."""
    return None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a flow works with.

    ``pranks`` is how many marks a number (E.164) has (SOP VIII); ``recorded`` gives file, size and hash of a
    call's recording when Asterisk has finished it, None when there is none.
    """

    asterisk: Commands
    switch: Switch
    switchboard: Switchboard
    tell: Callable[[Fact], None]
    complaints: ComplaintBook
    rules: Rules = Rules()
    pranks: Callable[[str], int] = lambda _: 0
    recorded: Callable[[str], Awaitable[Mapping[str, Json] | None]] = never_recorded
