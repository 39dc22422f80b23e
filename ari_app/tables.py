"""``python -m ari_app.tables --state DIR``: keeps the tables up with the journal, in a process of its own.

The block list that the dialplan reads in the fallback is kept up with the tables.
Beside the application it would cost callers time: both share Python's one lock. Whatever becomes of it, calls
and journal go on, and ``siaga`` folds what is missing before it lists anything.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Final

from ari_app.site.settings import ConfigError
from ari_app.site.state import StateError
from ari_app.state_option import begin
from ari_app.store.fallback_list import FallbackList
from ari_app.store.projector import Projector

EVERY_SECONDS: Final = 0.5
"""How far the tables may be behind the journal."""

_LESS: Final = 5
"""On a busy machine calls, and whoever imports a million numbers, go before the folding: a third of their share."""


def main() -> int:
    """Fold until SIGTERM or SIGINT; the exit code."""
    try:
        state, settings = begin("ari_app.tables", "Folds the journal into the tables.")
    except (ConfigError, StateError) as error:
        print(f"siaga110: {error}", file=sys.stderr)
        return 1
    os.nice(_LESS)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not state.journal.exists():  # the application, which begins it, may start more slowly than we do
        if stop.wait(EVERY_SECONDS):
            return 0
    url = state.database_url(settings)
    fallback = FallbackList(state.blocked, url, settings.block.expire_days)
    projector = Projector(state.journal, url, fallback.update)
    while not stop.wait(EVERY_SECONDS):
        projector.notify()
    return 0 if projector.close() else 1


if __name__ == "__main__":
    sys.exit(main())
