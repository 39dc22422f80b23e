"""Parts that the application and the ``siaga`` command (where no application runs) put together in the same way."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar
from zoneinfo import ZoneInfo

import structlog

from ari_app.domain.complaints import ComplaintRow, unread_ticket
from ari_app.domain.desks import POLDA
from ari_app.domain.facts import Fact, Record
from ari_app.domain.guesses import Guesses
from ari_app.domain.operators import DeskPlace
from ari_app.domain.transmissions import idle_lines, unfinished
from ari_app.flows.blocking import Blocking
from ari_app.flows.complaints import Complaints, Tickets
from ari_app.flows.radio import Nets
from ari_app.flows.radio_bell import Desks
from ari_app.flows.roster import Roster, Tried
from ari_app.site.pins import Pins, pins_file
from ari_app.site.radio import net_rules
from ari_app.site.rules import block_rules
from ari_app.store.blocked import load_block_list
from ari_app.store.complaints import living_complaints
from ari_app.store.errors import StoreError
from ari_app.store.last_ticket import last_ticket
from ari_app.store.nets import net_records
from ari_app.store.reader import JournalReader, latest
from ari_app.store.staff import guesses, staff

MONITORING: Final = {"monitor.started": "monitor.ended"}

T = TypeVar("T")
D = TypeVar("D")
log = structlog.get_logger(__name__)

if TYPE_CHECKING:
    from ari_app.ari.commands import Commands
    from ari_app.ari.inbox import Switch
    from ari_app.domain.blocklist import BlockList
    from ari_app.flows.switchboard import Switchboard
    from ari_app.site.settings import Settings
    from ari_app.site.state import StateDir


def read_or(what: str, read: Callable[[], T], without: D, *, serves: bool = True) -> T | D:
    """What is read of the journal at the start. Who ``serves`` calls does so without it where it cannot be read.

    Raises:
        JournalError: it cannot be read, and nobody's call waits for that.
    """
    try:
        return read()
    except StoreError as error:
        if not serves:
            raise
        log.critical("journal.not_read", what=what, error=str(error))
        return without


def make_roster(settings: Settings, state: StateDir, tell: Callable[[Fact], None], *, serves: bool = False) -> Roster:
    """Who is logged in where, and which desk is locked, as the journal has it.

    For who ``serves`` calls, that may not be known yet: then everybody is to be rung for.

    Raises:
        JournalError: the journal cannot be read, and we do not serve.
    """
    pins = Pins(pins_file(state))
    if pins.trouble is not None:
        log.error("pins.not_read", reason=pins.trouble)  # nobody can log in by phone; calls are served all the same
    now = datetime.now(UTC)
    tried: dict[str, Guesses] = read_or("guesses", partial(guesses, state.journal), {}, serves=serves)
    return Roster(
        {desk.extension: DeskPlace(desk.unit, login=desk.login) for desk in settings.desk},
        units={POLDA, *(polres.code for polres in settings.polres)},
        tell=tell,
        pins=pins,
        state=read_or("staff", partial(staff, state.journal), None, serves=serves),
        clock=time.monotonic,
        tried={desk: Tried(each.wrong, each.locked_for(now)) for desk, each in tried.items()},
    )


def make_complaints(
    settings: Settings, state: StateDir, tell: Callable[[Fact], None], *, serves: bool = False
) -> Complaints:
    """The complaints of the living calls and the last ticket, as the journal has them.

    For who ``serves`` calls, what cannot be read is missing: tickets go on far behind all that there can be.

    Raises:
        JournalError: the journal cannot be read, and we do not serve.
    """
    zone = ZoneInfo(settings.site.timezone)
    unread = unread_ticket(datetime.now(zone))
    last = read_or("last_ticket", partial(last_ticket, state.journal), unread, serves=serves)
    living: dict[str, ComplaintRow] = read_or(
        "complaints", partial(living_complaints, state.journal), {}, serves=serves
    )
    return Complaints(tell, Tickets(last, lambda: datetime.now(zone).date()), living)


def make_nets(  # noqa: PLR0913 - a part of the application each
    settings: Settings,
    state: StateDir,
    asterisk: Commands,
    switch: Switch,
    tell: Callable[[Fact], None],
    *,
    board: Switchboard,
    has_room: Callable[[], bool],
) -> Nets:
    """The radio nets; what an application before us began on them is told to have ended.

    Officers have desks of ``board`` rung. ``has_room`` says whether a recording may begin. What of the journal cannot
    be read, the next application tells the end of.
    """
    rules = net_rules(settings)
    records = partial(net_records, state.journal, with_reserve=True)
    told: list[Record] = read_or("nets", records, []) if rules else []
    for fact in (*unfinished(told), *idle_lines(told, [each.net for each in rules if not each.is_always_up])):
        tell(fact)
    desks = Desks(board, settings.queue.ring_seconds, str(state.sounds))
    return Nets(rules, asterisk, switch, tell, desks, has_room=has_room)


def last_line(state: StateDir) -> int:
    """The number of the last line that was told before this start, whether journal or reserve has it.

    0: none was, or it cannot be read.
    """

    def read() -> int:
        with JournalReader(state.journal, with_reserve=True) as reader:
            return reader.head().seq

    return read_or("last_line", read, 0) if state.journal.exists() else 0


def unfinished_monitoring(state: StateDir, until: int) -> list[Fact]:
    """The ends of what supervisors listened to when an application before us died, up to this line of the journal.

    Raises:
        JournalError: the journal cannot be read.
    """
    told = latest(state.journal, (*MONITORING, *MONITORING.values()), with_reserve=True)
    return unfinished((record for record in told if record.seq <= until), MONITORING)


def make_blocking(settings: Settings, tell: Callable[[Fact], None]) -> Blocking:
    """The block list, still to be given what was before (``read_block_list``); ``tell`` has it note every fact."""
    return Blocking(tell, block_rules(settings))


def read_block_list(settings: Settings, state: StateDir) -> BlockList:
    """Who is marked and blocked, as tables and journal have it. For worker threads: it waits for the disk.

    Raises:
        JournalError: the journal cannot be read.
    """
    return load_block_list(state.journal, state.database_url(settings), block_rules(settings), time.time())
