"""Folding what has rows of its own: transfers, the Perwira Piket's orders, and what was done with recordings."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from ari_app.domain.instructions import instruction_of
from ari_app.domain.moments import milliseconds
from ari_app.domain.tapes import tape_event
from ari_app.domain.transfers import ACTIONS, TransferRow, fold_transfers
from ari_app.store.tables import InstructionTable, RecordingEventTable, TransferTable
from ari_app.store.upsert import Rows, Upsert, parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Engine, Table

    from ari_app.domain.facts import Record

_transfers: Final[Table] = TransferTable.__table__  # type: ignore[attr-defined]  # SQLModel adds it unseen
_instructions: Final[Table] = InstructionTable.__table__  # type: ignore[attr-defined]
_events: Final[Table] = RecordingEventTable.__table__  # type: ignore[attr-defined]

_COLUMNS: Final = tuple(_transfers.c[name] for name in TransferRow.__dataclass_fields__)


class LineFolder:
    """Folds batches of records into the three tables. It remembers no rows."""

    TABLES: ClassVar[tuple[Table, ...]] = (_transfers, _instructions, _events)

    def __init__(self, engine: Engine) -> None:
        """``engine`` has this program's schema."""
        self._put_transfers = Upsert(engine, _transfers)
        self._put_instructions = Rows(engine, sa.insert(_instructions))
        self._put_events = Rows(engine, sa.insert(_events))

    def fold(self, connection: Connection, records: Sequence[Record]) -> None:
        """Fold these records, in order."""
        self._fold_transfers(connection, [each for each in records if each.action in ACTIONS])
        said = [each for record in records if (each := instruction_of(record)) is not None]
        self._put_instructions.put(connection, [asdict(each) | {"at_ms": milliseconds(each.at)} for each in said])
        done = [event for record in records if (event := tape_event(record)) is not None]
        self._put_events.put(connection, [asdict(event) for event in done])

    def _fold_transfers(self, connection: Connection, records: Sequence[Record]) -> None:
        if not records:
            return
        under_way = self._under_way(connection, {each.call for each in records if each.call is not None})
        rows: dict[int, TransferRow] = {}
        for record in records:
            if record.call is not None:
                for row in fold_transfers(under_way.pop(record.call, None), record):
                    rows[row.seq] = row
                    if row.result is None:
                        under_way[row.call] = row
        self._put_transfers.put(connection, [asdict(row) for row in rows.values()])

    @staticmethod
    def _under_way(connection: Connection, calls: set[str]) -> dict[str, TransferRow]:
        """The calls' transfers that have no result yet; a call has one at most."""
        found: dict[str, TransferRow] = {}
        for some in parts(sorted(calls)):
            query = sa.select(*_COLUMNS).where(_transfers.c.call.in_(some), _transfers.c.result.is_(None))
            found |= {row.call: TransferRow(*row) for row in connection.execute(query)}
        return found
