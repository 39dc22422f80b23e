"""One line for each step, with the time it took; on a terminal it counts while the step runs."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EVERY = 0.5
"""Seconds between two looks at how far a step is."""


@contextmanager
def step(what: str, how_far: Callable[[], str] | None = None) -> Iterator[None]:
    """Show a step while it runs; ``how_far`` says how much is done, in a few words."""
    live = sys.stderr.isatty()
    start = time.monotonic()
    done = threading.Event()

    def show(end: str = "") -> None:
        far = f" {how_far()}" if how_far and not end else ""
        clear = "\r\033[K" if live else ""
        seconds = time.monotonic() - start
        sys.stderr.write(f"{clear}  {what:<58}{far}{seconds:6.1f} s{end}")
        sys.stderr.flush()

    def watch() -> None:
        while not done.wait(_EVERY):
            show()

    watcher = threading.Thread(target=watch, daemon=True) if live else None
    if watcher:
        show()
        watcher.start()
    try:
        yield
    finally:
        done.set()
        if watcher:
            watcher.join()
        show(end="\n" if sys.exc_info()[0] is None else "  failed\n")
