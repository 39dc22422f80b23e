"""The composition root: everything is made and joined here, and nowhere else."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from functools import partial
from typing import Final

import anyio
import anyio.to_thread
import structlog
from anyio.abc import TaskGroup

from ari_app.ari.client import AsteriskClient
from ari_app.ari.inbox import Switch
from ari_app.ari.stream import EventStream
from ari_app.flows.call import Surroundings
from ari_app.flows.recovery import Recovery
from ari_app.flows.router import Router
from ari_app.flows.switchboard import Switchboard
from ari_app.heartbeat import Heartbeat
from ari_app.site.secrets import Secrets
from ari_app.site.settings import Settings
from ari_app.site.state import StateDir
from ari_app.store.errors import StoreError
from ari_app.store.journal import Journal
from ari_app.store.living import living
from ari_app.store.notes import CallNotes

NOTES_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


async def run(settings: Settings, state: StateDir, secrets: Secrets, journal: Journal) -> None:
    """Serve 110 until SIGTERM or SIGINT.

    Raises:
        AriReplaced: another program took over.
        AriProtocolError: Asterisk does not take our password.
    """
    asterisk = AsteriskClient(f"http://{settings.asterisk.http}/ari", "siaga110", secrets.ari["siaga110"])
    tell = journal.append
    switchboard = Switchboard((desk.extension for desk in settings.polda_desks), tell)
    around = Surroundings(asterisk, Switch(), switchboard, tell, settings.queue.ring_seconds)
    heartbeat = Heartbeat()
    try:
        async with asterisk, anyio.create_task_group() as tasks:
            router = Router(tasks, around, region=settings.site.region)
            notes = CallNotes(
                state.journal,
                state.notes,
                region=settings.site.region,
                tell=tell,
                flush=journal.flush,
                is_living=router.calls.__contains__,
                is_told=router.stories.has_ended,
            )
            recovery = Recovery(tasks, router, partial(_living, state, notes))

            async def connected() -> None:
                await recovery.after_gap()
                heartbeat.ready()
                log.info("app.ready", pid=os.getpid())

            stream = EventStream(asterisk, on_event=router.on_event, on_connected=connected)
            for core in (
                stream.run,
                heartbeat.run,
                recovery.watch,
                partial(_bring_in, notes),
                partial(_stop_on_signal, tasks),
            ):
                tasks.start_soon(core)
    finally:
        heartbeat.close()


def _living(state: StateDir, notes: CallNotes) -> Mapping[str, str]:
    """The calls that are not over in the journal, once it knows what the dialplan noted."""
    notes.bring_in()
    return living(state.journal)


async def _bring_in(notes: CallNotes) -> None:
    """Keep the journal up with the calls that end without us while we run."""
    while True:
        await anyio.sleep(NOTES_SECONDS)
        try:
            await anyio.to_thread.run_sync(notes.bring_in)
        except (StoreError, OSError) as error:
            log.error("notes.not_read", error=str(error))


async def _stop_on_signal(tasks: TaskGroup) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            log.info("app.stopping", signal=number.name)
            tasks.cancel_scope.cancel()
            return
