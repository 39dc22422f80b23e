"""What ``siaga doctor`` looks at. A check never raises: what it cannot see, it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from ari_app.site.settings import Settings
from ari_app.site.state import StateDir, StateError
from ari_app.store.errors import StoreError
from cli import checks_asterisk, checks_files, checks_journal, checks_running
from cli.conf import describe
from cli.errors import Refused
from cli.findings import FAILED, OK, Finding, Look, Seen
from cli.language import localised
from cli.place import settings_in_force

OF_STATE: Final[dict[str, Callable[[StateDir], Seen]]] = {
    "journal": checks_journal.journal,
    "reserve": checks_journal.reserve,
    "witness": checks_journal.witness,
    "clock": checks_journal.clock,
    "disk": checks_files.disk,
    "recordings": checks_files.recordings,
    "sounds": checks_files.sounds,
    "pins": checks_files.pins,
}
"""What needs no configuration."""


def examine(state: StateDir) -> Iterator[Finding]:
    """Look at everything; what is seen comes at once. What cannot be asked does not hold up the others for long."""
    yield _guarded("state", partial(checks_files.directory, state))
    settings: Settings | None = None
    try:
        settings = settings_in_force(state)
        yield Finding("configuration", OK, describe(settings))
    except (Refused, OSError) as error:
        yield Finding("configuration", FAILED, localised(str(error)))
    for name, look in OF_STATE.items():
        yield _guarded(name, partial(look, state))
    if settings is None:
        return
    for name, other in _of_site().items():
        yield _guarded(name, partial(other, state, settings))


def _of_site() -> dict[str, Look]:
    """What needs the configuration; Asterisk and the broker are each asked for everything on one connection."""
    asterisk, broker = checks_asterisk.Asked(), checks_running.AskedBroker()
    return {
        "certificates": checks_files.certificates,
        "database": checks_journal.database,
        "asterisk": asterisk.answers,
        "modules": asterisk.modules,
        "application": asterisk.application,
        "guard": checks_running.guard,
        "broker": broker.answers,
        "publisher": broker.publisher,
        "tables": checks_running.tables,
        "phones": asterisk.phones,
        "gateways": checks_running.gateways,
    }


def _guarded(check: str, look: Callable[[], Seen]) -> Finding:
    try:
        return Finding(check, *look())
    except (StateError, StoreError, OSError, SQLAlchemyError) as error:
        return Finding(check, FAILED, localised(" ".join(str(error).split())))
