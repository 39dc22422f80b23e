"""What the legs of the fake Asterisk hear: playbacks, keys, and whether a caller is left in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ari_app.ari.errors import AriNotFound, AriRefused
from ari_app.ari.model import Playback, PlaybackFinished
from ari_app.domain.display import Shown

if TYPE_CHECKING:
    from tests.flows.equipment import Leg

MUSIC_SECONDS, SENTENCE_SECONDS, BEEP_SECONDS = 20.0, 1.5, 0.2
LONGEST_SILENCE = 1.0


@dataclass
class Playing:
    """A list of media on its way: what of it is heard now."""

    id: str
    media: list[str]
    timer: asyncio.TimerHandle | None = None


def length(media: str) -> float | None:
    """How long a piece lasts, in seconds; None: without end."""
    if media.startswith("tone:"):
        return None
    name = media.rpartition("/")[2]
    return MUSIC_SECONDS if name == "musik" else BEEP_SECONDS if name.startswith("nada-") else SENTENCE_SECONDS


class FakeSound:
    """Mixed into ``FakeAsterisk``."""

    legs: dict[str, Leg]
    open_bridges: dict[str, set[str]]
    wrongs: list[str]
    in_fallback: set[str]
    _order: Callable[..., Any]
    _tell: Callable[..., None]
    speaking: dict[str, asyncio.TimerHandle]

    def __init__(self) -> None:
        self.played: list[tuple[str, str]] = []
        """Everything that was heard by a leg alone, in order: (leg, sound)."""
        self.displays: dict[str, Shown] = {}
        """What the display of each leg's phone says."""
        self.speechless: set[str] = set()
        """The legs whose phones have never sent anything."""
        self.unreadable: set[str] = set()
        """The sounds whose files cannot be read: Asterisk goes on with the next one."""
        self.watches_silence = True
        self.longest_silence = LONGEST_SILENCE
        self._silent_since: dict[str, float] = {}
        self._not_stopped: set[str] = set()
        """What we refused to stop: whoever asked is not to blame for what waits behind it."""

    # ---- commands ----------------------------------------------------------------------------------

    async def play(self, leg: str, playback: str, media: Sequence[str]) -> None:
        await self._order("play", lambda: self._play(leg, playback, media))

    def _play(self, id_: str, playback: str, media: Sequence[str]) -> None:
        leg = self.legs.get(id_)
        if leg is None:
            raise AriNotFound(404, "Channel not found")
        if leg.playing is not None and leg.playing.id not in self._not_stopped:
            self.wrongs.append(f"{id_}: {playback} waits behind {leg.playing.id}")
        leg.playing = Playing(playback, list(media))
        self._next_piece(leg)

    def _next_piece(self, leg: Leg) -> None:
        playing = leg.playing
        if playing is None:
            return
        if not playing.media:
            self._end_playback(leg, "done")
            return
        piece = playing.media.pop(0)
        if piece.rpartition("/")[2] in self.unreadable:
            self._next_piece(leg)
            return
        self.played.append((leg.id, piece.rpartition("/")[2]))
        seconds = length(piece)
        if seconds is not None:
            playing.timer = asyncio.get_running_loop().call_later(seconds, self._next_piece, leg)

    def _end_playback(self, leg: Leg, state: str) -> None:
        playing, leg.playing = leg.playing, None
        if playing is None:
            return
        if playing.timer is not None:
            playing.timer.cancel()
        self._tell(leg, PlaybackFinished(Playback(playing.id, f"channel:{leg.id}", state)))
        self.notice_silence()

    async def stop_playing(self, playback: str) -> None:
        try:
            await self._order("stop_playing", lambda: self._stop_playing(playback))
        except AriRefused:
            self._not_stopped.add(playback)
            raise
        self._not_stopped.discard(playback)

    def _stop_playing(self, playback: str) -> None:
        timer = self.speaking.pop(playback, None)
        if timer is not None:
            timer.cancel()
            return
        for leg in self.legs.values():
            if leg.playing is not None and leg.playing.id == playback:
                self._end_playback(leg, "done")
                return
        raise AriNotFound(404, "Playback not found")

    async def show(self, leg: str, shown: Shown) -> None:
        await self._order("show", lambda: self._show(leg, shown))

    def _show(self, leg: str, shown: Shown) -> None:
        if leg not in self.legs:
            raise AriNotFound(404, "Channel not found")
        self.is_blocked(self.legs[leg])
        self.displays[leg] = shown

    async def indicate_ringing(self, leg: str) -> None:
        await self._order("indicate_ringing", lambda: None if leg in self.legs else self._show(leg, Shown("", "")))

    async def packets_received(self, leg: str) -> int:
        packets: int = await self._order("packets_received", lambda: self._packets(leg))
        return packets

    def _packets(self, id_: str) -> int:
        leg = self.legs.get(id_)
        if leg is None:
            raise AriNotFound(404, "Channel not found")
        until = leg.died_at or leg.holds_since or asyncio.get_running_loop().time()
        return 0 if id_ in self.speechless else 50 + int(50 * until)

    async def is_holding(self, leg: str) -> bool:
        is_holding: bool = await self._order("is_holding", lambda: self._is_holding(leg))
        return is_holding

    def _is_holding(self, id_: str) -> bool:
        leg = self.legs.get(id_)
        if leg is None:
            raise AriNotFound(404, "Channel not found")
        return leg.holds_since is not None

    # ---- who hears whom ----------------------------------------------------------------------------

    def hears(self, id_: str) -> set[str]:
        """The legs that a leg hears, and the sound that is played to it alone."""
        leg = self.legs.get(id_)
        if leg is None:
            return set()
        if leg.playing is not None:
            return {self.heard_last(id_)}
        inside = self.open_bridges.get(leg.bridge or "", set()) if leg.state == "Up" else set()
        return {
            other
            for other in inside
            if other != id_ and self.legs[other].playing is None and not self.legs[other].is_silenced
        }

    def heard_last(self, id_: str) -> str:
        """The last sound that was played to a leg."""
        return [sound for leg, sound in self.played if leg == id_][-1]

    def is_blocked(self, leg: Leg) -> None:
        """An order that Asterisk would keep waiting until a playback is over."""
        if leg.playing is not None and leg.playing.id not in self._not_stopped:
            self.wrongs.append(f"{leg.id}: an order waits behind {leg.playing.id}")

    def notice_silence(self) -> None:
        """Look whether a caller whose line is up hears nothing, and for how long already."""
        if not self.watches_silence:
            return
        now = asyncio.get_running_loop().time()
        silent = {
            leg.id
            for leg in self.legs.values()
            if leg.is_caller and leg.state == "Up" and leg.id not in self.in_fallback and not self.hears(leg.id)
        }
        for id_ in list(self._silent_since):
            if id_ not in silent:
                seconds = now - self._silent_since.pop(id_)
                if seconds > self.longest_silence and id_ in self.legs:
                    self.wrongs.append(f"{id_}: the caller heard nothing for {seconds:.3f} s")
        for id_ in silent:
            self._silent_since.setdefault(id_, now)
