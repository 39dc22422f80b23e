"""Transfers to a Polres, as the journal tells them (SOP V.6 to V.10): one row each, whatever became of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ari_app.domain.calls import text
from ari_app.domain.facts import Record

STARTED: Final = "call.transfer_started"
ANSWERED, TAKEN_BACK, LOST = "answered", "taken_back", "lost"

_ENDS: Final = {"call.transfer_answered": ANSWERED, "call.taken_back": TAKEN_BACK}
_BROKEN_OFF: Final = frozenset(
    {"call.transfer_ended", "call.requeued", "call.adopted", "call.fallback", "call.ended", STARTED}
)
ACTIONS: Final = frozenset({*_ENDS, *_BROKEN_OFF})
"""All that transfers are folded from."""


@dataclass(frozen=True, slots=True)
class TransferRow:
    """A transfer. ``seq`` is its first record's number; times are ISO 8601 with offset, as in the journal.

    ``result`` is ``answered`` (SOP V.7), ``taken_back`` (V.10, with the ``reason``), ``caller_left``, ``dismissed``, or
    ``lost``: the application was away, and nobody saw how it ended. None: the Polres still rings.
    """

    seq: int
    call: str
    polres: str
    started_at: str
    ended_at: str | None = None
    result: str | None = None
    reason: str | None = None


def fold_transfers(under_way: TransferRow | None, record: Record) -> list[TransferRow]:
    """The rows of one call that this record changes or adds; ``under_way`` is the one that has no result yet."""
    changed: list[TransferRow] = []
    if under_way is not None and record.action in ACTIONS:
        changed.append(_ended(under_way, record))
    polres = text(record.data, "polres")
    if record.action == STARTED and record.call is not None and polres is not None:
        changed.append(TransferRow(record.seq, record.call, polres, record.at))
    return changed


def _ended(row: TransferRow, record: Record) -> TransferRow:
    reason = text(record.data, "reason")
    result = _ENDS.get(record.action)
    if record.action == "call.transfer_ended":
        result = reason
    return replace(row, ended_at=record.at, result=result or LOST, reason=reason)
