"""What supervisors can order, put together: each command's name with what carries it out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import anyio.to_thread

from ari_app.domain.commands import CommandRefused, Handler
from ari_app.flows.archive import archive_commands
from ari_app.flows.blocking import Blocking, block_commands
from ari_app.flows.call_office import CallOffice, call_commands
from ari_app.flows.complaints import Complaints, complaint_commands
from ari_app.flows.office import operator_commands
from ari_app.flows.once import Once
from ari_app.flows.radio_office import radio_commands
from ari_app.flows.roster import Roster
from ari_app.flows.router import Router
from ari_app.site.rules import field_rules, number_rules
from ari_app.site.settings import Settings
from ari_app.site.state import StateDir
from ari_app.site.voice import NotSpoken, speak
from ari_app.store.blocked import CallLookup
from ari_app.store.complaints import ComplaintLookup, KeptLookup
from ari_app.store.living import last_action
from ari_app.store.orders import OrderLookup


def make_orders(  # noqa: PLR0913 - a part of the application each
    settings: Settings,
    state: StateDir,
    *,
    router: Router,
    roster: Roster,
    complaints: Complaints,
    blocking: Blocking,
    written: Callable[[float], bool],
) -> Mapping[str, Handler]:
    """Every command of the running application.

    ``written`` waits so many seconds at most until everything told is on disk, and says whether it is.
    """
    around = router.around
    board, desks = around.switchboard, around.switchboard.desks
    find_call, find_complaint = CallLookup(state.journal, written), ComplaintLookup(state.journal, written)
    once = Once(around.tell, OrderLookup(state.journal))
    blocks = block_commands(
        blocking, find=find_call, mark_living=router.mark_living, flush=written, rules=number_rules(settings)
    )
    office = CallOffice(router, once, last_of=partial(_last_action, state), mark=blocks["block.mark"])
    complaint = complaint_commands(
        complaints,
        find=find_complaint,
        at_desk=lambda desk: complaints.ticket_of(board.desks[desk].call if desk in desks else None),
        rules=field_rules(settings),
        classified=router.classified,
    )
    archive = archive_commands(
        once,
        find_call=find_call,
        find_complaint=find_complaint,
        find_kept=KeptLookup(state.journal, written),
        flush=written,
    )
    radio = radio_commands(around.nets, around.tell, speak=partial(spoken, state), give=office.give)
    return {**operator_commands(roster), **complaint, **blocks, **archive, **radio, **call_commands(office)}


async def spoken(state: StateDir, text: str) -> Path:
    """The file with a sentence that nobody has written down before.

    Raises:
        CommandRefused: it cannot be spoken, and why.
    """
    try:
        return await speak(state.sounds, text)
    except NotSpoken as error:
        raise CommandRefused(str(error)) from None


async def _last_action(state: StateDir, call: str) -> str | None:
    return await anyio.to_thread.run_sync(last_action, state.journal, call)
