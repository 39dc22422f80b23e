"""Each transmission's own recording (SOP VII.g), begun with the first sound of it."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from ari_app.ari.errors import AriRefused
from ari_app.domain.radio import Floor, FloorState, NetRules

if TYPE_CHECKING:
    from ari_app.ari.commands import Commands

MARGIN_SECONDS: Final = 5
"""Asterisk ends a recording so much later than we end the transmission: only should we be dead."""

log = structlog.get_logger(__name__)


class Tape:
    """Names the transmissions of one net, and records them. What cannot be recorded is transmitted all the same."""

    def __init__(self, rules: NetRules, asterisk: Commands, has_room: Callable[[], bool]) -> None:
        """Nothing is recorded. While ``has_room`` says no, no recording begins; one that has begun goes on."""
        self.rules, self._asterisk, self._has_room = rules, asterisk, has_room
        self.transmission = ""
        """The id of the one that goes on, or of the last one; its recording has the same name."""
        self._of: tuple[str, float] | None = None
        self._recording: str | None = None
        self._is_kept = False

    def name(self, floor: Floor) -> None:
        """Give a new transmission its name; talk that may become one has it already."""
        of = None if floor.state is FloorState.IDLE else (floor.talker, floor.since)
        if of is not None and of != self._of:
            self.transmission = f"{self.rules.net}-{secrets.token_hex(6)}"
        self._of = of

    async def follow(self, floor: Floor, bridge: str | None) -> None:
        """Record the one that goes on, and end the recording of one that does not.

        Raises:
            AriUnreachable: Asterisk gives no answer.
        """
        wanted = None if self._of is None else self.transmission
        if self._recording is not None and self._recording != wanted:
            old, self._recording = self._recording, None
            with suppress(AriRefused):  # it ended by itself
                await self._asterisk.stop_recording(old, keep=self._is_kept)
        if wanted is not None and self._recording is None and bridge is not None and self._has_room():
            self._recording = wanted
            try:
                longest = math.ceil(self.rules.floor.longest) + MARGIN_SECONDS
                await self._asterisk.record(bridge, wanted, seconds=longest)
            except AriRefused as refused:
                log.warning("radio.not_recorded", status=refused.status)
        self._is_kept = floor.on_air

    def forget(self) -> None:
        """Asterisk gave no answer: it ends what it records by itself."""
        self._of = self._recording = None
