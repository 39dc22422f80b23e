"""Keeps the tables up with the journal while the application runs, in a thread of its own.

Nothing that a caller waits for depends on it: with a database that is broken, slow or newer than this
program the calls go on, and ``alarm`` says what is wrong.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import structlog

from ari_app.store.errors import StoreError
from ari_app.store.reader import JournalReader

if TYPE_CHECKING:
    from pathlib import Path

    from ari_app.store.projections import Folder

log = structlog.get_logger(__name__)

GATHER_SECONDS: Final = 0.1
"""From a notice to the folding: what comes meanwhile is folded in the same transaction."""

RETRY_SECONDS: Final = 2.0
"""Pause after an error."""


class Projector:
    """Folds the journal into the database whenever it is told that there is something new."""

    def __init__(self, journal_path: Path, url: str, on_folded: Callable[[int], None] | None = None) -> None:
        """Start it; ``url`` is the database's. The journal must have been opened by its writer.

        ``on_folded`` is called, in the projector's thread, with the number of the line that the tables are at whenever
        nothing is left to fold. It must not raise.
        """
        self.alarm: str | None = None
        """What keeps the tables behind the journal, in one sentence; None: nothing."""
        self._path = journal_path
        self._url = url
        self._on_folded = on_folded
        self._news = threading.Event()
        self._news.set()  # what the journal has from before
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)
        self._thread.start()

    def notify(self, _records: object = None) -> None:
        """The journal has new records. Returns at once; fits as the journal's ``on_commit``."""
        if not self._news.is_set():
            self._news.set()

    def close(self, timeout: float = 10.0) -> bool:
        """Catch up with the journal and end; False: it could not in time."""
        self._closing.set()
        self._news.set()
        self._thread.join(timeout)
        return not self._thread.is_alive() and self.alarm is None

    def _run(self) -> None:
        closing = False
        while not closing:
            try:
                with JournalReader(self._path) as reader:
                    self._follow(self._open(reader))
            except StoreError as error:
                self._say(str(error))
            except Exception:
                log.exception("the tables cannot be kept up with the journal")
                self.alarm = "the tables are behind the journal: see the log"
            else:
                return
            closing = self._closing.wait(RETRY_SECONDS)

    def _open(self, reader: JournalReader) -> Folder:
        # SQLAlchemy and SQLModel take a quarter of a second to import: here no caller waits for it.
        from ari_app.store.database import ensure_schema, open_engine  # noqa: PLC0415
        from ari_app.store.projections import Folder  # noqa: PLC0415

        engine = open_engine(self._url)
        ensure_schema(engine)
        return Folder(reader, engine)

    def _follow(self, folder: Folder) -> None:
        """Fold what is new until told to close; the last folding comes after that."""
        while True:
            closing = self._closing.is_set()
            self._news.clear()
            folder.fold_all()
            if self._on_folded is not None and folder.seq is not None:
                self._on_folded(folder.seq)
            if self.alarm is not None:
                log.warning("the tables are up with the journal again")
                self.alarm = None
            if closing:
                return
            self._news.wait()
            if not self._closing.is_set():
                time.sleep(GATHER_SECONDS)

    def _say(self, reason: str) -> None:
        if reason != self.alarm:
            log.error("the tables are behind the journal", reason=reason)
        self.alarm = reason
