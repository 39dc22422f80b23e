"""``python -m ari_app.publish --state DIR``: tells the broker what the journal holds, in a process of its own.

Whatever becomes of it or of the broker, calls and journal go on, and it goes on where the broker's own word says that
it was. In the application's process it would cost callers time: both would share Python's one lock.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import anyio
import anyio.to_thread
import msgspec
import structlog

from ari_app import running
from ari_app.bus.broker import broker_of
from ari_app.bus.publisher import Publisher
from ari_app.bus.stream import JournalNotRead, Line, Place
from ari_app.domain.floor import Floor
from ari_app.domain.operators import DeskPlace
from ari_app.site import secrets as site_secrets
from ari_app.site.clock import SiteClock
from ari_app.site.secrets import Secrets
from ari_app.site.settings import ConfigError, Settings
from ari_app.site.state import StateDir, StateError, write_private
from ari_app.state_option import begin
from ari_app.store.chain import Row, body, line
from ari_app.store.errors import StoreError
from ari_app.store.reader import map_records
from ari_app.store.tail import JournalTail

POLL_SECONDS: Final = 0.1
"""How often it is looked for the journal while there is none."""

GLANCE_SECONDS: Final = 0.25
"""How often it is looked whether the journal may have grown: each batch costs milliseconds of its own, a look none."""

LOOK_SECONDS: Final = 1.0
"""After so long it is read whatever its file looks like: within one tick of the clock that may be as it was."""

LAST_SECONDS: Final = 3.0
"""How long the last records may take when it ends."""

T = TypeVar("T")
log = structlog.get_logger(__name__)


def main() -> int:
    """Publish until SIGTERM or SIGINT; the exit code."""
    try:
        state, settings = begin("ari_app.publish", "Publishes the journal and the live floor.")
        secrets = site_secrets.load(state, settings)
    except (ConfigError, StateError) as error:
        print(f"siaga110: {error}", file=sys.stderr)
        return 1
    running.run(_run(settings, state, secrets))
    return 0


async def _run(settings: Settings, state: StateDir, secrets: Secrets) -> None:
    clock = SiteClock(settings.site.timezone)
    places = {desk.extension: DeskPlace(desk.unit, login=desk.login) for desk in settings.desk}
    nets = {radio.net: radio.name for radio in settings.radio}

    @asynccontextmanager
    async def open_journal() -> AsyncIterator[FollowedJournal]:
        journal = await FollowedJournal.open(state.journal, partial(Floor, places, nets), clock.today)
        try:
            yield journal
        finally:
            journal.close()

    publisher = Publisher(
        broker_of(settings.mqtt, secrets, "application"), open_journal, KeptPlace(state.published), clock
    )
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with anyio.create_task_group() as tasks:

            async def end_on_signal() -> None:
                async for _ in signals:
                    publisher.close()
                    tasks.cancel_scope.deadline = anyio.current_time() + LAST_SECONDS

            tasks.start_soon(end_on_signal)
            await publisher.run()
            tasks.cancel_scope.cancel()


class KeptPlace:
    """The number of the last record that a broker took, in a file: for a broker that has forgotten everything."""

    def __init__(self, path: Path) -> None:
        """``path`` need not be there."""
        self._path = path
        self._is_well = True

    def read(self) -> Place:
        """As it was written last; number 0 when there is none, or a damaged one."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Place)
        except (OSError, msgspec.DecodeError):
            return Place()

    def write(self, place: Place) -> None:
        """Keep it, whole or not at all."""
        try:
            write_private(self._path, msgspec.json.encode(place).decode() + "\n")
        except StateError as error:
            if self._is_well:
                log.warning("published.not_kept", reason=str(error))
            self._is_well = False
        else:
            self._is_well = True


class Growth:
    """Whether a journal that another process writes may have grown: its file is looked at, and not read, in between."""

    def __init__(self, path: Path) -> None:
        """SQLite appends to a log beside it, and goes on at its beginning once in a while."""
        self._log = path.with_name(f"{path.name}-wal")

    async def until(self, read: Callable[[], Awaitable[Sequence[T]]]) -> Sequence[T]:
        """What ``read`` gives, as soon as that is something."""
        while True:
            seen = self._seen()  # before the reading: what comes during it is another sight
            if found := await read():
                return found
            with anyio.move_on_after(LOOK_SECONDS):
                while self._seen() == seen:  # noqa: ASYNC110 - another process writes it
                    await anyio.sleep(GLANCE_SECONDS)

    def _seen(self) -> tuple[int, int, int] | None:
        try:
            found = self._log.stat()
        except OSError:
            return None
        return found.st_ino, found.st_size, found.st_mtime_ns


class FollowedJournal:
    """The journal as the bus reads it: stream and floor each on a connection of their own, in threads."""

    def __init__(self, path: Path, new_floor: Callable[[], Floor], today: Callable[[], str]) -> None:
        """Open it; ``new_floor`` makes one of which nothing has been told.

        Raises:
            JournalError: there is none, or it cannot be read.
        """
        self._new_floor = new_floor
        self._today = today
        self._stream = JournalTail(path)
        self._floor = JournalTail(path)
        self._growth = Growth(path)

    @classmethod
    async def open(cls, path: Path, new_floor: Callable[[], Floor], today: Callable[[], str]) -> FollowedJournal:
        """Open it, when there is one: the application, which begins it, may start more slowly than we do.

        Raises:
            JournalNotRead: it cannot be read.
        """
        while not path.exists():  # noqa: ASYNC110, ASYNC240 - nobody tells us, and a look takes no time
            await anyio.sleep(POLL_SECONDS)
        return await _read(lambda: cls(path, new_floor, today))

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()
        self._floor.close()

    async def lines(self, after: int, limit: int) -> Sequence[Line]:
        """The lines behind number ``after``, at most ``limit``, as messages."""
        return [Line(row[0], row[6], message(row)) for row in await _read(lambda: self._stream.rows(after, limit))]

    async def has(self, place: Place) -> bool:
        """Whether the journal has this line."""
        return await _read(lambda: self._stream.hash_of(place.seq)) == place.hash

    async def news(self, after: int) -> None:
        """Return when there is a line behind number ``after``."""
        await self._growth.until(lambda: _read(lambda: self._stream.rows(after, 1)))

    async def restore(self) -> Floor:
        """The floor after the journal's last line."""

        def fold() -> Floor:
            floor = self._new_floor()
            for record in self._floor.history(self._today()):
                floor.fold(record)
            return floor

        return await _read(fold)

    async def follow(self, floor: Floor) -> None:
        """Fold lines behind those that the floor has; return when it has some more."""
        rows = await self._growth.until(lambda: _read(lambda: self._floor.rows(floor.seq)))
        for record in map_records(rows):
            floor.fold(record)
        floor.passed(rows[-1][0], rows[-1][6])


def message(row: Row) -> bytes:
    """A line's message: as it is exported, its data byte for byte, because they are hashed; and the version."""
    seq, at, actor, action, call, data, hash_ = row
    try:
        msgspec.json.decode(data, type=dict)
    except (msgspec.DecodeError, TypeError):  # it must not hold up those behind it, nor break their readers
        data = msgspec.json.encode({"damaged": str(data)}).decode()
    return b'{"version":1,' + line(body(seq, at, actor, action, call, data.encode()), str(hash_))[1:]


async def _read(work: Callable[[], T]) -> T:
    try:
        return await anyio.to_thread.run_sync(work)
    except StoreError as error:
        raise JournalNotRead(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
