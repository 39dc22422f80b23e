"""How the radio nets stand, as the journal tells it, however long ago it did (SOP VII.d)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ari_app.domain.transmissions import ACTIONS, JOINED, LINES
from ari_app.store.reader import LOOK_BACK, JournalReader, map_records, read

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


def net_records(path: Path) -> list[Record]:
    """What tells how the nets stand, in order; none where there is no journal yet.

    A transmission, or a net in a call, that began more than ``LOOK_BACK`` lines ago is not among it.

    Raises:
        JournalError: the journal cannot be read.
    """
    if not path.exists():
        return []
    with JournalReader(path) as reader:
        until = max(0, reader.head().seq - LOOK_BACK)
        before = list(map_records(net_rows_before(reader, until)))
    return [*before, *read(path, after=until, actions=ACTIONS)]
