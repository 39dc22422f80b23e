"""What is on the air: which legs are heard on a net, and whether the gateway's transmitter is on (SOP VII.d).

Everybody on a net is muted who does not have the floor. While the transmitter is on, Asterisk itself ends the
gateway's line after the longest transmission and a little: it has an end even when we are dead.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import anyio
import structlog

from ari_app.ari.errors import AriConflict, AriError, AriNotFound, AriRefused
from ari_app.domain.radio import KEY_SECONDS, PAUSE_SECONDS, Floor, NetRules
from ari_app.flows.messages import now

if TYPE_CHECKING:
    from ari_app.ari.commands import Commands

MARGIN_SECONDS: Final = 2
"""Asterisk ends the gateway's line so much later than we end a transmission: only should we be dead."""

RETRY_SECONDS: Final = 0.2

SILENCE_MS: Final = 60
"""How long Asterisk hears nothing, at least, before it tells so."""

log = structlog.get_logger(__name__)


class Air:
    """Makes the floor true in Asterisk, in the order that is safe: who loses it is muted before anything else."""

    def __init__(self, rules: NetRules, asterisk: Commands) -> None:
        """Nobody is heard, and the transmitter is off."""
        self._rules, self._asterisk = rules, asterisk
        self._by_voice: set[str] = set()
        """The legs that are kept from being heard in a way that lets Asterisk hear when they talk."""
        self._open: set[str] = set()
        """The legs that are heard, as far as we told Asterisk."""
        self._armed = 0.0
        """When the transmission that the transmitter is on for ends; 0: it is off."""

    async def admit(self, leg: str, *, by_voice: bool = False) -> None:
        """A leg comes to the net, and is heard by nobody; ``by_voice``: that it talks is told all the same.

        Raises:
            AriError: it is gone.
        """
        if by_voice:
            self._by_voice.add(leg)
            pause = max(SILENCE_MS, round(self._rules.floor.hang * 1000))
            await self._asterisk.detect_talk(leg, silence_ms=pause, level=self._rules.talk_level)
        await self._mute(leg)

    async def _mute(self, leg: str) -> None:
        await (self._asterisk.hush(leg) if leg in self._by_voice else self._asterisk.mute(leg))

    async def make_true(self, floor: Floor, voices: Collection[str], gateway: str | None) -> set[str]:
        """Let ``voices`` be heard and nobody else, and switch the transmitter as ``floor`` has it.

        Returns the voices that are not heard all the same: they are gone.

        Raises:
            AriRefused: the gateway's line is gone.
            AriUnreachable: Asterisk gives no answer; ``cut`` what may still be on the air.
        """
        for leg in sorted(self._open - set(voices)):
            await self._shut(leg)
        if self._armed and not floor.transmits:
            await self._key_up(gateway)
        elif floor.transmits and self._armed != floor.ends:
            await self._key_down(floor, gateway)
        return {leg for leg in sorted(set(voices) - self._open) if not await self._let(leg)}

    async def cut(self, end_line: Callable[[], Awaitable[None]]) -> None:
        """Nobody is heard any more, and ``end_line`` has ended the gateway's line, however long that takes."""
        while True:
            try:
                await end_line()
                self.gateway_lost()
                for leg in sorted(self._open):
                    await self._shut(leg)
            except AriError as error:
                log.info("radio.not_yet_cut", error=repr(error))
                await anyio.sleep(RETRY_SECONDS)
            else:
                return

    def gateway_lost(self) -> None:
        """The line is gone: whatever the transmitter was doing, it is off."""
        self._armed = 0.0

    async def release(self, leg: str) -> None:
        """A leg leaves the net: it is muted, and no business of ours any more. Never raises."""
        was_open = leg in self._open
        self._open.discard(leg)
        if was_open:
            with suppress(AriError):  # it is gone, or Asterisk is: whoever reconciles ends it
                await self._mute(leg)
        self._by_voice.discard(leg)

    async def _shut(self, leg: str) -> None:
        try:
            await self._mute(leg)
        except (AriNotFound, AriConflict):
            log.info("radio.leg_gone")
        except AriRefused as refused:
            log.error("radio.not_muted", status=refused.status)
            with suppress(AriRefused):
                await self._asterisk.hangup(leg)  # whoever cannot be muted must not be heard all the same
        self._open.discard(leg)

    async def _let(self, leg: str) -> bool:
        self._open.add(leg)
        try:
            await (self._asterisk.unhush(leg) if leg in self._by_voice else self._asterisk.unmute(leg))
        except AriRefused:
            self._open.discard(leg)
            return False
        return True

    async def _key_down(self, floor: Floor, gateway: str | None) -> None:
        """The transmitter goes on; but first Asterisk learns when to end it without us."""
        leg, is_on = _there(gateway), bool(self._armed)
        self._armed = floor.ends
        await self._asterisk.end_after(leg, math.ceil(floor.ends - now()) + MARGIN_SECONDS)
        if self._rules.ptt is not None and not is_on:
            await self._press(leg, self._rules.ptt.down)

    async def _key_up(self, gateway: str | None) -> None:
        leg, self._armed = _there(gateway), 0.0
        if self._rules.ptt is not None:
            await self._press(leg, self._rules.ptt.up)
        await self._asterisk.end_after(leg, 0)

    async def _press(self, leg: str, keys: str) -> None:
        down, pause = round(KEY_SECONDS * 1000), round(PAUSE_SECONDS * 1000)
        await self._asterisk.press_keys(leg, keys, down_ms=down, pause_ms=pause)


def _there(gateway: str | None) -> str:
    if gateway is None:
        raise AriNotFound(404, "there is no line to the gateway")
    return gateway
