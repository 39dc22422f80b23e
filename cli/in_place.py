"""Orders that are carried out here, in the place of the application that does not run: by its own handlers."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from ari_app import logs
from ari_app.assembly import make_blocking, make_complaints, make_roster, read_block_list
from ari_app.domain.commands import CommandRefused, Handler
from ari_app.domain.facts import Fact, Json
from ari_app.flows.archive import archive_commands
from ari_app.flows.blocking import block_commands
from ari_app.flows.complaints import complaint_commands
from ari_app.flows.office import operator_commands
from ari_app.flows.once import Once
from ari_app.ownership import make_private
from ari_app.site.rules import field_rules, number_rules
from ari_app.site.settings import Settings
from ari_app.site.state import StateDir
from ari_app.store.blocked import CallLookup
from ari_app.store.complaints import ComplaintLookup, KeptLookup
from ari_app.store.journal import Journal
from ari_app.store.queries import ticket_at_desk
from cli.errors import Refused
from cli.language import tr
from cli.place import tables

TURN_SECONDS: Final = 1.0
"""So long many orders in a row have the journal, at a time: an application that starts waits twice as long."""


class InPlace:
    """Carries out one command, for a moment, in the place of the application that does not run."""

    def __init__(self, place: StateDir, settings: Settings, command: str, actor: str) -> None:
        """Nothing is opened yet."""
        logs.say_little()  # the handlers are the application's, and would log among what the command prints
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
        until = time.monotonic() + TURN_SECONDS
        self._journal = journal = Journal.open(self._place.journal, timezone=self._settings.site.timezone)

        async def some() -> bool:
            handler = self._handler_for(journal)
            for number, arguments in numbered:
                on_result(number, await handler(arguments, self._actor))
                if time.monotonic() > until:
                    return True
            return False

        with _seen_by_others(self._place.orders):
            try:
                more = anyio.run(some)
            except CommandRefused as error:
                raise Refused(str(error)) from None
            finally:
                is_written = journal.close()
        self._head = journal.head()
        if not is_written:
            raise Refused(tr("the journal could not be written: see `siaga doctor`"))
        return more

    def _handler_for(self, journal: Journal) -> Handler:
        """The command's handler; the one from before, where nobody else has written since."""
        if self._handler is None or journal.head() != self._head:
            make = _block_handlers if self._command.startswith("block.") else _offline_handlers
            handlers = make(self._place, self._settings, self._append, partial(self._flush, or_reserve=True))
            if self._command not in handlers:
                raise Refused(
                    tr(
                        "{command} is for the running application, which does not run: see scripts/run or siaga.target",
                        command=self._command,
                    )
                )
            self._handler = handlers[self._command]
        return self._handler

    def _append(self, fact: Fact) -> None:
        if self._journal is not None:
            self._journal.append(fact)

    def _flush(self, timeout: float, *, or_reserve: bool = False) -> bool:
        return self._journal is not None and self._journal.flush(timeout, or_reserve=or_reserve)


@contextmanager
def _seen_by_others(lock: Path) -> Iterator[None]:
    """Whoever else has an order sees that it is one that has the journal, and no application, and waits longer."""
    with ExitStack() as held:
        with suppress(OSError):  # then they give up sooner
            make_private(lock)
            file = held.enter_context(lock.open("a"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _block_handlers(
    place: StateDir, settings: Settings, tell: Callable[[Fact], None], written: Callable[[float], bool]
) -> Mapping[str, Handler]:
    """Apart from the others, as reading the block list takes its time."""

    def told(fact: Fact) -> None:
        tell(fact)
        blocking.note(fact)

    blocking = make_blocking(settings, told)
    blocking.loaded(read_block_list(settings, place))
    return block_commands(
        blocking,
        find=CallLookup(place.journal, written),
        mark_living=lambda *_: None,
        flush=written,
        rules=number_rules(settings),
    )


def _offline_handlers(
    place: StateDir, settings: Settings, tell: Callable[[Fact], None], written: Callable[[float], bool]
) -> Mapping[str, Handler]:
    """What can be done without the application: the same handlers that it has, on the journal itself.

    Each group of commands adds its mapping here.
    """

    def at_desk(extension: str) -> str | None:
        engine = tables(place, settings)
        return ticket_at_desk(engine, extension) if engine is not None else None

    complaints = complaint_commands(
        make_complaints(settings, place, tell),
        find=ComplaintLookup(place.journal, written),
        at_desk=at_desk,
        rules=field_rules(settings),
    )
    archive = archive_commands(
        Once(tell, lambda _: False),
        find_call=CallLookup(place.journal, written),
        find_complaint=ComplaintLookup(place.journal, written),
        find_kept=KeptLookup(place.journal, written),
        flush=written,
    )
    return {**operator_commands(make_roster(settings, place, tell)), **complaints, **archive}
