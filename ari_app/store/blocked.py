"""The block list as tables and journal have it: for who starts, and for who marks a call that is over (SOP VIII).

The tables are quick to read, and may be behind the journal: what they lack is noted from its lines. Where they are
missing, older than this program or broken, everything is. It does without SQLAlchemy, which would cost the application
more memory than a million numbers do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog

from ari_app.domain.blocklist import (
    ACTIONS,
    MARKED,
    REMEMBERED,
    UNMARKED,
    BlockList,
    BlockRefused,
    BlockRules,
    CallStory,
    Reason,
)
from ari_app.domain.calls import text
from ari_app.domain.facts import Record
from ari_app.domain.mark_book import Mark
from ari_app.domain.number_set import NumberSet
from ari_app.store.errors import StoreError
from ari_app.store.reader import JournalReader
from ari_app.store.sqlite_tables import folded_to, open_tables

FLUSH_SECONDS: Final = 2.0
"""Who gives an order waits for 5 s, and what it changes must be written, too."""

PAGE: Final = 10_000
"""Rows fetched at a time: in between calls have their turn."""

# The plus keeps SQLite from going through the numbers in the order of their index, which is much slower here.
_BLOCKED: Final = """
SELECT CAST(substr(number, 2) AS INTEGER) AS digits, blocked_ms / 1000 FROM numbers
WHERE blocked_ms IS NOT NULL AND (?1 IS NULL OR reason = ?1) AND +number GLOB '+[1-9]*' ORDER BY digits
"""
_BLOCKED_OTHERS: Final = """
SELECT number, blocked_ms / 1000, reason FROM numbers
WHERE +blocked_ms IS NOT NULL AND NOT number GLOB '+[1-9]*'
"""
_MARKS: Final = "SELECT number, marked_in FROM numbers WHERE marks > 0"
_CALLS: Final = "SELECT call, action FROM number_history WHERE action IN (?, ?) ORDER BY seq DESC LIMIT ?"
_LINES: Final = """
SELECT seq, at, actor, action, call, data FROM journal
WHERE seq > ? AND action IN (?, ?, ?, ?) ORDER BY seq LIMIT ?
"""

log = structlog.get_logger(__name__)


def load_block_list(journal: Path, database_url: str, rules: BlockRules, now: float) -> BlockList:
    """Who is marked and blocked after the journal's last line. It takes a second or two for a million numbers.

    A damaged line is passed over: the journal's verification is who reports it. Of databases other than SQLite's the
    tables are not read.

    Raises:
        JournalError: the journal cannot be read. That there is none yet is no error.
    """
    if not journal.exists():
        return BlockList(rules)
    with JournalReader(journal, with_reserve=True) as reader:
        block_list, after = _from_tables(database_url, rules, reader)
        while rows := reader.select(_LINES, (after, *ACTIONS, PAGE)):
            for row in rows:
                if (record := _record(row)) is not None:
                    block_list.note(record, now)
            after = rows[-1][0]
    return block_list


def _record(row: tuple[int, str, str, str, str | None, str]) -> Record | None:
    try:
        return Record(*row[:5], msgspec.json.decode(row[5], type=dict), "")
    except (msgspec.DecodeError, TypeError):
        return None


# ---- the tables --------------------------------------------------------------------------------------


def _from_tables(url: str, rules: BlockRules, reader: JournalReader) -> tuple[BlockList, int]:
    """The list as far as the tables have it, and the number of the last line that is in it."""
    try:
        with open_tables(url) as tables:
            seq = folded_to(tables, reader) if tables is not None else None
            if tables is not None and seq is not None:
                return _restored(tables, rules), seq
    except (sqlite3.Error, msgspec.DecodeError, ValueError, TypeError, OverflowError) as error:
        log.warning("blocked.tables_not_read", reason=type(error).__name__)
    return BlockList(rules), 0


def _restored(tables: sqlite3.Connection, rules: BlockRules) -> BlockList:
    blocked = NumberSet.ascending(_columns(tables, None))
    by_pranks = NumberSet.ascending(_columns(tables, Reason.PRANKS))
    for number, since, reason in tables.execute(_BLOCKED_OTHERS):
        blocked.add(number, since)
        if reason == Reason.PRANKS:
            by_pranks.add(number, since)
    block_list = BlockList(rules)
    block_list.restore(blocked, by_pranks, _marks(tables))
    calls: dict[str, None] = {}
    for call, action in reversed(tables.execute(_CALLS, (MARKED, UNMARKED, 2 * REMEMBERED)).fetchall()):
        calls.pop(call, None)
        if action == MARKED and call is not None:
            calls[call] = None
    block_list.restore_calls(calls)
    return block_list


def _columns(tables: sqlite3.Connection, reason: Reason | None) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    cursor = tables.execute(_BLOCKED, (reason.value if reason is not None else None,))
    while rows := cursor.fetchmany(PAGE):
        numbers, moments = zip(*rows, strict=True)
        yield numbers, moments


def _marks(tables: sqlite3.Connection) -> Iterator[tuple[str, list[Mark]]]:
    for number, marked_in in tables.execute(_MARKS):
        yield number, [Mark(call, at / 1000) for call, at in msgspec.json.decode(marked_in)]


# ---- one call ----------------------------------------------------------------------------------------


class CallLookup:
    """Finds a call with all that was told of it. For worker threads: it waits for the disk."""

    def __init__(self, journal: Path, flush: Callable[[float], bool]) -> None:
        """``flush`` is the journal's; its reserve will do."""
        self._journal = journal
        self._flush = flush

    def __call__(self, call: str) -> CallStory | None:
        """What the journal has of a call to 110; None: there was no such call.

        Raises:
            BlockRefused: the journal cannot be written or read at present.
        """
        if not self._flush(FLUSH_SECONDS):
            raise BlockRefused("the journal cannot be written at present: try again later")
        try:
            with JournalReader(self._journal, with_reserve=True) as reader:
                return _story(reader, call)
        except StoreError as error:
            log.error("blocked.call_not_read", error=str(error))
            raise BlockRefused("the journal cannot be read: see `siaga doctor`") from None


def _story(reader: JournalReader, call: str) -> CallStory | None:
    story: CallStory | None = None
    for record in reader.records(call=call, actions=("call.received", MARKED, UNMARKED)):
        if record.action == "call.received":
            story = story or CallStory(text(record.data, "caller"), is_marked=False)
        elif story is not None:
            story = CallStory(story.caller, is_marked=record.action == MARKED)
    return story
