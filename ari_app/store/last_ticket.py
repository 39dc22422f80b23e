"""Tickets in the journal: the last one that was handed out, and the call that one belongs to.

Tickets only grow (``domain.complaints.next_ticket``), so neither needs an index: the last one stands near the
journal's end, and any other is found by halving.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ari_app.domain.complaints import TicketKey, ticket_key
from ari_app.store.reader import JournalReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

PAGE: Final = 20
NEAR: Final = 100
"""So few lines are read one by one, rather than halved again."""

_BACKWARDS: Final = (
    "SELECT seq, call, data FROM journal WHERE action = 'complaint.opened' AND seq < ? ORDER BY seq DESC LIMIT ?"
)
_FORWARDS: Final = (
    "SELECT seq, call, data FROM journal WHERE action = 'complaint.opened' AND seq > ? AND seq <= ? "
    "ORDER BY seq LIMIT ?"
)


def last_ticket(path: Path) -> TicketKey | None:
    """The last ticket that was handed out; None: none ever was. Damaged lines are passed over.

    Raises:
        JournalError: the journal cannot be read. That there is none yet is no error.
    """
    if not path.exists():
        return None
    with JournalReader(path, with_reserve=True) as reader:
        before = reader.head().seq + 1
        while rows := reader.select(_BACKWARDS, (before, PAGE)):
            for _, key, _ in _tickets(rows):
                return key
            before = rows[-1][0]
    return None


def call_of_ticket(reader: JournalReader, ticket: str) -> str | None:
    """The call whose complaint has this ticket; None: there is no such complaint.

    Raises:
        JournalError: the journal cannot be read.
    """
    wanted = ticket_key(ticket)
    low, high = 0, reader.head().seq  # it is behind line low, and not behind line high
    while wanted is not None and high - low > NEAR:
        middle = (low + high) // 2
        first = next(_between(reader, middle, high), None)
        if first is None or first[1] > wanted:
            high = middle
        elif first[1] < wanted:
            low = first[0]
        else:
            return first[2]
    return next((call for _, key, call in _between(reader, low, high) if key == wanted), None)


def _between(reader: JournalReader, after: int, until: int) -> Iterator[tuple[int, TicketKey, str]]:
    """Number, ticket and call of each line that opened a complaint, oldest first."""
    size = 1
    while rows := reader.select(_FORWARDS, (after, until, size)):
        yield from _tickets(rows)
        after, size = rows[-1][0], PAGE


def _tickets(rows: Iterable[tuple[int, str | None, str]]) -> Iterator[tuple[int, TicketKey, str]]:
    for seq, call, data in rows:
        try:
            content = msgspec.json.decode(data)
        except (msgspec.DecodeError, TypeError):
            continue
        key = ticket_key(content.get("ticket")) if isinstance(content, dict) else None
        if key is not None and call is not None:
            yield seq, key, call
