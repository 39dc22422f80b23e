"""``python -m ari_app.tables --state DIR``: keeps the tables up with the journal, in a process of its own.

Beside the application it would cost callers time: both share Python's one lock. Whatever becomes of it, calls
and journal go on, and ``siaga`` folds what is missing before it lists anything.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from typing import Final

from ari_app import logs
from ari_app.site.settings import ConfigError, load_settings
from ari_app.site.state import StateDir, StateError
from ari_app.store.projector import Projector

EVERY_SECONDS: Final = 0.5
"""How far the tables may be behind the journal."""


def main() -> int:
    """Fold until SIGTERM or SIGINT; the exit code."""
    parser = argparse.ArgumentParser(prog="ari_app.tables", description="Folds the journal into the tables.")
    parser.add_argument("--state", type=Path, required=True, help="state directory, made by scripts/run")
    state = StateDir(parser.parse_args().state)
    logs.set_up()
    try:
        state.check()
        settings = load_settings(state.config)
    except (ConfigError, StateError) as error:
        print(f"siaga110: {error}", file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not state.journal.exists():  # the application, which begins it, may start more slowly than we do
        if stop.wait(EVERY_SECONDS):
            return 0
    projector = Projector(state.journal, state.database_url(settings))
    while not stop.wait(EVERY_SECONDS):
        projector.notify()
    return 0 if projector.close() else 1


if __name__ == "__main__":
    sys.exit(main())
