"""The block list as the dialplan reads it where there is no application: files of rows (``domain.fallback_rows``).

Asterisk could read the tables itself, and did: whoever held a lock on them kept callers waiting, one behind the other;
a file that was put in the place of theirs was never seen; and each failure put a caller's number into Asterisk's log.
A plain file is opened anew for each call and has no locks.
"""

from __future__ import annotations

import os
import time
from itertools import groupby
from typing import TYPE_CHECKING, Final

import structlog

from ari_app.domain.fallback_rows import block_ends, ending, from_text, to_text
from ari_app.store.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

RETRY_SECONDS: Final = 10.0
"""From a failure (a full disk, say) to the next attempt."""

_PAGE: Final = 10_000

log = structlog.get_logger(__name__)


class FallbackList:
    """Keeps the files up with the tables. At its beginning all are written anew, afterwards what has changed.

    ``alarm`` is what keeps the files behind the tables, in one sentence; None: nothing.
    """

    def __init__(self, folder: Path, database_url: str, expire_days: int) -> None:
        """``folder`` is the files' alone; ``expire_days`` as in the site's configuration."""
        self.alarm: str | None = None
        self._folder = folder
        self._url = database_url
        self._expire_days = expire_days
        self._seq: int | None = None  # how far the files are; None: not known
        self._retry_at = 0.0

    def update(self, seq: int) -> None:
        """Bring the files up to the tables, which are at the journal's line ``seq``. It raises nothing."""
        if seq == self._seq or time.monotonic() < self._retry_at:
            return
        try:
            self._update(self._seq if self._seq is not None and self._seq <= seq else None)
        except (OSError, ValueError, StoreError) as error:
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
            if self.alarm is None:
                log.error("fallback_list.not_written", reason=reason)
            self.alarm = f"the fallback's block list cannot be written: {reason}"
            self._seq, self._retry_at = None, time.monotonic() + RETRY_SECONDS
            return
        if self.alarm is not None:
            log.warning("fallback_list.written_again")
        self.alarm, self._seq = None, seq

    def _update(self, after: int | None) -> None:
        """Write what was changed by lines behind ``after``; None: everything, and nothing else stays."""
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - a quarter of a second to import

        from ari_app.store.database import open_engine, trouble  # noqa: PLC0415

        engine = open_engine(self._url, read_only=True)
        written: set[str] = set()
        try:
            with engine.connect() as connection:
                for name, rows in groupby(_rows(connection, after), lambda row: ending(row[0])):
                    self._put(name, rows, anew=after is None)
                    written.add(name)
        except SQLAlchemyError as error:
            raise trouble(engine, error) from error
        finally:
            engine.dispose()
        if after is None:
            for file in self._folder.iterdir():
                if file.name not in written:
                    file.unlink()

    def _put(self, name: str, rows: Iterator[tuple[str, int | None]], *, anew: bool) -> None:
        file = self._folder / name
        try:
            before = file.read_text(encoding="ascii")
        except FileNotFoundError:
            before = ""
        except UnicodeDecodeError:  # damaged
            before, anew = "", True
        blocked = {} if anew else from_text(before)
        for number, blocked_ms in rows:
            if blocked_ms is None:
                blocked.pop(number, None)
            else:
                blocked[number] = block_ends(blocked_ms, self._expire_days)
        text = to_text(blocked)
        if text != before:
            _replace(file, text)


def _rows(connection: Connection, after: int | None) -> Iterator[tuple[str, int | None]]:
    """Numbers with when they were blocked, those with the same ending one after the other."""
    import sqlalchemy as sa  # noqa: PLC0415 - see above

    from ari_app.store.tables import NumberTable  # noqa: PLC0415

    table: sa.Table = NumberTable.__table__  # type: ignore[attr-defined]  # SQLModel adds it unseen
    last_digits = sa.func.substr(table.c.number, sa.func.length(table.c.number) - 2)
    query = sa.select(table.c.number, table.c.blocked_ms).order_by(sa.func.replace(last_digits, "+", ""))
    condition = table.c.blocked_ms.is_not(None) if after is None else table.c.last_seq > after
    for row in connection.execution_options(yield_per=_PAGE).execute(query.where(condition)):
        yield row.number, row.blocked_ms


def _replace(file: Path, text: str) -> None:
    """Whole or not at all for whoever reads it; not forced onto the disk, as a start writes everything anew."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
        opened.write(text)
    fresh.replace(file)
