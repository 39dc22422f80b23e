"""Looks of ``siaga doctor`` at the journal, what is made of it, and its times."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ari_app.site.basics import read_basics
from ari_app.store.database import open_engine, stored_revision
from ari_app.store.queries import folded_up_to
from ari_app.store.reader import JournalReader
from ari_app.store.reserve import ROOM, reserve_of, standing_alarm, waiting
from ari_app.store.tables import REVISION
from ari_app.store.verify import verify
from ari_app.store.witness import last_result
from cli.findings import FAILED, OK, WARNING, Seen
from cli.language import localised, tr
from cli.output import counted
from cli.processes import log_of

if TYPE_CHECKING:
    from ari_app.site.settings import Settings
    from ari_app.site.state import StateDir

TAIL: Final = 10_000
"""So many of the journal's last records are verified."""

MUCH_BEHIND: Final = 1_000
"""From so many records on, what is made of the journal is behind it."""

OLDEST_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""A clock that says less has never been set."""

CLOCK_SECONDS: Final = 60.0
"""A clock may be so far behind the journal's last record."""


def journal(state: StateDir) -> Seen:
    """Its last records, and whether its writer is in trouble."""
    if not state.journal.exists():
        return WARNING, tr("there is none yet: the first start makes it")
    found = verify(state.journal, last=TAIL)
    if not found.ok:
        first = found.problems[0]
        return FAILED, tr(
            "line {line}: {reason}; see `siaga journal verify`", line=first.seq, reason=localised(first.what)
        )
    kept = reserve_of(state.journal)
    alarm = standing_alarm(kept) if kept.exists() else None
    if alarm is not None:
        return FAILED, tr("{alarm}; see docs/operations.md", alarm=localised(alarm))
    return OK, tr("{records}, the last {number} verified", records=counted(found.last, "record"), number=found.records)


def reserve(state: StateDir) -> Seen:
    """Where the journal's lines go that the disk does not take at present."""
    kept = reserve_of(state.journal)
    if not kept.exists():
        return WARNING, tr("it is not there: the next start makes it")
    if waiting(kept):
        return WARNING, tr("records wait in it: they are written when the journal can be, or at the next start")
    if kept.stat().st_blocks * 512 < ROOM:
        return WARNING, tr("it has less than {number} MB set aside: make room and start again", number=ROOM // 2**20)
    return OK, tr("{number} MB set aside", number=ROOM // 2**20)


def witness(state: StateDir) -> Seen:
    """What Asterisk wrote down of the calls itself, held against the journal once an hour."""
    last = last_result(state.witness)
    if last is None:
        return OK, tr("journal and Asterisk have not been compared yet: once an hour, or `siaga journal reconcile`")
    said = localised(last.sentence)
    if last.trouble is None and not last.differences:
        return OK, said
    return WARNING, tr("{sentence}; see `siaga journal reconcile`", sentence=said)


def clock(state: StateDir) -> Seen:
    """Calls do not mind a wrong clock or zone; times in journal and reports do, and whoever reads the logs."""
    now = datetime.now(UTC)
    last = _last_moment(state)
    if now < OLDEST_NOW:
        return FAILED, tr("it says {time} UTC, which is long over: set it", time=f"{now:%Y-%m-%d %H:%M}")
    if last is not None and last - now > timedelta(seconds=CLOCK_SECONDS):
        return WARNING, tr(
            "it is {time} behind the journal's last record: it was set back, or was wrong then", time=last - now
        )
    machine, site = now.astimezone(), _site_time(state, now)
    if site is not None and site.utcoffset() != machine.utcoffset():
        return WARNING, tr(
            "it is at UTC{machine}, the site at UTC{site}: logs and files have another hour than journal and reports; "
            "timedatectl set-timezone {zone} before the next start",
            machine=f"{machine:%z}",
            site=f"{site:%z}",
            zone=site.tzinfo,
        )
    return OK, f"{machine:%Y-%m-%d %H:%M:%S %z}"


def _site_time(state: StateDir, now: datetime) -> datetime | None:
    """The moment in the site's own time zone; None: the configuration names none that there is."""
    site = read_basics(state.config)
    with suppress(ValueError, OSError, ZoneInfoNotFoundError):
        return now.astimezone(ZoneInfo(site.timezone)) if site is not None else None
    return None


def _last_moment(state: StateDir) -> datetime | None:
    if not state.journal.exists():
        return None
    with JournalReader(state.journal) as reader:
        rows = reader.rows(after=reader.head().seq - 1, limit=1)
    return datetime.fromisoformat(rows[0][1]) if rows else None


def database(state: StateDir, settings: Settings) -> Seen:
    """The tables: can they be read, and how far are they behind the journal?"""
    engine = open_engine(state.database_url(settings), read_only=True)
    file = engine.url.database if engine.url.get_backend_name() == "sqlite" else None
    revision = stored_revision(engine) if file is None or Path(file).exists() else None
    if revision is None:
        return WARNING, tr("there are no tables yet; they are made from the journal")
    if revision > REVISION:
        return FAILED, tr(
            "it has schema {stored}, this program knows {known}: use the newer program", stored=revision, known=REVISION
        )
    if revision < REVISION:
        return WARNING, tr(
            "it has schema {stored}; the next start brings it to {known}", stored=revision, known=REVISION
        )
    behind = head(state) - folded_up_to(engine)
    if behind >= MUCH_BEHIND:
        return WARNING, tr(
            "schema {stored}, {number} records behind the journal: see {log}",
            stored=revision,
            number=behind,
            log=log_of(state, "tables"),
        )
    if behind > 0:
        return OK, tr("schema {stored}, {records} behind", stored=revision, records=counted(behind, "record"))
    return OK, tr("schema {stored}, up with the journal", stored=revision)


def head(state: StateDir) -> int:
    """The number of the journal's last record; 0: there is none."""
    if not state.journal.exists():
        return 0
    with JournalReader(state.journal) as reader:
        return reader.head().seq
