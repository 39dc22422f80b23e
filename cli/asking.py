"""Having something done: by the application where it runs, else by the same handlers here.

An order goes to the running application, which alone writes the journal. Where it does not run, nobody has
the journal: the command takes its place for a moment, so that operators can be there before the first start.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ari_app.domain.facts import Json
from ari_app.site.state import StateDir
from ari_app.store.errors import JournalError
from cli.errors import Refused

if TYPE_CHECKING:  # they cost a command that only reads a third of a second
    from ari_app.domain.commands import Handler
    from ari_app.site.settings import Settings
    from ari_app.store.journal import Journal

ANSWER_SECONDS: Final = 5.0
"""How long an order waits for the application's answer."""

_PAUSE_SECONDS: Final = 0.1
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def order(place: StateDir, settings: Settings, command: str, arguments: dict[str, Json]) -> Json:
    """Have a command such as ``operators.add`` carried out; returns its result.

    Raises:
        Refused: it was refused, nobody answered, or who gives it has no usable name.
        StateError, StoreError: secrets, PINs or journal cannot be used.
    """
    supervisor = supervisor_name()
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        # Who has the journal may be another order, for a moment only, or an application that is just starting.
        is_over = time.monotonic() > deadline
        try:
            if _is_running(place):
                return _online(place, settings, command, arguments, supervisor)
            return _offline(place, settings, command, arguments, supervisor)
        except _NotReached as reason:
            if is_over:
                raise Refused(str(reason)) from None
        except JournalError:
            if is_over or not _is_running(place):
                raise
        time.sleep(_PAUSE_SECONDS)


def supervisor_name() -> str:
    """Who gives orders here: ``SIAGA_SUPERVISOR``, or the name under which this user logged in.

    Raises:
        Refused: neither can be used as a name in the journal.
    """
    name = os.environ.get("SIAGA_SUPERVISOR", "")
    if not name:
        try:
            name = getpass.getuser()
        except (OSError, KeyError):
            raise Refused("this user has no name: put yours in SIAGA_SUPERVISOR") from None
    if not _NAME.fullmatch(name):
        raise Refused("the supervisor's name (SIAGA_SUPERVISOR) must be 1 to 64 letters, digits, '.', '_' or '-'")
    return name


class _NotReached(Exception):
    """The broker could not be reached, so nothing was asked."""


def _is_running(place: StateDir) -> bool:
    """Whether somebody writes the journal: its lock is held as long as that one lives."""
    try:
        descriptor = os.open(place.journal.with_name(place.journal.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _online(place: StateDir, settings: Settings, command: str, arguments: dict[str, Json], supervisor: str) -> Json:
    from ari_app.bus.ask import AskRefused, NobodyAnswered, NotReached, ask  # noqa: PLC0415 - see above
    from ari_app.site.secrets import load  # noqa: PLC0415

    secrets = load(place, settings)
    try:
        return ask(settings, secrets, command, arguments, supervisor=supervisor, seconds=ANSWER_SECONDS)
    except NotReached as error:
        raise _NotReached(str(error)) from None
    except (AskRefused, NobodyAnswered) as error:
        raise Refused(str(error)) from None


def _offline(place: StateDir, settings: Settings, command: str, arguments: dict[str, Json], supervisor: str) -> Json:
    import anyio  # noqa: PLC0415

    from ari_app.domain.commands import CommandRefused  # noqa: PLC0415
    from ari_app.store.journal import Journal  # noqa: PLC0415

    journal = Journal.open(place.journal, timezone=settings.site.timezone)
    try:
        handlers = _offline_handlers(place, settings, journal)
        if command not in handlers:
            raise Refused(f"{command} is for the running application, and it does not run: see scripts/run")
        result = anyio.run(handlers[command], arguments, f"supervisor:{supervisor}")
    except CommandRefused as error:
        raise Refused(str(error)) from None
    finally:
        is_written = journal.close()
    if not is_written:
        raise Refused("the journal could not be written: see `siaga doctor`")
    return result


def _offline_handlers(place: StateDir, settings: Settings, journal: Journal) -> Mapping[str, Handler]:
    """What can be done without the application: the same handlers that it has, on the journal itself.

    Each group of commands adds its mapping here.
    """
    from ari_app.assembly import make_complaints, make_roster  # noqa: PLC0415
    from ari_app.flows.complaints import complaint_commands  # noqa: PLC0415
    from ari_app.flows.office import operator_commands  # noqa: PLC0415
    from ari_app.site.rules import field_rules  # noqa: PLC0415
    from ari_app.store.complaints import ComplaintLookup  # noqa: PLC0415
    from ari_app.store.queries import ticket_at_desk  # noqa: PLC0415
    from cli.place import tables  # noqa: PLC0415

    def at_desk(extension: str) -> str | None:
        engine = tables(place, settings)
        return ticket_at_desk(engine, extension) if engine is not None else None

    complaints = complaint_commands(
        make_complaints(settings, place, journal.append),
        find=ComplaintLookup(place.journal, journal.flush),
        at_desk=at_desk,
        rules=field_rules(settings),
    )
    return {**operator_commands(make_roster(settings, place, journal.append)), **complaints}
