"""What we say on a net ourselves: the attention tone of an emergency, and sentences (SOP VII.d)."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ari_app.ari.errors import AriRefused
from ari_app.domain.radio import NEVER, SYSTEM, Ended, Floor, FloorEvent, FloorState, Happened, Reason
from ari_app.flows.messages import now

if TYPE_CHECKING:
    from ari_app.ari.commands import Commands

WAIT_SECONDS: Final = 60.0
"""What could not be said within so long is not said any more, unless it is said otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
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
        self._is_dropped = False
        """Whether what is being said is to be stopped, and not said again."""
        self._transmission, self._began_it = 0.0, False
        """When the last transmission with something of ours began; whether it began with what is being said."""

    def add(
        self, media: Sequence[str], on_end: Callable[[bool], None], *, urgent: bool, wait: float = WAIT_SECONDS
    ) -> Speech:
        """Something more to say, within ``wait`` seconds; what is urgent goes before what is not."""
        speech = Speech(media, now() + wait, urgent, on_end)
        before = [each for each in self._waiting if each.urgent or not urgent or self._is_being_said(each)]
        self._waiting.insert(len(before), speech)
        return speech

    def _is_being_said(self, speech: Speech) -> bool:
        return self._playback is not None and self._waiting[0] is speech

    def withdraw(self, speech: Speech) -> bool:
        """It is not to be said any more; False: it has begun already, or is over."""
        if speech not in self._waiting or self._is_being_said(speech):
            return False
        self._waiting.remove(speech)
        speech.on_end(False)
        return True

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
        if floor.talker == SYSTEM and not self._waiting:
            return FloorEvent.UNKEY
        if floor.talker == SYSTEM:  # in the tail it would be cut off with the transmitter
            return FloorEvent.KEY if floor.state is FloorState.TAILING else None
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
        if self._playback is not None and (self._is_dropped or floor.talker != SYSTEM):
            playback = self._playback
            self.forget()
            with suppress(AriRefused):
                await self._asterisk.stop_playing(playback)
        elif self._playback is None and self._waiting and bridge is not None and _is_keyed(floor):
            self._playback = f"{bridge}-play-{secrets.token_hex(4)}"
            self._began_it, self._transmission = floor.since != self._transmission, floor.since
            try:
                await self._asterisk.play_to_all(bridge, self._playback, self._waiting[0].media)
            except AriRefused:
                self._end(is_said=False)

    def finished(self, playback: str, *, is_said: bool) -> None:
        """A playback is over, which may be ours; whether it was said to its end."""
        if playback == self._playback:
            self._end(is_said=is_said)

    def happened(self, happened: Happened) -> None:
        """When a transmission of ours is cut off, what cannot be said in one is not said at all, other things again.

        An emergency's operator who takes the floor over needs no attention tone any more.
        """
        if not isinstance(happened, Ended) or happened.talker != SYSTEM:
            return
        if happened.reason is Reason.TAKEN_OVER:
            self.drop_urgent()
        elif happened.reason is Reason.TIME_OUT and self._playback is not None:
            self._is_dropped = self._began_it

    def drop_urgent(self) -> None:
        """Nothing urgent is to be said any more; what is being said is stopped by ``follow``."""
        for speech in [each for each in self._waiting if each.urgent]:
            if self._is_being_said(speech):
                self._is_dropped = True
            else:
                self._waiting.remove(speech)
                speech.on_end(False)

    async def look(self) -> None:
        """Events were lost: what is over by now was said, and what is not begins anew.

        Raises:
            AriUnreachable: Asterisk gives no answer.
        """
        if self._playback is None:
            return
        try:
            await self._asterisk.stop_playing(self._playback)
        except AriRefused:
            self._end(is_said=True)
        else:
            self.forget()

    def _end(self, *, is_said: bool) -> None:
        self._playback, self._is_dropped = None, False
        self._waiting.popleft().on_end(is_said)

    def forget(self) -> None:
        """What was being said is not said any more: it begins anew, unless it is dropped."""
        if self._is_dropped:
            self._end(is_said=False)
        self._playback = None


def _is_keyed(floor: Floor) -> bool:
    return floor.talker == SYSTEM and floor.state is FloorState.KEYED
