"""Recordings deleted for good: what ``siaga recordings delete`` and ``siaga radio delete`` do."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias
from zoneinfo import ZoneInfo

import typer

from ari_app.domain.facts import Json
from ari_app.domain.moments import milliseconds
from ari_app.domain.tapes import TRANSMISSION
from ari_app.store.radio import said_in
from ari_app.store.recordings import Recordings, finished
from ari_app.store.tapes import calls_by_id, open_calls, open_tickets
from cli.asking import order_each
from cli.errors import Refused
from cli.language import tr
from cli.output import counted, plain, print_done, print_line
from cli.place import settings_in_force, state_dir, tables
from cli.recordings_check import gone_of, parts
from cli.times import as_ms, entered_time

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ari_app.site.settings import Settings
    from ari_app.site.state import StateDir

_TRANSMISSION: Final = re.compile(TRANSMISSION)

_STILL_SECONDS: Final = 3600.0
"""A file that has not been written to for so long is written no more, be it finished or not."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """Whose recordings were deleted, and whose are kept, each with the ticket of its open complaint."""

    deleted: list[str]
    kept: dict[str, str]


May: TypeAlias = Callable[[int, dict[str, str]], bool]
"""Asked with how many would be deleted, and what is kept."""


class Deletion(Protocol):
    """One of the two kinds."""

    def __call__(self, place: StateDir, settings: Settings, before_ms: int, *, may: May) -> Deleted:
        """See ``delete_before``."""


def carry_out(delete: Deletion, before: str, *, yes: bool, as_json: bool, state: Path) -> None:
    """Delete what lies before a time as it was typed; whoever sits at the terminal is asked.

    Raises:
        typer.BadParameter: the time is none, or nobody can be asked.
        Refused: it was not done, and why.
    """
    if as_json and not yes:
        raise typer.BadParameter(tr("it needs --yes"), param_hint="--json")
    place = state_dir(state)
    settings = settings_in_force(place)
    moment_ = entered_time("--before", before, ZoneInfo(settings.site.timezone))

    def may(count: int, kept: dict[str, str]) -> bool:
        for each, ticket in () if as_json else kept.items():
            print_line(tr("{call} is kept: its complaint {ticket} is open", call=each, ticket=ticket))
        return yes or not count or _confirmed(count)

    done = delete(place, settings, as_ms(moment_) if moment_ is not None else 0, may=may)
    said = tr(
        "{recordings} deleted, {kept} kept for open complaints",
        recordings=counted(len(done.deleted), "recording"), kept=len(done.kept),
    )  # fmt: skip
    print_done(asdict(done), said, as_json=as_json)


def _confirmed(count: int) -> bool:
    print_line(tr("{recordings} will be deleted for good. Go on? [y/N]", recordings=counted(count, "recording")))
    sys.stdout.flush()
    with suppress(EOFError, UnicodeDecodeError, RuntimeError):  # the last one: there is no standard input
        return input().strip().lower() in {"y", "yes", "ya"}
    return False


def delete_before(place: StateDir, settings: Settings, before_ms: int, *, may: May) -> Deleted:
    """Delete the recordings of calls received before a moment (ms since 1970).

    Only files of the recordings' own folder are removed, and only those of calls that the journal knows and that have
    ended. A crash between the fact and the removal leaves a file of which the journal says that it is deleted: the next
    run removes it.

    Raises:
        Refused: it may not be, the journal does not take it, or a file cannot be removed.
        StoreError: journal or tables cannot be used.
    """
    choice = _calls(_engine(place, settings), place, before_ms)
    _require(choice, may)
    return _delete(place, settings, choice)


def delete_transmissions_before(place: StateDir, settings: Settings, before_ms: int, *, may: May) -> Deleted:
    """Delete the recordings of what was said on the nets before a moment (ms since 1970); else as ``delete_before``.

    Raises:
        Refused: it may not be, the journal does not take it, or a file cannot be removed.
        StoreError: journal or tables cannot be used.
    """
    choice = _transmissions(_engine(place, settings), place, before_ms)
    _require(choice, may)
    # Who writes it down does not know of which calls they are: so that is looked at once more, after the question.
    return _delete(place, settings, _transmissions(_engine(place, settings), place, before_ms).among(choice))


def _engine(place: StateDir, settings: Settings) -> Engine:
    engine = tables(place, settings)
    if engine is None:
        raise Refused(tr("there is no journal yet: nobody has called"))
    return engine


@dataclass(frozen=True, slots=True)
class _Choice:
    """Whose file is there though it is deleted, whose is to be deleted, and what is kept, with its open complaint.

    ``of`` is ``calls`` or ``transmissions``.
    """

    of: str
    tapes: Recordings
    begun: list[str] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, gone: Container[str], tickets: Mapping[str, str], *, is_old: bool) -> None:
        """Choose what becomes of one."""
        if name in gone:
            self.begun.append(name)
        elif is_old and name in tickets:
            self.kept[name] = tickets[name]
        elif is_old:
            self.chosen.append(name)

    def among(self, asked: _Choice) -> _Choice:
        """Of these only those that were asked for, too: with a time to come more may have ended since."""
        were = frozenset(asked.chosen)
        return replace(self, chosen=[name for name in self.chosen if name in were])


def _require(choice: _Choice, may: May) -> None:
    if not may(len(choice.chosen), choice.kept):
        raise Refused(tr("nothing was deleted"))


def _delete(place: StateDir, settings: Settings, choice: _Choice) -> Deleted:
    _remove(choice.tapes, choice.begun)
    batches = list(parts(choice.chosen))

    def told(number: int, _: Json) -> None:
        _remove(choice.tapes, batches[number])

    arguments: Iterator[dict[str, Json]] = ({choice.of: list[Json](batch)} for batch in batches)
    if batches:
        order_each(place, settings, "recordings.delete", arguments, told)
    return Deleted(choice.begun + choice.chosen, choice.kept)


def _calls(engine: Engine, place: StateDir, before_ms: int) -> _Choice:
    choice = _Choice("calls", tapes := Recordings(place.recordings))
    for names in parts(tapes.names()):
        gone, tickets, calls = gone_of(engine, names), open_tickets(engine, names), calls_by_id(engine, names)
        for name in names:
            row = calls.get(name)
            if row is not None and row.state == "ended":
                choice.put(name, gone, tickets, is_old=milliseconds(row.received_at) < before_ms)
    return choice


def _transmissions(engine: Engine, place: StateDir, before_ms: int) -> _Choice:
    """Their age is their file's, as the journal has no index of them; what goes on has no finished file."""
    choice = _Choice("transmissions", tapes := Recordings(place.transmissions))
    if not place.transmissions.exists():  # Asterisk has never run
        return choice
    open_ = open_calls(engine)
    tickets = {said: open_[call] for said, call in said_in(place.journal, open_).items()}
    for names in parts(tapes.names()):
        gone = gone_of(engine, names)
        for name in filter(_TRANSMISSION.fullmatch, names):
            choice.put(name, gone, tickets, is_old=_is_older(tapes, name, before_ms / 1000))
    return choice


def _is_older(tapes: Recordings, name: str, moment: float) -> bool:
    """Whether a transmission's recording was written before a moment, and is written no more."""
    file = tapes.path(name)
    try:
        written = file.stat().st_mtime if file is not None else math.inf
        return written < moment and (
            time.time() - written > _STILL_SECONDS or (file is not None and finished(file) is not None)
        )
    except FileNotFoundError:  # talk that did not become a transmission
        return False


def _remove(tapes: Recordings, names: Iterable[str]) -> None:
    for name in names:
        file = tapes.path(name)
        if file is None:
            continue
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            why = error.strerror or str(error)
            raise Refused(tr("{file} cannot be removed: {why}", file=plain(str(file)), why=why)) from None
