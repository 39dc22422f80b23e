"""Simulated callers from the trunk: one by one, or many at a rate."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from scripts.phones import g711, tones
from scripts.phones.audio import Audio
from scripts.phones.events import Event, EventLog, PhoneEndedError
from scripts.phones.sipp import FOREVER_MS, Sipp, press, write_scenario

TONE: Final = "tone.alaw"


@dataclass(frozen=True, slots=True)
class CallResult:
    """How one call went, as the caller saw it.

    ``ending`` is ``caller`` or ``desk`` (who hung up), ``cancelled``, ``refused`` (with ``code``) or ``lost``.
    Times in ms from the INVITE; None where it did not come to that.
    """

    ending: str
    code: int | None
    ringing_ms: float | None
    answered_ms: float | None

    @property
    def is_answered(self) -> bool:
        """Whether somebody answered."""
        return self.answered_ms is not None


@dataclass(frozen=True, slots=True)
class LoadResult:
    """How many calls went well, and how long each waited for its answer."""

    calls: tuple[CallResult, ...]
    delays_ms: tuple[float, ...] = ()
    """INVITE to 200 of every answered call, as SIPp's own response times have it."""

    unended: int = 0
    """Calls that were not over in time and were broken off, or had not even begun: they are ``lost``."""

    dialling_seconds: float = 0.0
    """From the first INVITE to the last."""

    @property
    def answered(self) -> int:
        """Calls that were answered."""
        return sum(call.is_answered for call in self.calls)

    @property
    def failed(self) -> int:
        """Calls that were not answered."""
        return len(self.calls) - self.answered

    def __add__(self, other: LoadResult) -> LoadResult:
        """Both together, begun at the same time."""
        return LoadResult(
            self.calls + other.calls,
            self.delays_ms + other.delays_ms,
            self.unended + other.unended,
            max(self.dialling_seconds, other.dialling_seconds),
        )


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile; NaN of nothing."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


@dataclass(frozen=True, slots=True)
class Dialling:
    """What a caller sends and does; times in ms, None: not of its own accord."""

    dialled: str = "110"
    number: str | None = "081234567890"
    asserted: str | None = None
    hang_up_ms: int | None = None
    cancel_ms: int | None = None
    talks: bool = False
    """Whether SIPp itself sends the sound of a talk (a tone, 50 packets a second)."""

    def values(self, host: str) -> dict[str, str | int]:
        """The scenario's places; ``[call_number]`` in a number becomes the call's own number."""
        if self.number is None:
            sender = '"Anonymous" <sip:anonymous@anonymous.invalid>'
        else:
            sender = f"<sip:{self.number}@{host}>"
        return {
            "dialled": self.dialled,
            "from": sender,
            "headers": f"P-Asserted-Identity: <sip:{self.asserted}@{host}>" if self.asserted else "",
            "talk_ms": FOREVER_MS if self.hang_up_ms is None else max(1, self.hang_up_ms),
            "cancel_ms": FOREVER_MS if self.cancel_ms is None else max(1, self.cancel_ms),
            "talks": f'<nop><action><exec rtp_stream="{TONE},-1,8,PCMA/8000"/></action></nop>' if self.talks else "",
        }


class Caller:
    """One or more calls by one SIPp.

    Events: ``sent``, ``ringing``, ``answered``, ``ended`` (field ``by``), ``cancelled``, ``failed`` (``code``).
    """

    def __init__(self, host: str, port: int, home: Path) -> None:
        """``host`` is the address the calls really come from."""
        self.host, self.port = host, port
        self._sipp = Sipp("caller", home)
        self._talk: asyncio.Task[None] | None = None

    @property
    def events(self) -> EventLog:
        """All that happened to this caller."""
        return self._sipp.events

    async def start(  # noqa: PLR0913 - named, and each a thing of its own
        self,
        server: tuple[str, int],
        dialling: Dialling,
        *,
        audio: Audio | None,
        silent_port: int,
        count: int = 1,
        rate: float = 10.0,
    ) -> None:
        """Dial ``count`` times, ``rate`` a second."""
        home = self._sipp.home
        port: str | int = audio.port if audio else silent_port
        if dialling.talks:
            port = "[rtpstream_audio_port]"
            (home / TONE).write_bytes(g711.encode(tones.tone(440, 1.0)))
        write_scenario("caller", home / "caller.xml", {
            **dialling.values(self.host), "audio_ip": audio.host if audio else self.host, "audio_port": port,
        })  # fmt: skip
        # SIPp's rates are whole numbers: so many in ten seconds, or one in a longer time.
        calls, period_ms = (round(rate * 10), 10_000) if rate >= 1 else (1, round(1000 / rate))
        speed = ["-users", "1"] if count == 1 else ["-r", str(calls), "-rp", str(period_ms), "-l", "2000"]
        await self._sipp.start([
            f"{server[0]}:{server[1]}", "-i", self.host, "-p", str(self.port), "-bind_local", "-mi", self.host,
            "-sf", "caller.xml", "-m", str(count), *speed, "-default_behaviors", "all,-abortunexp",
            "-trace_rtt", "-rtt_freq", "1000",
        ])  # fmt: skip
        if audio is not None:
            self._talk = asyncio.create_task(_talk_when_answered(self.events, audio))

    async def sent(self, *, seconds: float = 5.0) -> Event:
        """The INVITE is on its way."""
        return await self.events.wait("sent", seconds=seconds)

    async def ringing(self, *, seconds: float = 10.0) -> Event:
        """The caller hears it ring."""
        return await self.events.wait("ringing", seconds=seconds)

    async def answered(self, *, seconds: float = 10.0) -> Event:
        """Somebody answered; PhoneEndedError when the call ended without."""
        return await self.events.wait("answered", seconds=seconds)

    async def ended(self, *, seconds: float = 10.0) -> Event:
        """The talk is over."""
        return await self.events.wait("ended", seconds=seconds)

    async def hang_up(self) -> None:
        """Hang up now, or give up while it rings."""
        event = await self.sent()
        await press(self.host, self.port, event.call, self.events, ("ended", "cancelled", "failed"))

    async def result(self, *, seconds: float = 20.0) -> CallResult:
        """How the one call went, when its SIPp has ended."""
        return (await self.results(seconds=seconds)).calls[0]

    async def results(self, *, seconds: float) -> LoadResult:
        """How all calls went, when SIPp has ended; PhoneTimeoutError when it still runs after ``seconds``."""
        await self._sipp.finished(seconds=seconds)
        result = replace(summarise(self.events.history), delays_ms=tuple(self._response_times()))
        if not result.calls:
            await self.events.wait("sent", seconds=0.1)  # says why there is none
            raise PhoneEndedError
        return result

    def so_far(self, count: int) -> LoadResult:
        """How ``count`` calls went up to now; SIPp's own response times are only there at its end, so by the events."""
        begun = summarise(self.events.history)
        calls = begun.calls + (CallResult("lost", None, None, None),) * (count - len(begun.calls))
        delays = tuple(call.answered_ms for call in calls if call.answered_ms is not None)
        unended = sum(call.ending == "lost" for call in calls)
        return replace(begun, calls=calls, delays_ms=delays, unended=unended)

    def _response_times(self) -> Iterator[float]:
        """What SIPp has measured from each INVITE to its 200 (its RTD), in ms."""
        for file in self._sipp.home.glob("caller_*_rtt.csv"):
            for line in file.read_text(encoding="ascii").splitlines()[1:]:
                yield float(line.split(";")[1])

    async def die(self) -> None:
        """Fall silent: neither BYE nor CANCEL."""
        if self._talk is not None:
            self._talk.cancel()
        await self._sipp.kill()


def summarise(history: Sequence[Event]) -> LoadResult:
    """Fold a caller's events into one result for each call, in order of the INVITEs."""
    stories: dict[str, list[Event]] = {}
    for event in history:
        stories.setdefault(event.call, []).append(event)
    sent = [story for story in stories.values() if story[0].kind == "sent"]
    moments = [story[0].at for story in sent]
    return LoadResult(tuple(map(_result, sent)), dialling_seconds=max(moments, default=0.0) - min(moments, default=0.0))


def _result(story: Sequence[Event]) -> CallResult:
    start = story[0].at
    ending, code = "lost", None
    ringing: float | None = None
    answered: float | None = None
    for event in story:
        if event.kind == "ringing" and ringing is None:
            ringing = (event.at - start) * 1000
        elif event.kind == "answered" and answered is None:
            answered = (event.at - start) * 1000
        elif event.kind == "ended":
            ending = "caller" if event.fields.get("by") == "self" else "desk"
        elif event.kind == "cancelled":
            ending = "cancelled"
        elif event.kind == "failed":
            ending, code = "refused", int(event.fields["code"])
    return CallResult(ending, code, ringing, answered)


async def _talk_when_answered(events: EventLog, audio: Audio) -> None:
    with contextlib.suppress(PhoneEndedError):  # never answered: nobody to talk to
        event = await events.wait("answered", seconds=FOREVER_MS / 1000)
        audio.talk_to(event.fields["ip"], int(event.fields["port"]))
