"""The line to a net's radio gateway: we call it, again and again with growing pauses, or it calls us (SOP VII.d)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from ari_app.ari.errors import AriNotFound, AriRefused
from ari_app.ari.model import ChannelDestroyed, LegEvent, StasisEnd, StasisStart, leg_of
from ari_app.domain.causes import UNKNOWN_CAUSE
from ari_app.domain.display import Shown
from ari_app.domain.radio import NEVER, NetRules, endpoint_of_net
from ari_app.domain.seen import leg_id
from ari_app.flows.messages import LegGone, now
from ari_app.flows.radio_air import SILENCE_MS

if TYPE_CHECKING:
    from ari_app.ari.commands import Commands
    from ari_app.ari.inbox import Switch

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between two attempts to reach the gateway."""

RING_SECONDS: Final = 10
"""How long a gateway may take to answer."""

IDLE_SECONDS: Final = 3.0
"""A line that is there on demand stays so long when nobody needs it any more."""

log = structlog.get_logger(__name__)


class Line:
    """One net's line. ``leg`` is the channel that is it, or is to become it; ``is_up``: it carries sound."""

    def __init__(
        self, rules: NetRules, asterisk: Commands, switch: Switch, deliver: Callable[[LegEvent], None]
    ) -> None:
        """There is none yet, and it may be called at once."""
        self._rules, self._asterisk, self._switch, self._deliver = rules, asterisk, switch, deliver
        self.leg: str | None = None
        self.is_up = False
        self.due = 0.0
        """When it may be called next."""
        self.cause = UNKNOWN_CAUSE
        """Why it was lost last, by Asterisk's cause."""
        self._pause = FIRST_PAUSE
        self._has_entered = False
        self._is_gateways = False
        """Whether it is the gateway's own call: that ends when the gateway ends it."""
        self._wanted_until = NEVER if rules.is_always_up else 0.0

    def need(self) -> None:
        """Somebody needs it at present."""
        self._wanted_until = max(self._wanted_until, now() + IDLE_SECONDS)

    @property
    def is_needed(self) -> bool:
        """Whether it must be there: always, or because somebody needs it, or did until a moment ago."""
        return self._wanted_until > now()

    @property
    def is_wanted(self) -> bool:
        """Whether it may be there: it is needed, or the gateway wants it."""
        return self.is_needed or self._is_gateways

    @property
    def call_at(self) -> float:
        """When it is to be called; ``NEVER`` while it is not needed, or is there, or on its way."""
        return self.due if self.leg is None and self.is_needed else NEVER

    @property
    def unwanted_at(self) -> float:
        """When one that is there is not wanted any more, unless somebody needs it then."""
        return NEVER if self.leg is None or self._is_gateways else self._wanted_until

    async def call(self) -> None:
        """Call the gateway; its answer, or that it gives none, comes as an event.

        Raises:
            AriError: see there; the next attempt is due later.
        """
        leg = leg_id(endpoint_of_net(self._rules.net), secrets.token_hex(4))
        self._take(leg)
        shown = Shown(f"Siaga 110 {self._rules.name}", self._rules.net)
        try:
            await self._asterisk.call_gateway(leg, self._rules.dial, shown=shown, seconds=RING_SECONDS)
        except AriRefused as refused:
            log.info("radio.not_called", status=refused.status)
            self.lost()

    async def came(self, leg: str) -> None:
        """The gateway has called us; whatever line there was is an old one.

        Raises:
            AriError: see there; the gateway's call is gone, or left to Asterisk.
        """
        await self.hang_up()
        self._take(leg)
        self._has_entered = self._is_gateways = True
        with suppress(AriRefused):
            await self._asterisk.subscribe([f"channel:{leg}"])
            await self._asterisk.answer(leg)

    def _take(self, leg: str) -> None:
        self.leg, self._has_entered, self.cause = leg, False, UNKNOWN_CAUSE
        self._switch.register(leg, self._deliver)

    def read(self, event: LegEvent | LegGone) -> bool:
        """Whether an event says that the line is lost. Events of older lines say nothing."""
        if self.leg is None or (event.leg if isinstance(event, LegGone) else leg_of(event)) != self.leg:
            return False
        match event:
            case StasisStart():
                self._has_entered = True
            case ChannelDestroyed(cause=cause):
                self.cause = cause
                return True
            case StasisEnd() | LegGone():
                self.cause = UNKNOWN_CAUSE
                return True
        return False

    @property
    def is_answered(self) -> bool:
        """Whether it is under our control, and not yet in use."""
        return self._has_entered and not self.is_up

    async def listen(self, bridge: str) -> bool:
        """Hear when an officer talks, and let everybody on the net hear it; False: the line is gone.

        Raises:
            AriError: the bridge is gone, or Asterisk gives no answer.
        """
        if self.leg is None:
            return False
        if not await self._detect_talk(self.leg):
            return False
        await self._asterisk.add_to_bridge(bridge, [self.leg], absorb_keys=True)
        self.is_up, self._pause = True, FIRST_PAUSE
        return True

    async def listen_anew(self) -> bool:
        """Hear of an officer who talks already, as Asterisk tells only what changes; False: the line is gone.

        Raises:
            AriUnreachable: Asterisk gives no answer, and may tell nothing of this line any more.
        """
        return self.leg is None or not self.is_up or await self._detect_talk(self.leg, anew=True)

    async def _detect_talk(self, leg: str, *, anew: bool = False) -> bool:
        try:
            if anew:
                await self._asterisk.ignore_talk(leg)
            # How long an officer may pause is the floor's business.
            await self._asterisk.detect_talk(leg, silence_ms=SILENCE_MS, level=self._rules.talk_level)
        except AriRefused as refused:
            log.info("radio.line_gone", status=refused.status)
            return False
        return True

    def lost(self) -> None:
        """It is gone; the next attempt is due after a pause."""
        if self.leg is not None:
            self._switch.forget([self.leg])
        self.leg, self.is_up, self._has_entered, self._is_gateways = None, False, False, False
        self.due = now() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    async def hang_up(self) -> None:
        """End it, if there is one. Whatever the gateway was doing, its transmitter is off then.

        Raises:
            AriError: it may be there still.
        """
        if self.leg is None:
            return
        with suppress(AriNotFound):
            await self._asterisk.hangup(self.leg)
        self.lost()
