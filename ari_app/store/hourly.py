"""Compares journal and Asterisk once an hour, in a thread of its own; the tables' keeper starts it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import structlog

from ari_app.store.asterisk_log import put_away
from ari_app.store.errors import StoreError
from ari_app.store.witness import LastResult, Place, has_nothing_yet, last_result, regular

HOUR_SECONDS: Final = 3600.0
START_SECONDS: Final = 5.0
"""From the start to a comparison that is overdue: callers who were waiting for the start come first."""

log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class HourlyWitness:
    """Calls ``regular`` every hour, and puts Asterisk's files away where it is time for it."""

    def __init__(self, place: Place, now: Callable[[], datetime] = _now) -> None:
        """Start it."""
        self._place = place
        self._now = now
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="witness", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 1.0) -> None:
        """End it; a comparison that runs is not waited for any longer: the next start does it again."""
        self._closing.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        pause = self._first_pause()
        while not self._closing.wait(pause):
            pause = HOUR_SECONDS
            try:
                self._compare()
            except Exception:
                log.exception("witness.failed")

    def _first_pause(self) -> float:
        """Seconds until an hour after the last comparison, which another process may have made."""
        try:
            last = last_result(self._place.folder)
        except StoreError as error:
            log.error("witness.result_not_read", reason=str(error))
            return START_SECONDS
        since = HOUR_SECONDS if last is None else (self._now() - last.at).total_seconds()
        return min(max(START_SECONDS, HOUR_SECONDS - since), HOUR_SECONDS)

    def _compare(self) -> None:
        if has_nothing_yet(self._place):
            return
        try:
            known = _known(last_result(self._place.folder))
        except StoreError:
            known = set()
        found = regular(self._place, self._now())
        if found.trouble is not None:
            log.error("witness.not_compared", reason=found.trouble)
        for each in found.differences:
            if (each.call, each.kind) not in known:
                log.error("witness.difference", call=each.call, kind=each.kind, what=each.text)
        log.info("witness.compared", calls=found.calls, living=found.living, differences=len(found.differences))
        try:
            put_away(self._place.folder, self._now())
        except OSError as error:
            log.error("witness.not_put_away", reason=error.strerror)


def _known(before: LastResult | None) -> set[tuple[str | None, str]]:
    return set() if before is None else {(each.call, each.kind) for each in before.differences}
