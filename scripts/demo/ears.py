"""Who hears what: judged on the samples that arrive at the phones."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from typing import Final

from scripts.demo.screen import SceneError
from scripts.phones import HandsetCall, PhoneTimeoutError, g711, tones
from scripts.phones.audio import FRAME
from scripts.stack.sounds import read_catalogue

PATIENCE_SECONDS: Final = 10.0

_ENOUGH_PACKETS: Final = 25
"""Half a second of a sound is enough to know it by, and half of one that is shorter."""

_WHOLE: Final = 0.9
"""The part of a sound's packets that must come for it to count as heard to its end."""


def moment() -> float:
    """The event loop's clock, by which the arrival of sound is stamped."""
    return asyncio.get_running_loop().time()


async def hear_each_other(*calls: HandsetCall) -> None:
    """Everybody hears everybody else's tone, from now on.

    Raises:
        SceneError: somebody does not.
    """
    since = moment()
    pairs = [(one, other) for one in calls for other in calls if other is not one]
    await asyncio.gather(*(hears_tone(one, hz_of(other), since=since, for_seconds=0.5) for one, other in pairs))


async def hears_tone(call: HandsetCall, hz: int, *, since: float, for_seconds: float = 0.3) -> None:
    """A tone arrives at a phone for so long.

    Raises:
        SceneError: it does not.
    """
    try:
        await call.audio.wait_to_hear(hz, for_seconds=for_seconds, since=since, seconds=PATIENCE_SECONDS)
    except TimeoutError:
        raise SceneError(f"{call.events.name} does not hear {hz} Hz within {PATIENCE_SECONDS:.0f} s") from None


def hz_of(call: HandsetCall) -> int:
    """The tone that a phone plays in place of a voice."""
    return round(call.audio.hz or 0)


class Sounds:
    """The instance's sentences, and whether a phone hears them."""

    def __init__(self, folder: Path) -> None:
        """``folder`` has them as ``NAME.wav``."""
        self._folder = folder
        self._sentences = read_catalogue()

    def words(self, name: str) -> str:
        """What is said in a sentence, in quotes."""
        return f'"{self._sentences[name].text}"'

    async def heard_by(self, call: HandsetCall, name: str, *, since: float, whole: bool = False) -> None:
        """The sound arrives at a phone, packet for packet as in its file; ``whole``: to its end.

        Raises:
            SceneError: it does not.
        """
        packets = _packets(self._folder / f"{name}.wav")
        wanted = _WHOLE * len(packets) if whole else min(_ENOUGH_PACKETS, len(packets) / 2)
        known = set(packets)

        def count() -> int:
            return sum(packet.payload in known for packet in call.audio.packets if packet.at >= since)

        def missing() -> str:
            return f"{name} at {call.events.name}, only {count()} of {len(packets)} packets of it,"

        try:
            await call.audio.until(lambda: count() >= wanted, PATIENCE_SECONDS, missing)
        except PhoneTimeoutError as error:
            raise SceneError(str(error)) from None


@cache
def _packets(path: Path) -> list[bytes]:
    """What Asterisk sends of a file, without the packets in which there is nothing to hear."""
    codes = g711.encode(tones.read_wav(path)[0])
    packets = [codes[first : first + FRAME] for first in range(0, len(codes) - FRAME + 1, FRAME)]
    return [packet for packet in packets if tones.is_loud(packet)]
