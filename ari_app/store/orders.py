"""Which orders of supervisors the journal tells of already."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import structlog

from ari_app.domain.commands import CommandRefused
from ari_app.store.errors import StoreError
from ari_app.store.reader import JournalReader

RECENT: Final = 20_000
"""Lines in which an order is looked for: who gets no answer asks again for some seconds only."""

_TOLD: Final = """
SELECT 1 FROM journal WHERE seq > ?1 AND actor GLOB 'supervisor:*'
AND CASE WHEN json_valid(data) THEN json_extract(data, '$.order') END = ?2 LIMIT 1
"""

log = structlog.get_logger(__name__)


class OrderLookup:
    """Finds an order among the journal's last lines. For worker threads."""

    def __init__(self, journal: Path) -> None:
        """What the application itself has told since its start is remembered elsewhere (``bus.commands``)."""
        self._journal = journal

    def __call__(self, order: str) -> bool:
        """Whether it was carried out.

        Raises:
            CommandRefused: the journal cannot be read.
        """
        try:
            with JournalReader(self._journal, with_reserve=True) as reader:
                return bool(reader.select(_TOLD, (max(0, reader.head().seq - RECENT), order)))
        except StoreError as error:
            log.error("orders.not_read", error=str(error))
            raise CommandRefused("the journal cannot be read: see `siaga doctor`") from None
