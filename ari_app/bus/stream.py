"""The journal's records on ``siaga110/journal``: every one, in order, from a cursor.

The broker itself keeps the cursor: behind each batch that it has confirmed, the last record's number is published
retained at ``siaga110/journal/last``. What the broker still has of that after its death, it has of the records before
it. So after any death, ours or the broker's, the stream goes on behind that number: no gap, and a repetition only of
what the broker had taken when the number was not yet there. A file has the number of a minute ago, for a broker that
knows of none: it has lost everything, or was killed before it had written its first one to disk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import anyio
import structlog
from aiomqtt import MqttError

from ari_app.bus import topics
from ari_app.bus.broker import BusClient
from ari_app.bus.payloads import LastRecord

BATCH: Final = 50
"""Records between two marks: at most so many are repeated."""

IN_FLIGHT: Final = 10
"""Messages that are not confirmed yet. Some brokers drop who has more."""

LAG_SECONDS: Final = 60.0
"""How old the file's number is at least: by then the broker has written what it had confirmed."""

STALL_SECONDS: Final = 10.0
"""A broker that confirms nothing for so long is connected to anew."""

log = structlog.get_logger(__name__)


class JournalNotRead(OSError):
    """The journal cannot be read at present, or another one lies in its place; the text is one sentence.

    It counts as a lost connection: everything begins anew, a while later.
    """


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the journal, and its message."""

    seq: int
    hash: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Place:
    """A line that was published; ``seq`` 0: none yet."""

    seq: int = 0
    hash: str = ""


class Source(Protocol):
    """The journal, as the stream reads it. Every method may raise ``JournalNotRead``."""

    async def lines(self, after: int, limit: int) -> Sequence[Line]:
        """The lines behind number ``after``, at most ``limit``."""
        ...

    async def has(self, place: Place) -> bool:
        """Whether the journal has this line."""
        ...

    async def news(self, after: int) -> None:
        """Return when there is a line behind number ``after``."""
        ...


class Kept(Protocol):
    """Where the cursor's copy is kept. It never raises: a full disk stops nothing."""

    def read(self) -> Place:
        """As it was written last; number 0 when there is none."""
        ...

    def write(self, place: Place) -> None:
        """Keep it, whole or not at all."""
        ...


class JournalStream:
    """Publishes the journal, for as long as ``run`` runs."""

    def __init__(self, kept: Kept) -> None:
        """Nothing is published yet."""
        self.closing = anyio.Event()
        """Set: ``run`` ends when everything is published."""
        self._kept = kept
        self._recent: deque[tuple[float, Place]] = deque()
        """Where the stream was at a moment, once a second: those of the last minute."""

    async def run(self, client: BusClient, source: Source, accepted: Place | None) -> None:
        """Publish what the broker does not have, and then what comes; ``accepted`` is its own mark, None: it has none.

        Raises:
            MqttError: the broker is gone, or confirms nothing.
            JournalNotRead: see there.
        """
        self._recent.clear()
        place = await self._begin(source, accepted)
        while True:
            lines = await source.lines(place.seq, BATCH)
            if lines:
                await self._publish(client, lines)
                place = Place(lines[-1].seq, lines[-1].hash)
                self._keep(place)
            elif self.closing.is_set():
                return
            else:
                with anyio.move_on_after(LAG_SECONDS):
                    await self._news(source, place)
                self._keep(place)

    async def _begin(self, source: Source, accepted: Place | None) -> Place:
        for place in (accepted, self._kept.read()):
            if place is not None and place.seq:
                if await source.has(place):
                    log.info("stream.goes_on", behind=place.seq)
                    return place
                log.warning("stream.other_journal", seq=place.seq)
        log.info("stream.begins")
        return Place()

    def _keep(self, place: Place) -> None:
        """Write down where the stream was a minute ago."""
        now = anyio.current_time()
        if not self._recent or now - self._recent[-1][0] >= 1:
            self._recent.append((now, place))
        old: Place | None = None
        while self._recent and now - self._recent[0][0] >= LAG_SECONDS:
            _, old = self._recent.popleft()
        if old is not None and old != self._kept.read():
            self._kept.write(old)

    async def _publish(self, client: BusClient, lines: Sequence[Line]) -> None:
        """Hand one batch to the broker, in order, and then the mark."""
        free = anyio.Semaphore(IN_FLIGHT)
        trouble: list[Exception] = []

        async def one(line: Line) -> None:
            try:
                await client.send(topics.JOURNAL, line.payload)
            except (MqttError, OSError) as error:
                trouble.append(error)
                tasks.cancel_scope.cancel()
            else:
                patience.deadline = anyio.current_time() + STALL_SECONDS
                free.release()

        with anyio.move_on_after(STALL_SECONDS) as patience:
            async with anyio.create_task_group() as tasks:
                for line in lines:
                    await free.acquire()
                    tasks.start_soon(one, line)  # they begin, and so publish, in this order
            if not trouble:
                mark = LastRecord(seq=lines[-1].seq, hash=lines[-1].hash)
                await client.send(topics.JOURNAL_LAST, mark.model_dump_json(), retain=True)
        if trouble:
            raise trouble[0]
        if patience.cancelled_caught:
            raise MqttError(f"it has confirmed nothing for {STALL_SECONDS:.0f} s")

    async def _news(self, source: Source, place: Place) -> None:
        """Return when there is something to publish, or nothing more to wait for."""
        async with anyio.create_task_group() as race:

            async def closing() -> None:
                await self.closing.wait()
                race.cancel_scope.cancel()

            race.start_soon(closing)
            await source.news(place.seq)
            race.cancel_scope.cancel()
