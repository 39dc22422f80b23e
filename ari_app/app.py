"""The composition root: everything is made and joined here, and nowhere else."""

from __future__ import annotations

import math
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

import anyio
import anyio.to_thread
import structlog
from anyio.abc import TaskGroup

from ari_app import gate
from ari_app.ari.client import AsteriskClient
from ari_app.ari.closed_loop import ClosedLoop
from ari_app.ari.errors import AriReplaced
from ari_app.ari.inbox import Switch
from ari_app.ari.stream import EventStream
from ari_app.assembly import (
    last_line,
    make_blocking,
    make_complaints,
    make_nets,
    make_roster,
    read_block_list,
    unfinished_monitoring,
)
from ari_app.bus.broker import broker_of
from ari_app.bus.commands import CommandServer
from ari_app.bus.presence import Presence
from ari_app.domain.claims import Claims
from ari_app.domain.facts import Fact, Json
from ari_app.domain.notes import Note
from ari_app.domain.recovery import Story
from ari_app.flows.announcer import Announcer
from ari_app.flows.blocking import Blocking
from ari_app.flows.phone_watch import PhoneWatch
from ari_app.flows.radio import Nets
from ari_app.flows.recovery import Recovery
from ari_app.flows.roster import Roster
from ari_app.flows.router import Router
from ari_app.flows.surroundings import Rules, Surroundings
from ari_app.flows.switchboard import Switchboard
from ari_app.heartbeat import Heartbeat
from ari_app.orders import make_orders, spoken
from ari_app.site.clock import SiteClock
from ari_app.site.room import rooms
from ari_app.site.secrets import Secrets
from ari_app.site.settings import Settings
from ari_app.site.state import StateDir
from ari_app.site.voice import forget_spoken
from ari_app.standby import leave_mark, wait_for_turn
from ari_app.store.complaints import AnnouncementLookup
from ari_app.store.errors import StoreError
from ari_app.store.journal import Journal
from ari_app.store.living import living
from ari_app.store.notes import CallNotes
from ari_app.store.recordings import Recordings
from ari_app.store.staff import staff
from ari_app.unrecorded import Unrecorded

NOTES_SECONDS: Final = 1.0
BLOCKS_SECONDS: Final = 5.0
"""Between two attempts to read who is blocked, should the disk not let us."""

STAFF_SECONDS: Final = 5.0
"""The same for who sits where."""

UNKNOWN_STAFF: Final = "the journal does not tell who is logged in: every desk rings, and nobody can log in"

RECORDINGS_AT_ONCE: Final = 16
"""Recordings waited for and read at the same time, beside everything else that threads are for."""

HAND_OVER_SECONDS: Final = 1.0
"""How long a stop waits for the flows; callers whom it has not reached by then are the guard's."""

log = structlog.get_logger(__name__)


async def run(settings: Settings, state: StateDir, secrets: Secrets, journal: Journal) -> None:
    """Serve 110 until SIGTERM or SIGINT.

    Raises:
        AriReplaced: another program took over.
        AriStalled: the link to Asterisk is open or gone, and no events come.
        AriProtocolError: Asterisk does not take our password.
    """
    asterisk = AsteriskClient(f"http://{settings.asterisk.http}/ari", "siaga110", secrets.ari["siaga110"])
    heartbeat = Heartbeat(lambda: journal.lives)
    try:
        async with asterisk, anyio.create_task_group() as tasks:
            listeners: list[Callable[[Fact], None]] = [journal.append]
            tell = partial(_tell, listeners)
            complaints = make_complaints(settings, state, tell, serves=True)
            blocking = make_blocking(settings, tell)
            listeners += [complaints.note, blocking.note]
            roster = make_roster(settings, state, tell, serves=True)
            units = {desk.extension: desk.unit for desk in settings.desk}
            board = Switchboard(units, roster, tell, overflow=settings.queue.overflow_seconds)
            roster.on_change = board.staff_changed
            recordings = Recordings(state.recordings)
            switch = Switch()
            unrecorded = Unrecorded(rooms(state), tell)
            may_tape = partial(unrecorded.has_room, "radio")
            nets = make_nets(settings, state, asterisk, switch, tell, board=board, has_room=may_tape)
            written = partial(journal.flush, or_reserve=True)
            announcer = _announcer(settings, state, nets, tell, written)
            listeners += [] if announcer is None else [announcer.note]
            around = Surroundings(
                asterisk,
                switch,
                board,
                tell,
                complaints,
                blocking,
                Claims(),
                nets,
                _rules(settings, state),
                partial(_read, recordings, anyio.CapacityLimiter(RECORDINGS_AT_ONCE)),
                lambda call: _noted(notes, call),
                is_journal_troubled=lambda: journal.alarm is not None or not roster.is_known,
            )
            router = Router(tasks, around, roster, region=settings.site.region, area_code=settings.site.area_code)
            notes = CallNotes(
                state.journal,
                state.notes,
                region=settings.site.region,
                area_code=settings.site.area_code,
                tell=tell,
                flush=written,
                is_living=router.calls.__contains__,
                is_told=router.stories.has_ended,
                opens=complaints.open_as,
                digest=recordings,
            )
            blocking.on_unblocked, blocking.on_loaded = router.unblocked, router.blocks_are_known
            recovery = Recovery(tasks, router, partial(_living, state, notes))
            orders = make_orders(
                settings, state, router=router, roster=roster, complaints=complaints, blocking=blocking, written=written
            )
            commands = CommandServer(broker_of(settings.mqtt, secrets, "application"), orders, flush=written)
            presence = Presence(
                broker_of(settings.mqtt, secrets, "application"),
                now=SiteClock(settings.site.timezone).now,
                alarms={
                    "journal": lambda: journal.alarm,
                    "recordings": unrecorded.alarm,
                    "roster": lambda: None if roster.is_known else UNKNOWN_STAFF,
                },
            )

            async def connected() -> None:
                loop.connected()
                await recovery.after_gap()
                heartbeat.ready()
                log.info("app.ready", pid=os.getpid())

            loop = ClosedLoop(asterisk)
            stream = EventStream(
                asterisk,
                on_event=router.on_event,
                on_connected=connected,
                on_lost=recovery.link_lost,
                on_echo=loop.came,
            )
            watch = PhoneWatch(asterisk, dead_after=around.rules.dead_phone, unheard_after=around.rules.unheard_phone)
            for core in (heartbeat.run, partial(_stop_on_signal, tasks, router, asterisk)):
                tasks.start_soon(core)
            await _wait_for_turn(state, asterisk, heartbeat)
            for core in (
                partial(_fenced, stream.run, asterisk),
                partial(_fenced, loop.run, asterisk),
                recovery.watch,
                commands.run,
                nets.run,
                partial(_announce, announcer, state),
                partial(anyio.to_thread.run_sync, forget_spoken, state.sounds),
                presence.run,
                unrecorded.run,
                partial(watch.run, router.calls),
                partial(_learn_blocks, heartbeat, blocking, settings, state),
                partial(_learn_staff, roster, state),
                partial(_bring_in, notes),
                partial(_end_monitoring, tell, state, last_line(state)),
            ):
                tasks.start_soon(core)
    except BaseExceptionGroup as group:
        if group.subgroup(AriReplaced) is not None:
            leave_mark(state)
        raise
    finally:
        heartbeat.stopping()
        heartbeat.close()


async def _wait_for_turn(state: StateDir, asterisk: AsteriskClient, heartbeat: Heartbeat) -> None:
    """Return when nobody else serves."""
    await gate.may_serve()
    if state.replaced.exists():
        heartbeat.ready()  # 110 can be dialled: the other one serves it
        await wait_for_turn(state, asterisk)


def _tell(listeners: Sequence[Callable[[Fact], None]], fact: Fact) -> None:
    for listener in listeners:
        listener(fact)


def _rules(settings: Settings, state: StateDir) -> Rules:
    return Rules(
        ring=settings.queue.ring_seconds,
        wrap_up=settings.queue.wrapup_seconds,
        answer=settings.transfer.answer_seconds,
        announce=settings.queue.announce_seconds,
        dead_phone=settings.queue.dead_phone_seconds or math.inf,
        unheard_phone=settings.queue.unheard_phone_seconds or math.inf,
        greeting=settings.prompts.greeting,
        verification_max=settings.block.verification_max,
        polres=frozenset(polres.code for polres in settings.polres),
        sounds=str(state.sounds),
        zone=ZoneInfo(settings.site.timezone),
    )


async def _read(recordings: Recordings, limiter: anyio.CapacityLimiter, call: str) -> Mapping[str, Json] | None:
    return await anyio.to_thread.run_sync(recordings, call, limiter=limiter)


def _announcer(
    settings: Settings, state: StateDir, nets: Nets, tell: Callable[[Fact], None], written: Callable[[float], bool]
) -> Announcer | None:
    """Announces emergencies on the net that the site has for it; None: it has none."""
    net = nets.get(settings.emergency.announce_net or "")
    if net is None:
        return None
    look = AnnouncementLookup(state.journal, written)
    return Announcer(net, look=look, speak=partial(spoken, state), tell=tell, sounds=str(state.sounds))


async def _announce(announcer: Announcer | None, state: StateDir) -> None:
    if announcer is not None:
        await announcer.run(partial(living, state.journal))


async def _learn_blocks(heartbeat: Heartbeat, blocking: Blocking, settings: Settings, state: StateDir) -> None:
    """Who was blocked and marked before this start: no caller waits for that, and until then nobody is blocked.

    A million numbers take two seconds of a processor: callers whom the one before us left are taken up first.
    """
    await heartbeat.is_ready.wait()
    while True:
        try:
            blocking.loaded(await anyio.to_thread.run_sync(read_block_list, settings, state))
        except (StoreError, OSError) as error:
            log.error("blocks.not_read", error=str(error))
            await anyio.sleep(BLOCKS_SECONDS)
        else:
            return


async def _learn_staff(roster: Roster, state: StateDir) -> None:
    """Who sits where, should that not have been read at the start: as soon as it can be."""
    while not roster.is_known:
        await anyio.sleep(STAFF_SECONDS)
        try:
            roster.learn(await anyio.to_thread.run_sync(staff, state.journal))
        except (StoreError, OSError) as error:
            log.error("staff.not_read", error=str(error))


async def _end_monitoring(tell: Callable[[Fact], None], state: StateDir, until: int) -> None:
    """Whoever listened to a call when an application before us died does not any more; no caller waits for that."""
    try:
        facts = await anyio.to_thread.run_sync(unfinished_monitoring, state, until)
    except (StoreError, OSError) as error:
        log.error("monitoring.not_read", error=str(error))
        return
    for fact in facts:
        tell(fact)


def _living(state: StateDir, notes: CallNotes) -> Mapping[str, Story]:
    """The calls that are over neither in the journal nor by one of the dialplan's notes, which it has later."""
    over = notes.over()
    return {call: story for call, story in living(state.journal).items() if call not in over}


async def _noted(notes: CallNotes, call: str) -> Note | None:
    try:
        return (await anyio.to_thread.run_sync(notes.over)).get(call)
    except OSError as error:
        log.error("notes.not_read", error=str(error))
        return None


async def _bring_in(notes: CallNotes) -> None:
    """Keep the journal up with the calls that ended before we ran, and end without us while we do."""
    while True:
        try:
            await anyio.to_thread.run_sync(notes.bring_in)
        except (StoreError, OSError) as error:
            log.error("notes.not_read", error=str(error))
        await anyio.sleep(NOTES_SECONDS)


async def _fenced(core: Callable[[], Awaitable[None]], asterisk: AsteriskClient) -> None:
    """Run it; when it fails, nothing that flows still do while they end reaches Asterisk."""
    try:
        await core()
    except BaseException:
        asterisk.fence()
        raise


async def _stop_on_signal(tasks: TaskGroup, router: Router, asterisk: AsteriskClient) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            log.info("app.stopping", signal=number.name)
            with anyio.move_on_after(HAND_OVER_SECONDS):
                await router.hand_over()
            asterisk.fence()
            tasks.cancel_scope.cancel()
            return
