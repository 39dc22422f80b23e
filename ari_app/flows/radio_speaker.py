"""What we say on a net ourselves: the attention tone of an emergency, and sentences (SOP VII.d)."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ari_app.ari.errors import AriRefused
from ari_app.domain.radio import NEVER, SYSTEM, Floor, FloorEvent, FloorState
from ari_app.flows.messages import now

if TYPE_CHECKING:
    from ari_app.ari.commands import Commands

WAIT_SECONDS: Final = 60.0
"""What could not be said within so long is not said any more, unless it is said otherwise."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What is to be said: ``sound:PATH`` one after the other.

    ``urgent``: it takes the floor from whoever has it. ``on_end`` is told whether it was said to its end.
    """

    media: Sequence[str]
    until: float
    urgent: bool = False
    on_end: Callable[[bool], None] = lambda _: None


class Speaker:
    """Speaks on one net, one thing after the other."""

    def __init__(self, asterisk: Commands) -> None:
        """There is nothing to say."""
        self._asterisk = asterisk
        self._waiting: deque[Speech] = deque()
        self._playback: str | None = None

    def add(
        self, media: Sequence[str], on_end: Callable[[bool], None], *, urgent: bool, wait: float = WAIT_SECONDS
    ) -> None:
        """Something more to say, within ``wait`` seconds; what is urgent goes first."""
        speech = Speech(media, now() + wait, urgent, on_end)
        (self._waiting.appendleft if urgent and self._playback is None else self._waiting.append)(speech)

    def __len__(self) -> int:
        """How many things are to be said."""
        return len(self._waiting)

    @property
    def due(self) -> float:
        """When ``give_up`` has something to do."""
        return self._waiting[0].until if self._waiting and self._playback is None else NEVER

    def give_up(self) -> None:
        """What has waited for too long is not said any more."""
        while self._playback is None and self._waiting and self._waiting[0].until <= now():
            self._waiting.popleft().on_end(False)

    def wish(self, floor: Floor) -> FloorEvent | None:
        """What we want of the floor, as ``SYSTEM``."""
        if floor.talker == SYSTEM:
            return None if self._waiting else FloorEvent.UNKEY
        if not self._waiting:
            return None
        if self._waiting[0].urgent:
            return FloorEvent.TAKE_OVER
        return FloorEvent.KEY if floor.state is FloorState.IDLE else None

    async def follow(self, floor: Floor, bridge: str | None) -> None:
        """Begin to speak when we have the floor, and stop when we have not.

        Raises:
            AriUnreachable: Asterisk gives no answer.
        """
        if self._playback is not None and floor.talker != SYSTEM:
            playback, self._playback = self._playback, None
            with suppress(AriRefused):
                await self._asterisk.stop_playing(playback)
        elif self._playback is None and self._waiting and floor.voice == SYSTEM and bridge is not None:
            self._playback = f"{bridge}-play-{secrets.token_hex(4)}"
            try:
                await self._asterisk.play_to_all(bridge, self._playback, self._waiting[0].media)
            except AriRefused:
                self._end(is_said=False)

    def finished(self, playback: str) -> bool:
        """A playback is over; whether it was ours, said to its end."""
        if playback != self._playback:
            return False
        self._end(is_said=True)
        return True

    def _end(self, *, is_said: bool) -> None:
        self._playback = None
        self._waiting.popleft().on_end(is_said)

    def forget(self) -> None:
        """Asterisk gave no answer: it begins anew with what it was saying."""
        self._playback = None
