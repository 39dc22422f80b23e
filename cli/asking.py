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
from functools import partial
from typing import TYPE_CHECKING, Final

from ari_app.domain.facts import Json
from ari_app.site.state import StateDir
from ari_app.store.errors import JournalError
from cli.errors import Refused

if TYPE_CHECKING:  # they cost a command that only reads a third of a second
    from ari_app.domain.commands import Handler
    from ari_app.domain.facts import Fact
    from ari_app.site.settings import Settings
    from ari_app.store.journal import Journal

ANSWER_SECONDS: Final = 5.0
"""How long an order waits for the application's answer."""

TURN_SECONDS: Final = 1.0
"""So long many orders in a row have the journal, at a time: an application that starts waits twice as long."""

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
    supervisor, numbered = supervisor_name(), enumerate(many)
    here = _InPlace(place, settings, command, f"supervisor:{supervisor}")
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
    results: list[Json] = []
    here = _InPlace(place, settings, command, f"supervisor:{supervisor}")
    here.carry_out(iter([(0, arguments)]), lambda _, result: results.append(result))
    return results[0]


class _InPlace:
    """Carries out one command, for a moment, in the place of the application that does not run."""

    def __init__(self, place: StateDir, settings: Settings, command: str, actor: str) -> None:
        """Nothing is opened yet."""
        self._place, self._settings, self._command, self._actor = place, settings, command, actor
        self._handler: Handler | None = None
        self._head: tuple[int, str] | None = None
        self._journal: Journal | None = None

    def carry_out(
        self, numbered: Iterator[tuple[int, dict[str, Json]]], on_result: Callable[[int, Json], None]
    ) -> bool:
        """Carry out one after the other, for ``TURN_SECONDS``; whether there may be more.

        Raises:
            Refused, StateError, StoreError: as ``order``.
        """
        import anyio  # noqa: PLC0415

        from ari_app.domain.commands import CommandRefused  # noqa: PLC0415
        from ari_app.store.journal import Journal  # noqa: PLC0415

        until = time.monotonic() + TURN_SECONDS
        self._journal = journal = Journal.open(self._place.journal, timezone=self._settings.site.timezone)

        async def some() -> bool:
            handler = self._handler_for(journal)
            for number, arguments in numbered:
                on_result(number, await handler(arguments, self._actor))
                if time.monotonic() > until:
                    return True
            return False

        try:
            more = anyio.run(some)
        except CommandRefused as error:
            raise Refused(str(error)) from None
        finally:
            is_written = journal.close()
        self._head = journal.head()
        if not is_written:
            raise Refused("the journal could not be written: see `siaga doctor`")
        return more

    def _handler_for(self, journal: Journal) -> Handler:
        """The command's handler; the one from before, where nobody else has written since."""
        if self._handler is None or journal.head() != self._head:
            make = _block_handlers if self._command.startswith("block.") else _offline_handlers
            handlers = make(self._place, self._settings, self._append, self._flush)
            if self._command not in handlers:
                raise Refused(f"{self._command} is for the running application, and it does not run: see scripts/run")
            self._handler = handlers[self._command]
        return self._handler

    def _append(self, fact: Fact) -> None:
        if self._journal is not None:
            self._journal.append(fact)

    def _flush(self, timeout: float, *, or_reserve: bool = False) -> bool:
        return self._journal is not None and self._journal.flush(timeout, or_reserve=or_reserve)


def _block_handlers(
    place: StateDir, settings: Settings, tell: Callable[[Fact], None], flush: Callable[..., bool]
) -> Mapping[str, Handler]:
    """Apart from the others, as reading the block list takes its time."""
    from ari_app.assembly import make_blocking, read_block_list  # noqa: PLC0415
    from ari_app.flows.blocking import block_commands  # noqa: PLC0415
    from ari_app.site.rules import number_rules  # noqa: PLC0415
    from ari_app.store.blocked import CallLookup  # noqa: PLC0415

    def told(fact: Fact) -> None:
        tell(fact)
        blocking.note(fact)

    blocking = make_blocking(settings, told)
    blocking.loaded(read_block_list(settings, place))
    return block_commands(
        blocking,
        find=CallLookup(place.journal, flush),
        mark_living=lambda *_: None,
        flush=partial(flush, or_reserve=True),
        rules=number_rules(settings),
    )


def _offline_handlers(
    place: StateDir, settings: Settings, tell: Callable[[Fact], None], flush: Callable[..., bool]
) -> Mapping[str, Handler]:
    """What can be done without the application: the same handlers that it has, on the journal itself.

    Each group of commands adds its mapping here.
    """
    from ari_app.assembly import make_complaints, make_roster  # noqa: PLC0415
    from ari_app.flows.archive import archive_commands  # noqa: PLC0415
    from ari_app.flows.complaints import complaint_commands  # noqa: PLC0415
    from ari_app.flows.office import operator_commands  # noqa: PLC0415
    from ari_app.site.rules import field_rules  # noqa: PLC0415
    from ari_app.store.blocked import CallLookup  # noqa: PLC0415
    from ari_app.store.complaints import ComplaintLookup  # noqa: PLC0415
    from ari_app.store.queries import ticket_at_desk  # noqa: PLC0415
    from cli.place import tables  # noqa: PLC0415

    def at_desk(extension: str) -> str | None:
        engine = tables(place, settings)
        return ticket_at_desk(engine, extension) if engine is not None else None

    complaints = complaint_commands(
        make_complaints(settings, place, tell),
        find=ComplaintLookup(place.journal, flush),
        at_desk=at_desk,
        rules=field_rules(settings),
    )
    archive = archive_commands(
        tell,
        find_call=CallLookup(place.journal, flush),
        find_complaint=ComplaintLookup(place.journal, flush),
        flush=partial(flush, or_reserve=True),
    )
    return {**operator_commands(make_roster(settings, place, tell)), **complaints, **archive}
