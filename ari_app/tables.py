"""``python -m ari_app.tables --state DIR``: keeps the tables up with the journal, in a process of its own.

The block list that the dialplan reads in the fallback is kept up with the tables.
Beside the application it would cost callers time: both share Python's one lock. Whatever becomes of it, calls
and journal go on, and ``siaga`` folds what is missing before it lists anything. For the same reason it is here that the
journal is held against Asterisk's own records once an hour, and that recordings are kept from the disk's last space.
"""

from __future__ import annotations

import signal
import sys
import threading
from typing import Final
from zoneinfo import ZoneInfo

from ari_app.site.room import RoomKeeper, rooms
from ari_app.site.settings import ConfigError
from ari_app.site.state import StateError
from ari_app.state_option import begin
from ari_app.store.fallback_list import FallbackList
from ari_app.store.hourly import HourlyWitness
from ari_app.store.projector import Projector
from ari_app.store.witness import Place

EVERY_SECONDS: Final = 0.5
"""How far the tables may be behind the journal."""


def main() -> int:
    """Fold until SIGTERM or SIGINT; the exit code."""
    try:
        state, settings = begin("ari_app.tables", "Folds the journal into the tables.")
    except (ConfigError, StateError) as error:
        print(f"siaga110: {error}", file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    room = RoomKeeper(rooms(state))
    while not state.journal.exists():  # the application, which begins it, may start more slowly than we do
        if stop.wait(EVERY_SECONDS):
            return 0
    url = state.database_url(settings)
    fallback = FallbackList(state.blocked, url, settings.block.expire_days)
    projector = Projector(state.journal, url, fallback.update)
    zone, desks = ZoneInfo(settings.site.timezone), [desk.extension for desk in settings.desk]
    witness = HourlyWitness(Place(state.journal, state.witness, state.asterisk_pid, zone, desks))
    while not stop.wait(EVERY_SECONDS):
        projector.notify()
    witness.close()
    room.close()
    return 0 if projector.close() else 1


if __name__ == "__main__":
    sys.exit(main())
