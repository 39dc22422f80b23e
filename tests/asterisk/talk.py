"""A 110 call that has been answered, for the tests of what an operator does with it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from scripts.phones import Audio, Handset, HandsetCall, PhoneEndedError, Phones, tones
from tests.asterisk.site import Site

CALLER_HZ, POLDA_HZ, POLRES_HZ, OTHER_HZ = 440, 660, 880, 1320
RINGING_HZ = 425
BLOCK_SECONDS = 0.2


@dataclass
class Talk:
    """A call that has been answered at the first desk of the Polda."""

    call: str
    caller: HandsetCall
    polda: HandsetCall
    desk: Handset

    async def hear_each_other(self) -> None:
        """The caller and the Polda's operator do, from now on."""
        await hear_each_other((self.caller, CALLER_HZ), (self.polda, POLDA_HZ))


async def begin_talk(site: Site, phones: Phones, number: str | None = "081234567890", desk: int = 0) -> Talk:
    """A citizen dials 110, and a desk of the Polda answers."""
    after = site.head()
    handset = await phones.handset(site.accounts[desk], hz=POLDA_HZ, answers=0.05)
    caller = await phones.citizen(number=number, hz=CALLER_HZ)
    polda = await handset.rung()
    await polda.answered()
    talk = Talk(await site.new_call(after), caller, polda, handset)
    await talk.hear_each_other()
    return talk


def moment() -> float:
    """The event loop's clock, by which audio packets are stamped."""
    return asyncio.get_running_loop().time()


async def hear_each_other(*ends: tuple[HandsetCall, int]) -> None:
    """Everyone hears everyone else's tone, from now on."""
    since = moment()
    await asyncio.gather(
        *(
            one.audio.wait_to_hear(hz, for_seconds=0.2, since=since)
            for one, _ in ends
            for other, hz in ends
            if other is not one
        )
    )


async def join_two_calls(first: HandsetCall, desk: Handset, other: Handset, to: str, *, is_first: bool) -> HandsetCall:
    """A phone holds, calls ``other`` by the number ``to``, and joins the two, asked in either call.

    Returns the end of the one who was called.
    """
    await first.hold()
    second = await desk.dial(to)
    await second.answered()
    called = await other.rung()
    await hear_each_other((second, _hz(desk)), (called, _hz(other)))
    asked, joined = (first, second) if is_first else (second, first)
    assert await asked.attended_transfer(joined) == 200
    return called


def _hz(desk: Handset) -> int:
    assert desk.hz is not None
    return round(desk.hz)


async def press_last(call: HandsetCall, keys: str) -> None:
    """Press keys that end the call, perhaps before the last one is let go."""
    with contextlib.suppress(PhoneEndedError):
        await call.press(keys)


def first_heard(audio: Audio, hz: int, since: float) -> float | None:
    """When a tone was first heard since a moment, by the event loop's clock."""
    packets = [packet for packet in audio.packets if packet.at >= since]
    for first in range(len(packets) - 1):
        pair = tones_of(audio, packets[first].at, packets[first + 1].at + 1e-6)
        if tones.loudness(pair) > 200 and tones.share(pair, hz) > 0.5:
            return packets[first].at
    return None


def tones_of(audio: Audio, start: float, end: float) -> list[int]:
    """The samples of the packets that came between two moments."""
    samples: list[int] = []
    for packet in audio.packets:
        if start <= packet.at < end:
            samples.extend(tones.decode(packet.payload))
    return samples


def longest_silence(audio: Audio, start: float, end: float) -> float:
    """The longest stretch, in seconds, in which nothing could be heard: no packets, or only quiet ones."""
    loud = [packet.at for packet in audio.packets if start <= packet.at < end and tones.is_loud(packet.payload)]
    return max(later - earlier for earlier, later in zip([start, *loud], [*loud, end], strict=True))


async def heard_only(audio: Audio, hz: int, *, seconds: float = 0.6) -> bool:
    """Whether for so long a tone is what is heard, and nothing else."""
    since = moment()
    await asyncio.sleep(seconds)
    samples = audio.samples_since(since)
    return tones.share(samples, hz) > 0.9
