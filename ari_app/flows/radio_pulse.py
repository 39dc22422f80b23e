"""Whether anything still comes from a leg: who sends nothing at all is not heard to be silent (SOP VII.d)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ari_app.ari.errors import AriRefused
from ari_app.domain.radio import NEVER, Floor
from ari_app.flows.messages import now

if TYPE_CHECKING:
    from ari_app.ari.commands import Commands

QUIET_SECONDS: Final = 1.0
"""Who talks pauses for a moment once in so long; else it is looked whether anything still comes from them."""

DOUBT_SECONDS: Final = 5.0
"""Who talks when events are lost pauses within so long, and that is told: or they have paused meanwhile."""

LOOK_SECONDS: Final = 2.0
"""Between two looks at a gateway's line."""

STEADY_SECONDS: Final = 10.0
"""A gateway that sends while nobody talks, without a break for so much longer than a transmission may last, always
does. For less it may have been a radio that was keyed without a word."""

DEAD_SECONDS: Final = 6.0
"""From such a one nothing has come for so long: it is not there any more."""


class Pulse:
    """Of somebody who talks: Asterisk tells that they are silent only while packets come."""

    def __init__(self, asterisk: Commands) -> None:
        """Nobody talks."""
        self._asterisk = asterisk
        self._heard_at, self._packets = 0.0, -1
        self._doubted_at = NEVER

    def felt(self) -> None:
        """Asterisk has told of the talk, or of its end."""
        self._heard_at, self._packets, self._doubted_at = now(), -1, NEVER

    def doubt(self, pause: float) -> None:
        """Events were lost, of which one may have been that they paused; a pause is told after ``pause`` seconds."""
        self._doubted_at = min(self._doubted_at, now() + pause + DOUBT_SECONDS)

    @property
    def due(self) -> float:
        """When to look, while they talk."""
        return min(self._heard_at + QUIET_SECONDS, self._doubted_at)

    async def has_stopped(self, leg: str) -> bool:
        """Look, if it is time to; whether nothing has come since the last look, or it has been doubted for too long.

        Raises:
            AriUnreachable: Asterisk gives no answer.
        """
        if self._doubted_at <= now():
            return True
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

    def __init__(self, asterisk: Commands, longest: float) -> None:
        """There is no line; a transmission lasts ``longest`` seconds at most."""
        self._asterisk, self._steady_after = asterisk, longest + STEADY_SECONDS
        self._leg: str | None = None
        self._packets = -1
        self._looked = self._grew = self._quiet_since = 0.0
        """When it was looked last; when something had come since the look before, or nothing needed to come; since when
        nobody has talked, and each look found that something had come."""
        self._is_steady = self._transmitted = False

    def due(self, leg: str | None) -> float:
        """When to look at the line; ``NEVER`` where there is none."""
        if leg != self._leg:
            self._leg, self._packets, self._is_steady = leg, -1, False
            self._looked = self._grew = self._quiet_since = now()
        return NEVER if leg is None else self._looked + LOOK_SECONDS

    async def is_dead(self, leg: str | None, floor: Floor) -> bool:
        """Look, if it is time to; whether nothing comes any more from a gateway that had sent in silence as well.

        To be asked whenever something has happened on the net. What comes while an officer is on the air proves
        nothing, and nothing need come while we transmit: a gateway with one radio hears nothing then.

        Raises:
            AriUnreachable: Asterisk gives no answer.
        """
        due = self.due(leg)
        if floor.transmits or self._transmitted:
            self._grew = now()
        if floor.transmits or floor.officer_sends:
            self._quiet_since = now()
        self._transmitted = floor.transmits
        if leg is None or due > now():
            return False
        self._looked = now()
        try:
            packets = await self._asterisk.packets_received(leg)
        except AriRefused:
            return False
        if packets != self._packets:
            self._packets, self._grew = packets, self._looked
            self._is_steady |= self._looked - self._quiet_since > self._steady_after
            return False
        self._quiet_since = self._looked  # it sends now and then only
        return self._is_steady and self._looked - self._grew > DEAD_SECONDS
