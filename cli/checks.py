"""What ``siaga doctor`` looks at. A check never raises: what it cannot see, it says."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ari_app.site.settings import Settings
from ari_app.site.state import StateDir, StateError
from ari_app.store.database import open_engine, stored_revision
from ari_app.store.errors import StoreError
from ari_app.store.queries import folded_up_to
from ari_app.store.reader import JournalReader
from ari_app.store.reserve import ROOM, reserve_of, standing_alarm, waiting
from ari_app.store.tables import REVISION
from ari_app.store.verify import verify
from ari_app.store.witness import last_result
from cli.conf import describe
from cli.errors import Refused
from cli.output import counted
from cli.place import settings_in_force

OK, WARNING, FAILED = "ok", "warning", "failed"

TAIL: Final = 10_000
"""So many of the journal's last records are verified."""

MUCH_BEHIND: Final = 1_000
"""From so many records on, the tables are behind the journal."""

GIGABYTE: Final = 10**9
LITTLE_SPACE, NO_SPACE = 2 * GIGABYTE, GIGABYTE // 5
"""Free bytes: below the first one is warned, below the second calls will soon not be recorded."""

OLDEST_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""A clock that says less has never been set."""

CLOCK_SECONDS: Final = 60.0
"""A clock may be so far behind the journal's last record."""

ANSWER_SECONDS: Final = 3.0
UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: ``ok``, ``warning`` or ``failed``, and why."""

    check: str
    result: str
    text: str


def examine(state: StateDir) -> list[Finding]:
    """Look at everything, in the order in which one thing needs another."""
    return list(_examine(state))


def _examine(state: StateDir) -> Iterator[Finding]:
    yield _guarded("state", partial(_state, state))
    settings: Settings | None = None
    try:
        settings = settings_in_force(state)
        yield Finding("configuration", OK, describe(settings))
    except (Refused, OSError) as error:
        yield Finding("configuration", FAILED, str(error))
    yield _guarded("journal", partial(_journal, state))
    yield _guarded("reserve", partial(_reserve, state))
    yield _guarded("witness", partial(_witness, state))
    yield _guarded("clock", partial(_clock, state))
    yield _guarded("application", partial(_application, state))
    if settings is not None:
        yield _guarded("database", partial(_database, state, settings))
    yield _guarded("disk", partial(_disk, state))
    if settings is not None:
        yield _guarded("asterisk", partial(_asterisk, settings))
        yield _guarded("broker", partial(_broker, settings))


def _guarded(check: str, look: Callable[[], tuple[str, str]]) -> Finding:
    try:
        return Finding(check, *look())
    except (StateError, StoreError, OSError, SQLAlchemyError) as error:
        return Finding(check, FAILED, " ".join(str(error).split()))


def _state(state: StateDir) -> tuple[str, str]:
    own = (state.config, state.secrets, state.journal, state.database, state.recordings, state.log)
    for path in (state.root, *(each for each in own if each.exists())):
        if not os.access(path, os.R_OK | os.W_OK):
            return FAILED, f"this user may not read and write {path}"
    open_to = [path for path in (state.root, state.secrets) if path.exists() and path.stat().st_mode & 0o077]
    if open_to:
        return WARNING, f"{open_to[0]} is open to other users: it holds passwords and callers' numbers"
    return OK, str(state.root)


def _journal(state: StateDir) -> tuple[str, str]:
    if not state.journal.exists():
        return WARNING, "there is none yet"
    found = verify(state.journal, last=TAIL)
    if not found.ok:
        first = found.problems[0]
        return FAILED, f"line {first.seq}: {first.what}; see `siaga journal verify`"
    reserve = reserve_of(state.journal)
    alarm = standing_alarm(reserve) if reserve.exists() else None
    if alarm is not None:
        return FAILED, f"{alarm}; see docs/operations.md"
    return OK, f"{counted(found.last, 'record')}, the last {found.records} verified"


def _reserve(state: StateDir) -> tuple[str, str]:
    """Where the journal's lines go that the disk does not take at present."""
    reserve = reserve_of(state.journal)
    if not reserve.exists():
        return WARNING, "it is not there: the next start makes it"
    if waiting(reserve):
        return WARNING, "records wait in it: they are written when the journal can be, or at the next start"
    if reserve.stat().st_blocks * 512 < ROOM:
        return WARNING, f"it has less than {ROOM // 2**20} MB set aside: make room and start again"
    return OK, f"{ROOM // 2**20} MB set aside"


def _witness(state: StateDir) -> tuple[str, str]:
    """What Asterisk wrote down of the calls itself, held against the journal once an hour."""
    last = last_result(state.witness)
    if last is None:
        return OK, "journal and Asterisk have not been compared yet: once an hour, or `siaga journal reconcile`"
    agree = last.trouble is None and not last.differences
    return (OK, last.sentence) if agree else (WARNING, f"{last.sentence}; see `siaga journal reconcile`")


def _clock(state: StateDir) -> tuple[str, str]:
    """Calls do not mind a wrong clock; times in journal and reports do."""
    now = datetime.now(UTC)
    last = _last_moment(state)
    if now < OLDEST_NOW:
        return FAILED, f"it says {now:%Y-%m-%d %H:%M} UTC, which is long over: set it"
    if last is not None and last - now > timedelta(seconds=CLOCK_SECONDS):
        return WARNING, f"it is {last - now} behind the journal's last record: it was set back, or was wrong then"
    return OK, f"{now.astimezone():%Y-%m-%d %H:%M:%S %z}"


def _last_moment(state: StateDir) -> datetime | None:
    if not state.journal.exists():
        return None
    with JournalReader(state.journal) as reader:
        rows = reader.rows(after=reader.head().seq - 1, limit=1)
    return datetime.fromisoformat(rows[0][1]) if rows else None


def _application(state: StateDir) -> tuple[str, str]:
    """Who writes the journal holds its lock as long as it lives."""
    lock = state.journal.with_name(state.journal.name + ".lock")
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return FAILED, "it has not run here yet: see scripts/run"
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        if state.replaced.exists():
            return WARNING, "on standby: another application has connected to Asterisk with its name, and serves"
        return OK, "it runs and holds the journal"
    finally:
        os.close(descriptor)
    return FAILED, "it does not run: without it Asterisk rings all desks at once, see scripts/run"


def _database(state: StateDir, settings: Settings) -> tuple[str, str]:
    url = state.database_url(settings)
    engine = open_engine(url, read_only=True)
    file = engine.url.database if engine.url.get_backend_name() == "sqlite" else None
    revision = stored_revision(engine) if file is None or Path(file).exists() else None
    if revision is None:
        return WARNING, "there are no tables yet; they are made from the journal"
    if revision > REVISION:
        return FAILED, f"it has schema {revision}, this program knows {REVISION}: use the newer program"
    if revision < REVISION:
        return WARNING, f"it has schema {revision}; the next start brings it to {REVISION}"
    behind = _head(state) - folded_up_to(engine)
    if behind >= MUCH_BEHIND:
        return WARNING, f"schema {revision}, {behind} records behind the journal: see the application's log"
    return (
        OK,
        f"schema {revision}, up with the journal" if behind <= 0 else f"schema {revision}, {behind} records behind",
    )


def _head(state: StateDir) -> int:
    if not state.journal.exists():
        return 0
    with JournalReader(state.journal) as reader:
        return reader.head().seq


def _disk(state: StateDir) -> tuple[str, str]:
    free = shutil.disk_usage(state.root).free
    text = f"{free / GIGABYTE:.1f} GB free"
    if free < NO_SPACE:
        return FAILED, f"{text}: recordings and journal soon find no room"
    return (WARNING if free < LITTLE_SPACE else OK), text


def _asterisk(settings: Settings) -> tuple[str, str]:
    """Asterisk refuses who comes without a password: then it lives."""
    where = settings.asterisk.http
    connection = HTTPConnection(where.host, where.port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/ari/asterisk/info")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or "that is no HTTP"
        return FAILED, f"it does not answer at {where}: {reason}"
    finally:
        connection.close()
    if status != UNAUTHORIZED:
        return FAILED, f"something else than its ARI answers at {where} (status {status})"
    return OK, f"answers at {where}"


def _broker(settings: Settings) -> tuple[str, str]:
    """Somebody listens there; calls do not need it."""
    where = settings.mqtt.address
    try:
        socket.create_connection((where.host, where.port), ANSWER_SECONDS).close()
    except OSError as error:
        return FAILED, f"it does not answer at {where}: {error.strerror or error}"
    return OK, f"answers at {where}"
