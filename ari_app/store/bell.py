"""The journal's alarm: in the log, for ``siaga doctor``, and for whoever else wants to know; and the slow disk."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERY_SECONDS: Final = 0.2
"""How often it is looked whether there is an alarm: a writer that waits for the disk cannot say so itself."""

REPEAT_SECONDS: Final = 10.0
"""A standing alarm is logged again after so long."""

SLOW_SECONDS, WELL_SECONDS = 5.0, 1.0
"""A disk that takes so long for a batch is slow, until it takes less than the other."""

log = structlog.get_logger(__name__)


class Stopwatch:
    """How long the disk takes. ``is_slow`` may be asked from any thread, also while it takes too long."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._began: float | None = None
        self._was_slow = False

    @property
    def is_slow(self) -> bool:
        """Whether what is under way, or was last, takes or took too long."""
        began = self._began
        return self._was_slow or (began is not None and time.monotonic() - began > SLOW_SECONDS)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around what may take the disk long."""
        began = self._began = time.monotonic()
        try:
            yield
            took = time.monotonic() - began
            self._was_slow = took > (WELL_SECONDS if self._was_slow else SLOW_SECONDS)
        finally:
            self._began = None


class Bell:
    """A thread that looks at the alarm and passes on what changes."""

    def __init__(
        self,
        alarm: Callable[[], str | None],
        waiting: Callable[[], int],
        *,
        say: Callable[[str | None], bool],
        tell: Callable[[str | None], object],
    ) -> None:
        """``alarm`` is looked at; ``waiting`` counts facts, for the log.

        ``say`` is called with each change until it returns true, ``tell`` once.
        """
        self._alarm, self._waiting = alarm, waiting
        self._say, self._tell = say, tell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal-bell", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ring no more; an alarm that stands is taken back."""
        self._stop.set()
        self._thread.join(EVERY_SECONDS * 5)

    def _run(self) -> None:
        known: str | None = None
        said: str | None = None
        since = 0.0
        while True:
            stopping = self._stop.wait(EVERY_SECONDS)
            alarm = None if stopping else self._alarm()
            if alarm is not None and (known is None or time.monotonic() - since > REPEAT_SECONDS):
                log.error("the journal is in trouble", reason=alarm, waiting=self._waiting())
                since = time.monotonic()
            if alarm != known:
                self._pass_on(alarm)
                known = alarm
            if alarm != said and self._say(alarm):
                said = alarm
            if stopping:
                return

    def _pass_on(self, alarm: str | None) -> None:
        if alarm is None:
            log.warning("the journal is in trouble no more", waiting=self._waiting())
        try:
            self._tell(alarm)
        except Exception:
            log.exception("somebody who is told of the journal's alarm failed")
