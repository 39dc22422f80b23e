"""The marks for pranks in the journal."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from ari_app.store.reader import JournalReader

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_QUERY: Final = """
SELECT json_extract(data, '$.number'), count(*) FROM journal
WHERE action = 'prank.marked' AND json_valid(data) AND seq <= ? GROUP BY 1
"""


def marked(path: Path, upto: int) -> Mapping[str, int]:
    """How many marks each number (E.164) has in the journal up to line ``upto``.

    Raises:
        JournalError: the journal cannot be read. That there is none yet is no error.
    """
    if not path.exists():
        return {}
    with JournalReader(path) as reader:
        rows = reader.select(_QUERY, (upto,))
    return Counter({number: count for number, count in rows if isinstance(number, str)})
