"""Whether anything still comes from a leg: who sends nothing at all is not heard to be silent (SOP VII.d)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ari_app.ari.errors import AriRefused
from ari_app.domain.radio import NEVER
from ari_app.flows.messages import now

if TYPE_CHECKING:
    from ari_app.ari.commands import Commands

QUIET_SECONDS: Final = 1.0
"""Who talks pauses for a moment once in so long; else it is looked whether anything still comes from them."""

LOOK_SECONDS: Final = 2.0
"""Between two looks at a gateway's line."""

STEADY_SECONDS: Final = 10.0
"""A gateway that sends in silence, too, without a break for so long, always does."""

DEAD_SECONDS: Final = 6.0
"""From such a one nothing has come for so long: it is not there any more."""


class Pulse:
    """Of somebody who talks: Asterisk tells that they are silent only while packets come."""

    def __init__(self, asterisk: Commands) -> None:
        """Nobody talks."""
        self._asterisk = asterisk
        self._heard_at, self._packets = 0.0, -1

    def felt(self) -> None:
        """Asterisk has told of the talk, or of its end."""
        self._heard_at, self._packets = now(), -1

    @property
    def due(self) -> float:
        """When to look, while they talk."""
        return self._heard_at + QUIET_SECONDS

    async def has_stopped(self, leg: str) -> bool:
        """Look, if it is time to; whether nothing has come since the last look.

        Raises:
            AriUnreachable: Asterisk gives no answer.
        """
        if self.due > now():
            return False
        self._heard_at, before = now(), self._packets
        try:
            self._packets = await self._asterisk.packets_received(leg)
        except AriRefused:
            return False  # its end comes as an event
        return self._packets == before


class LineWatch:
    """Of a gateway's line: whether a gateway that sends all the time has vanished.

    One that sends only what officers say cannot be told from a dead one in this way; SIP finds it (``pjsip.conf``).
    """

    def __init__(self, asterisk: Commands) -> None:
        """There is no line."""
        self._asterisk = asterisk
        self._leg: str | None = None
        self._packets = -1
        self._looked = self._grew = self._steady_since = 0.0

    def due(self, leg: str | None) -> float:
        """When to look at the line; ``NEVER`` where there is none."""
        if leg != self._leg:
            self._leg, self._packets = leg, -1
            self._looked = self._grew = self._steady_since = now()
        return NEVER if leg is None else self._looked + LOOK_SECONDS

    async def is_dead(self, leg: str | None, *, talks: bool) -> bool:
        """Look, if it is time to; whether nothing comes any more from a gateway that had sent in silence as well.

        ``talks``: an officer does, so that what comes proves nothing.

        Raises:
            AriUnreachable: Asterisk gives no answer.
        """
        if self.due(leg) > now() or leg is None:
            return False
        self._looked = now()
        try:
            packets = await self._asterisk.packets_received(leg)
        except AriRefused:
            return False
        if packets != self._packets:
            if talks:
                self._steady_since += self._looked - self._grew
            self._packets, self._grew = packets, self._looked
            return False
        if self._grew - self._steady_since < STEADY_SECONDS:
            self._steady_since = self._looked  # it sends now and then only
            return False
        return self._looked - self._grew > DEAD_SECONDS
