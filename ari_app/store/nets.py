"""How the radio nets stand, as the journal tells it, however long ago it did (SOP VII.d)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ari_app.domain.transmissions import ACTIONS, JOINED, LINES
from ari_app.store.reader import JournalReader, map_records

if TYPE_CHECKING:
    from pathlib import Path

    from ari_app.domain.facts import Record
    from ari_app.store.chain import Row

MOST: Final = 50_000
"""Lines on gateways, and as many on desks that came and left, that are looked at: years, or a week of a gateway that is
lost and found again without end."""


def net_rows_before(reader: JournalReader, until: int) -> list[Row]:
    """What was told of gateways' lines, and of the desks on the nets, up to line ``until`` of the journal, in order.

    Raises:
        JournalError: it cannot be read.
    """
    kinds = [reader.rows_without_call(actions, until=until, most=MOST) for actions in (LINES, JOINED)]
    return sorted(row for rows in kinds for row in rows)


def net_records(path: Path, *, with_reserve: bool = False) -> list[Record]:
    """What tells how the nets stand, in order, without damaged lines; none where there is no journal yet.

    ``with_reserve``: as ``JournalReader`` has it.

    A transmission, or a net in a call, that began longer ago than ``JournalReader.lately`` is not among it.

    Raises:
        JournalError: the journal cannot be read.
    """
    if not path.exists():
        return []
    with JournalReader(path, with_reserve=with_reserve) as reader:
        until = reader.lately()
        before = map_records(net_rows_before(reader, until))
        return [*before, *reader.sound(after=until, actions=ACTIONS)]
