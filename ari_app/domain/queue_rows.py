"""The queue as the journal tells it: whom nobody has answered yet, in the order in which they are served (SOP V.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ari_app.domain.facts import Record
from ari_app.domain.floor import Floor
from ari_app.domain.queue import Priority
from ari_app.domain.recovery import UNBLOCKED_NUMBER, Story


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One caller who waits. ``since`` is ISO 8601; ``priority`` one of ``queue.Priority``, None: in the fallback.

    ``blocked``: the number was blocked when they called, and nobody has verified it since (SOP VIII). ``desk`` rings.
    """

    call: str
    caller: str | None
    state: str
    since: str
    priority: str | None
    emergency: bool
    blocked: bool
    desk: str | None


def queue_rows(stories: Iterable[Iterable[Record]]) -> list[QueueRow]:
    """Who waits, of these calls, each with all of its records; who is served next comes first."""
    floor = Floor({})
    blocked: dict[str, bool] = {}
    for records in stories:
        story = Story("")
        for record in records:
            floor.fold(record)
            if record.call is not None and (record.action.startswith("call.") or record.action == UNBLOCKED_NUMBER):
                story = story.after(record.action)
                blocked[record.call] = story.is_blocked
    rows = [
        QueueRow(
            call.row.id,
            call.row.caller,
            call.row.state,
            call.waiting_since or call.since,
            call.priority,
            call.row.emergency,
            blocked.get(call.row.id, False),
            call.row.desk,
        )
        for call in floor.waiting()
    ]
    return sorted(rows, key=lambda row: _place(row.priority))  # behind each other, longest waiting first


def _place(priority: str | None) -> Priority:
    return next((each for each in Priority if each.name.lower() == priority), Priority.NORMAL)
