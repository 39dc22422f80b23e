"""Everything that the flows need, around a fake Asterisk: the floor of a call centre."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from types import MappingProxyType

import anyio
from anyio.abc import TaskGroup
from msgspec import structs

from ari_app.ari.inbox import Switch
from ari_app.ari.model import Event
from ari_app.domain.blocklist import BlockList, BlockRules
from ari_app.domain.claims import Claims
from ari_app.domain.complaints import ComplaintRow, fold_complaint, ticket_key
from ari_app.domain.desks import DeskState
from ari_app.domain.facts import Fact, Json, Record
from ari_app.domain.notes import Note, story
from ari_app.domain.operators import DeskPlace, RosterState, fold
from ari_app.domain.radio import NetRules
from ari_app.domain.recovery import CLASSIFIED, REMARKS, STORY_ACTIONS, Story
from ari_app.flows.blocking import Blocking
from ari_app.flows.complaints import Complaints, Tickets
from ari_app.flows.phone_watch import PhoneWatch
from ari_app.flows.radio import Nets
from ari_app.flows.radio_bell import Desks
from ari_app.flows.recovery import EVERY_SECONDS, Recovery
from ari_app.flows.roster import Roster
from ari_app.flows.router import Router
from ari_app.flows.surroundings import Rules, Surroundings
from ari_app.flows.switchboard import Switchboard
from tests.flows.fake_asterisk import FakeAsterisk, Lags
from tests.flows.fake_radio import Gateway
from tests.flows.virtual_time import virtual_now

RING_SECONDS = 12
OVERFLOW_SECONDS = 30
NOTES_SECONDS = 1.0
RULES = Rules(ring=RING_SECONDS, wrap_up=0.0)
CLOSED = {"call.ended", "call.fallback"}
AFTERWARDS = {"call.noted", "prank.marked"}
"""What a supervisor may say of a call that is over."""
NOBODY: Mapping[str, str] = MappingProxyType({})


def unit_of(extension: str) -> str:
    """1001 is a desk of the Polda, 2013 one of Polres 01."""
    return extension[1:3] if extension.startswith("2") else "polda"


class EveryPin:
    """Knows that every operator's PIN is 1234."""

    def verify(self, nrp: str, pin: str) -> bool:
        return bool(nrp) and pin == "1234"

    def keep(self, nrp: str, pin_hash: str) -> None:
        """Nothing is kept."""

    def forget(self, nrp: str) -> None:
        """Nothing was kept."""


def complaints_of(journal: Sequence[Fact], tell: Callable[[Fact], None]) -> Complaints:
    """As ``assembly`` makes them from the journal."""
    rows: dict[str, ComplaintRow] = {}
    for number, fact in enumerate(journal):
        record = Record(number, "", fact.actor, fact.action, fact.call, fact.data, "")
        row = fold_complaint(rows.get(fact.call), record) if fact.call else None
        if row is not None:
            rows[row.call] = row
    last = max(filter(None, (ticket_key(row.ticket) for row in rows.values())), default=None)
    return Complaints(tell, Tickets(last, lambda: virtual_now().date()), rows)


def block_list(journal: Sequence[Fact]) -> BlockList:
    """As ``store.blocked`` reads it."""
    found = BlockList(BlockRules())
    for fact in journal:
        found.note(fact, time.time())
    return found


class Application:
    """What ``app.py`` puts together, without the connection and the disk."""

    def __init__(  # noqa: PLR0917 - as ``floor`` has them
        self,
        tasks: TaskGroup,
        asterisk: FakeAsterisk,
        journal: list[Fact],
        rules: Rules,
        logins: Collection[str] = (),
        nets: Sequence[NetRules] = (),
        *,
        in_trouble: Callable[[], bool] = bool,
        knows_staff: bool = True,
    ) -> None:
        self.staff = RosterState()
        for fact in journal:
            self.staff = fold(self.staff, fact)
        self.tasks = tasks
        self.asterisk = asterisk
        self.journal = journal
        self.switch = Switch()
        self.roster = Roster(
            {desk: DeskPlace(unit_of(desk), login=desk in logins) for desk in asterisk.phones},
            units=("polda", *{unit_of(extension) for extension in asterisk.phones}),
            tell=journal.append,
            pins=EveryPin(),
            state=self.staff if knows_staff else None,
            clock=asyncio.get_running_loop().time,
        )
        units = {extension: unit_of(extension) for extension in asterisk.phones}
        self.board = Switchboard(units, self.roster, journal.append, overflow=OVERFLOW_SECONDS)
        self.roster.on_change = self.board.staff_changed
        self.complaints = complaints_of(journal, self.tell)
        self.blocking = Blocking(self.tell, BlockRules(), time.time)
        codes = {unit_of(extension) for extension in asterisk.phones} - {"polda"}
        rules = replace(rules, polres=rules.polres | codes)
        self.has_room = True
        desks = Desks(self.board, rules.ring, rules.sounds)
        self.nets = Nets(nets, asterisk, self.switch, self.tell, desks, has_room=lambda: self.has_room)
        around = Surroundings(
            asterisk, self.switch, self.board, self.tell, self.complaints, self.blocking, Claims(), self.nets, rules,
            noted=self.noted, is_journal_troubled=in_trouble,
        )  # fmt: skip
        self.router = Router(tasks, around, self.roster, region="ID")
        self.blocking.on_unblocked = self.router.unblocked
        self.blocking.on_loaded = self.router.blocks_are_known
        self.phone_watch = PhoneWatch(asterisk, dead_after=rules.dead_phone, unheard_after=rules.unheard_phone)
        self.recovery = Recovery(tasks, self.router, self.living, virtual_now)

    def tell(self, fact: Fact) -> None:
        self.journal.append(fact)
        self.complaints.note(fact)
        self.blocking.note(fact)

    def living(self) -> dict[str, Story]:
        """As ``app.py`` has it: from the journal, without those of whose end there is a note of the dialplan's."""
        over = {note.call for note in self.asterisk.notes}
        stories: dict[str, Story] = {}
        for fact in self.journal:
            is_of_call = fact.action.startswith("call.") and fact.action not in REMARKS
            if fact.call and (is_of_call or (fact.action in {CLASSIFIED, *STORY_ACTIONS} and fact.call in stories)):
                began = Story("", since="" if fact.at is None else fact.at.isoformat())
                stories[fact.call] = stories.get(fact.call, began).after(fact.action, fact.data)
        return {call: story for call, story in stories.items() if story.last != "call.ended" and call not in over}

    async def keep_bringing_in(self) -> None:
        """As ``app.py`` does."""
        while True:
            self.bring_in()
            await anyio.sleep(NOTES_SECONDS)

    async def noted(self, call: str) -> Note | None:
        """As ``store.notes`` has it."""
        return next((note for note in self.asterisk.notes if note.call == call), None)

    def bring_in(self) -> None:
        """As ``store.notes`` does."""
        for note in self.asterisk.notes:
            if note.call not in self.router.calls:
                told = {fact.action for fact in self.journal if fact.call == note.call}
                for fact in story(note, told, "ID"):
                    (self.complaints.open_as if fact.action == "complaint.opened" else self.tell)(fact)


class Journal(list[Fact]):
    """The facts that were told, each with the moment at which it was."""

    def append(self, fact: Fact) -> None:
        super().append(structs.replace(fact, at=fact.at or virtual_now()))


class Floor:
    """A fake Asterisk, an application on it that can be killed and started again, and the journal."""

    def __init__(  # noqa: PLR0917 - as ``floor`` has them
        self,
        tasks: TaskGroup,
        extensions: Sequence[str],
        lags: Lags | None = None,
        rules: Rules = RULES,
        staff: Mapping[str, str] = NOBODY,
        blocked: Sequence[str] = (),
        nets: Sequence[NetRules] = (),
    ) -> None:
        self.rules = rules
        self.nets = nets
        self.logins = frozenset(staff)
        self.journal: list[Fact] = Journal()
        self.journal_in_trouble = False
        for number in blocked:
            self.journal.append(Fact("system", "number.blocked", data={"number": number, "reason": "supervisor"}))
        for desk, nrp in staff.items():
            who: dict[str, Json] = {"operator": nrp or f"9{desk}", "name": "Siti", "unit": unit_of(desk)}
            self.journal.append(Fact("system", "operator.added", data=who))
            if nrp:
                self.journal.append(Fact("system", "operator.logged_in", data={"operator": nrp, "desk": desk}))
        self.asterisk = FakeAsterisk(extensions, self._event, lags)
        self.asterisk.gateways = {net.net: Gateway() for net in nets}
        self._tasks = tasks
        self._scope = anyio.CancelScope()
        self.app: Application | None = None

    def _in_trouble(self) -> bool:
        return self.journal_in_trouble

    def _event(self, event: Event) -> None:
        if self.app is not None:
            self.app.router.on_event(event)

    # ---- the application's life ------------------------------------------------------------------

    async def start(self, *, watch: bool = True, knows_blocks: bool = True, knows_staff: bool = True) -> Application:
        """Start the application and let it reconcile; ``watch``: and again every few seconds.

        ``knows_blocks``: it has read who is blocked; ``knows_staff``: who sits where.
        """
        self._scope = anyio.CancelScope()
        self.app = await self._tasks.start(self._run, watch, knows_staff)
        if knows_blocks:
            self.app.blocking.loaded(block_list(self.journal))
        self.asterisk.connected = True
        await self.app.recovery.after_gap()
        return self.app

    async def _run(
        self,
        watch: bool,  # noqa: FBT001 - start() passes positions
        knows_staff: bool,  # noqa: FBT001
        *,
        task_status: anyio.abc.TaskStatus[Application],
    ) -> None:
        with self._scope:
            async with anyio.create_task_group() as tasks:
                app = Application(
                    tasks,
                    self.asterisk,
                    self.journal,
                    self.rules,
                    self.logins,
                    self.nets,
                    in_trouble=self._in_trouble,
                    knows_staff=knows_staff,
                )
                tasks.start_soon(app.nets.run)
                tasks.start_soon(app.keep_bringing_in)
                if watch:
                    tasks.start_soon(app.recovery.watch)
                    tasks.start_soon(app.phone_watch.run, app.router.calls)
                task_status.started(app)
                await anyio.sleep_forever()

    def kill(self) -> None:
        """End the application on the spot; Asterisk stays as it is and nobody hears its events."""
        self.asterisk.connected = False
        self.app = None
        self._scope.cancel()

    def lose_link(self) -> None:
        """No events any more; the application lives on."""
        self.asterisk.connected = False
        assert self.app is not None
        self.app.recovery.link_lost()

    async def restore_link(self) -> None:
        """Events again, and the application reconciles, as after a reconnect."""
        self.asterisk.connected = True
        assert self.app is not None
        await self.app.recovery.after_gap()

    # ---- what the journal says -------------------------------------------------------------------

    def told(self, call: str) -> list[str]:
        """The actions of a call, in order."""
        return [fact.action for fact in self.journal if fact.call == call]

    def facts(self, call: str, action: str) -> list[Fact]:
        """A call's facts of one action."""
        return [fact for fact in self.journal if fact.call == call and fact.action == action]

    def end_of(self, call: str) -> dict[str, object]:
        """What the last line of a call's story says."""
        (end,) = self.facts(call, "call.ended")
        return dict(end.data)

    async def until(self, condition: Callable[[], object], *, seconds: float = 60.0) -> None:
        """Wait for a condition: in steps of a millisecond of virtual time, in larger ones when it takes long."""
        step = 0.001
        with anyio.fail_after(seconds):
            while not condition():
                await anyio.sleep(step)
                step = min(step * 1.02, 0.05)

    async def ended(self, *calls: str, seconds: float = 60.0) -> None:
        """Wait until the stories of these calls are over."""
        await self.until(lambda: all(CLOSED & set(self.told(call)) for call in calls), seconds=seconds)

    async def talking(self, call: str, desk: str, *, seconds: float = 60.0) -> None:
        """Wait until caller and desk hear each other and the journal has it."""
        await self.until(
            lambda: self.asterisk.is_talking(call, desk) and "call.answered" in self.told(call), seconds=seconds
        )

    async def ended_talk(self, call: str) -> None:
        """Wait until some desk has the call, let them talk for a second, and let the caller hang up."""
        await self.until(lambda: "call.answered" in self.told(call), seconds=600)
        await anyio.sleep(1)
        self.asterisk.caller_hangs_up(call)
        await self.ended(call)

    async def quiet(self, *, seconds: float = 3 * EVERY_SECONDS) -> None:
        """Wait until no flow runs and nothing of ours is left in Asterisk; then assert that all is in order."""
        await self.until(lambda: self.app is not None and not self.app.router.calls, seconds=seconds)
        await self.until(lambda: not self.left(), seconds=seconds)
        await self.until(lambda: not self._followed(), seconds=1)  # the news of what has just ended is on its way
        self.assert_in_order()

    def _followed(self) -> set[str]:
        """The legs whose events go to somebody, but for those that the nets have made."""
        assert self.app is not None
        return {each.removeprefix("bridge:") for each in self.app.switch.legs()} - self.app.nets.made()

    def left(self) -> list[str]:
        """What is in Asterisk and should not be when nobody calls."""
        kept = self.app.nets.made() if self.app is not None else set()
        legs = [leg.id for leg in self.asterisk.legs.values() if leg.id not in self.asterisk.in_fallback]
        return [each for each in (*legs, *self.asterisk.open_bridges) if each not in kept]

    def assert_in_order(self) -> None:
        """Nothing is left in the application, every story is complete, and nobody was wronged."""
        assert self.app is not None
        assert not self._followed()
        states = {desk.state for desk in self.app.board.desks.values()}
        assert states <= {DeskState.FREE}, self.app.board.desks
        assert not self.app.board.waiting
        assert self.asterisk.wrongs == [], self.asterisk.wrongs
        self.app.bring_in()
        for call in {fact.call for fact in self.journal if fact.call} - self.asterisk.legs.keys():
            self.assert_complete(call)

    @property
    def board(self) -> Switchboard:
        """The switchboard of the application that runs now."""
        assert self.app is not None
        return self.app.board

    def assert_complete(self, call: str) -> None:
        """Exactly one beginning, first, and exactly one end, last."""
        told = [action for action in self.told(call) if action not in AFTERWARDS]
        count = Counter(told)
        assert told[0] == "call.received", told
        assert count["call.received"] == 1, told
        assert count["call.ended"] == 1, told
        assert count["call.fallback"] <= 1, told
        assert told[-1] in CLOSED, told


@asynccontextmanager
async def floor(
    *extensions: str,
    lags: Lags | None = None,
    watch: bool = True,
    rules: Rules = RULES,
    staff: Mapping[str, str] = NOBODY,
    blocked: Sequence[str] = (),
    nets: Sequence[NetRules] = (),
) -> AsyncIterator[Floor]:
    """A floor with a running application, for ``async with``; afterwards it must be quiet.

    ``staff`` names the desks at which one logs in, each with the NRP of who is there; nobody: an empty one.
    ``blocked`` are numbers that are blocked from the beginning, ``nets`` the radio nets.
    """
    async with anyio.create_task_group() as tasks:
        made = Floor(tasks, extensions, lags, rules, staff, blocked, nets)
        await made.start(watch=watch)
        yield made
        await made.quiet()
        tasks.cancel_scope.cancel()
