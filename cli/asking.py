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
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from ari_app.domain.facts import Json
from ari_app.site.state import StateDir
from ari_app.store.errors import JournalError
from cli.errors import Refused
from cli.language import tr

if TYPE_CHECKING:
    from pathlib import Path

    # They cost a command that only reads a third of a second.
    from ari_app.site.settings import Settings

ANSWER_SECONDS: Final = 5.0
"""How long an order waits for the application's answer."""

OTHERS_SECONDS: Final = 60.0
"""How long it waits while others have the journal, one after the other: a script may give many at once."""

_PAUSE_SECONDS: Final = 0.1
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def order(place: StateDir, settings: Settings, command: str, arguments: dict[str, Json]) -> Json:
    """Have a command such as ``operators.add`` carried out; returns its result.

    Raises:
        Refused: it was refused, nobody answered, or who gives it has no usable name.
        StateError, StoreError: secrets, PINs or journal cannot be used.
    """
    supervisor = supervisor_name()
    began = time.monotonic()
    deadline = began + ANSWER_SECONDS
    while True:
        # Who has the journal may be another order, for a moment only, or an application that is just starting.
        if _is_held(place.orders):
            deadline = min(time.monotonic() + ANSWER_SECONDS, began + OTHERS_SECONDS)
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


def order_each(
    place: StateDir,
    settings: Settings,
    command: str,
    many: Iterator[dict[str, Json]],
    on_result: Callable[[int, Json], None],
) -> None:
    """Have a command carried out many times; ``on_result`` gets each one's place in ``many``, from 0, and its result.

    Without the application the journal is let go of every second: one that starts meanwhile takes the rest.

    Raises:
        Refused: one was refused, nobody answered, or the broker could not be reached for a while; those before it were
            carried out.
        StateError, StoreError: secrets or journal cannot be used.
    """
    from cli.in_place import InPlace  # noqa: PLC0415 - see above

    supervisor, numbered = supervisor_name(), enumerate(many)
    here = InPlace(place, settings, command, f"supervisor:{supervisor}")
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            if _is_running(place):
                _online_each(place, settings, command, numbered, supervisor, on_result)
                return
            if not here.carry_out(numbered, on_result):
                return
            deadline = time.monotonic() + ANSWER_SECONDS
        except JournalError:
            if time.monotonic() > deadline or not _is_running(place):
                raise
        time.sleep(_PAUSE_SECONDS)


def supervisor_name() -> str:
    """Who gives orders here: ``SIAGA_SUPERVISOR``, else who ran sudo, else the name under which this user logged in.

    Raises:
        Refused: none of them can be used as a name in the journal.
    """
    name = os.environ.get("SIAGA_SUPERVISOR") or _behind_sudo()
    if not name:
        try:
            name = getpass.getuser()
        except (OSError, KeyError):
            raise Refused(tr("this user has no name: put yours in SIAGA_SUPERVISOR")) from None
    if not _NAME.fullmatch(name):
        raise Refused(tr("the supervisor's name (SIAGA_SUPERVISOR) must be 1 to 64 letters, digits, '.', '_' or '-'"))
    return name


def _behind_sudo() -> str:
    """Who had sudo run this as another user; empty: nobody.

    sudo sets both variables itself, whatever its caller has in them, and the other user's name for the rest, which
    would be the same for all. Without sudo they say no more than ``LOGNAME`` does, which anybody can set, too.
    """
    user, number = os.environ.get("SUDO_USER", ""), os.environ.get("SUDO_UID", "")
    return user if number.isdecimal() and number != str(os.getuid()) else ""


class _NotReached(Exception):
    """The broker could not be reached, so nothing was asked."""


def _is_running(place: StateDir) -> bool:
    """Whether somebody writes the journal: its lock is held as long as that one lives."""
    return _is_held(place.journal.with_name(place.journal.name + ".lock"))


def _is_held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
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


def _online_each(  # noqa: PLR0913, PLR0917 - as order_each
    place: StateDir,
    settings: Settings,
    command: str,
    numbered: Iterator[tuple[int, Mapping[str, Json]]],
    supervisor: str,
    on_result: Callable[[int, Json], None],
) -> None:
    from ari_app.bus.ask import AskRefused, NobodyAnswered, ask_each  # noqa: PLC0415 - see above
    from ari_app.site.secrets import load  # noqa: PLC0415

    try:
        ask_each(settings, load(place, settings), command, numbered, supervisor=supervisor, on_result=on_result)
    except (AskRefused, NobodyAnswered) as error:
        raise Refused(str(error)) from None


def _offline(place: StateDir, settings: Settings, command: str, arguments: dict[str, Json], supervisor: str) -> Json:
    # All of it is loaded before the journal is taken: meanwhile nobody else can have it.
    from cli.in_place import InPlace  # noqa: PLC0415 - see above

    results: list[Json] = []
    here = InPlace(place, settings, command, f"supervisor:{supervisor}")
    here.carry_out(iter([(0, arguments)]), lambda _, result: results.append(result))
    return results[0]
