"""What a flow works with: Asterisk, the switchboard, the site's rules, the complaints."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Protocol

from ari_app.ari.commands import Commands
from ari_app.ari.inbox import Switch
from ari_app.domain.claims import Claims
from ari_app.domain.complaints import ComplaintRow
from ari_app.domain.facts import Fact, Json
from ari_app.domain.notes import Note
from ari_app.flows.radio import Nets
from ari_app.flows.switchboard import Switchboard


@dataclass(frozen=True, slots=True)
class Rules:
    """What the site's configuration says about calls; times in seconds, ``sounds`` is a folder.

    ``announce`` is how long a waiting caller hears ringing before the announcement; ``dead_phone`` how long the
    audio of a phone that has been heard may be missing, ``unheard_phone`` that of one that has not been;
    ``verification_max`` how many blocked callers may wait.
    ``polres`` are the codes of the site's Polres, those without a desk included.
    """

    ring: int = 12
    wrap_up: float = 15.0
    answer: int = 5
    announce: float = 8.0
    dead_phone: float = 6.0
    unheard_phone: float = math.inf
    verification_max: int = 20
    polres: frozenset[str] = frozenset()
    greeting: bool = False
    sounds: str = "/sounds"
    zone: tzinfo = UTC


class ComplaintBook(Protocol):
    """Where complaints are opened and closed (SOP V.3, V.9)."""

    def open(self, call: str, number: str | None, actor: str, **data: Json) -> str:
        """Open a call's complaint, or take up the one that it has; its ticket."""

    def close(self, call: str, actor: str) -> None:
        """Close a call's complaint, if it is open."""

    def row_of(self, call: str) -> ComplaintRow | None:
        """What was told of a living call's complaint so far; None: it has none."""


class BlockBook(Protocol):
    """The marks for pranks and the block list (SOP VII.f, VIII)."""

    def is_blocked(self, number: str | None) -> bool:
        """Whether a number is blocked now."""

    def is_free(self, number: str | None) -> bool:
        """Whether a number is known not to be blocked."""

    def pranks(self, number: str) -> int:
        """How many marks count against a number."""

    def mark(self, call: str, number: str | None, actor: str, **data: Json) -> bool:
        """One mark for a call, at most one; whether it blocked the number."""

    def unblock(self, number: str, actor: str, *, call: str | None) -> bool:
        """An operator has verified the caller; False: the number was not blocked."""

    def end_expired(self, number: str | None, call: str | None) -> None:
        """Tell that a number's block has ended by itself, where that is so."""


async def never_recorded(_call: str) -> Mapping[str, Json] | None:
    """There is no recording."""
    return None


async def never_noted(_call: str) -> Note | None:
    """There is no note."""
    return None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a flow works with.

    ``claims`` are the emergencies that blocked callers have claimed, ``nets`` the radio nets; ``recorded`` gives file,
    size and hash of a call's recording when Asterisk has finished it, None when there is none. ``noted`` gives the
    dialplan's note on a call of ours that is over, None when there is none.
    ``is_journal_troubled`` says whether its alarm stands.
    """

    asterisk: Commands
    switch: Switch
    switchboard: Switchboard
    tell: Callable[[Fact], None]
    complaints: ComplaintBook
    blocking: BlockBook
    claims: Claims
    nets: Nets
    rules: Rules = Rules()
    recorded: Callable[[str], Awaitable[Mapping[str, Json] | None]] = never_recorded
    noted: Callable[[str], Awaitable[Note | None]] = never_noted
    is_journal_troubled: Callable[[], bool] = bool
