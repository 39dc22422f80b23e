"""Complaints as the journal tells them at this moment: for who changes one, and for who starts.

A complaint's story is part of its call's, which the journal finds by an index; the tables may be a second behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from ari_app.domain.announcement import ANNOUNCED, Announcement, announced, announcement
from ari_app.domain.complaints import ComplaintRefused, ComplaintRow, fold_complaint
from ari_app.domain.facts import Record
from ari_app.store.errors import StoreError
from ari_app.store.last_ticket import call_of_ticket
from ari_app.store.living import living
from ari_app.store.reader import JournalReader

FLUSH_SECONDS: Final = 2.0
"""Who gives an order waits for 5 s, and what it changes must be written, too."""

log = structlog.get_logger(__name__)


def read_complaint(reader: JournalReader, call: str) -> ComplaintRow | None:
    """The complaint of a call, as its sound lines tell it; None: it has none.

    Raises:
        JournalError: the journal cannot be read.
    """
    return _folded(reader.sound(after=0, call=call))


def _folded(records: Iterable[Record]) -> ComplaintRow | None:
    row: ComplaintRow | None = None
    for record in records:
        row = fold_complaint(row, record)
    return row


def living_complaints(path: Path) -> dict[str, ComplaintRow]:
    """The complaints of the calls that have not ended, by their calls' ids.

    Raises:
        JournalError: the journal cannot be read. That there is none yet is no error.
    """
    calls = living(path)
    if not calls:
        return {}
    with JournalReader(path, with_reserve=True) as reader:
        found = {call: read_complaint(reader, call) for call in calls}
    return {call: row for call, row in found.items() if row is not None}


class AnnouncementLookup:
    """What there is to announce of a call by radio, and what was (SOP VII.d). For worker threads."""

    def __init__(self, journal: Path, flush: Callable[[float], bool]) -> None:
        """``flush`` is the journal's; its reserve will do."""
        self._journal = journal
        self._flush = flush

    def __call__(self, call: str) -> tuple[Announcement | None, Announcement | None]:
        """The two, as the journal has them; None: there is no such thing.

        Raises:
            ComplaintRefused: the journal cannot be written or read at present.
        """
        with _told(self._journal, self._flush) as reader:
            row = read_complaint(reader, call)
            said = announced(reader.sound(after=0, call=call, actions=[ANNOUNCED]))
            return announcement(row), said


@contextmanager
def _told(journal: Path, flush: Callable[[float], bool]) -> Iterator[JournalReader]:
    """The journal with everything that has been told.

    Raises:
        ComplaintRefused: it cannot be written or read at present.
    """
    if not flush(FLUSH_SECONDS):
        raise ComplaintRefused("the journal cannot be written at present: try again later")
    try:
        with JournalReader(journal, with_reserve=True) as reader:
            yield reader
    except StoreError as error:
        log.error("complaint.not_read", error=str(error))
        raise ComplaintRefused("the journal cannot be read: see `siaga doctor`") from None


class ComplaintLookup:
    """Finds complaints with everything that has been told of them. For worker threads: it waits for the disk."""

    def __init__(self, journal: Path, flush: Callable[[float], bool]) -> None:
        """``flush`` is the journal's; its reserve will do."""
        self._journal = journal
        self._flush = flush

    def __call__(self, ticket: str) -> ComplaintRow | None:
        """The complaint with this ticket; None: there is none.

        Raises:
            ComplaintRefused: the journal cannot be written or read at present.
        """
        with _told(self._journal, self._flush) as reader:
            call = call_of_ticket(reader, ticket)
            return read_complaint(reader, call) if call is not None else None


class KeptLookup:
    """Finds the calls whose recordings must stay. For worker threads: it waits for the disk."""

    def __init__(self, journal: Path, flush: Callable[[float], bool]) -> None:
        """``flush`` is the journal's; its reserve will do, as recordings are deleted where the disk is full."""
        self._journal = journal
        self._flush = flush

    def __call__(self, calls: Sequence[str]) -> dict[str, str | None]:
        """Those of these calls, each with the ticket of its open complaint; None: no such call has ended.

        Raises:
            ComplaintRefused: the journal cannot be written or read at present.
        """
        kept: dict[str, str | None] = {}
        with _told(self._journal, self._flush) as reader:
            for call in calls:
                row = _folded(reader.follow(after=0, call=call))  # all of it: what is deleted is gone
                if not reader.records(after=0, limit=1, call=call, actions=["call.ended"]):
                    kept[call] = None
                elif row is not None and row.status != "closed":
                    kept[call] = row.ticket
        return kept
