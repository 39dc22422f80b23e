"""What is noted on a caller's line in Asterisk, where the dialplan finds it should its fallback get the caller.

Asterisk keeps it for as long as the line is there, whatever becomes of us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from ari_app.ari.commands import Mark
from ari_app.ari.errors import AriError

if TYPE_CHECKING:
    from ari_app.flows.call import Call

log = structlog.get_logger(__name__)


async def note_emergency(call: Call) -> None:
    """Whether it is an emergency: then the fallback does not ask if the number is blocked (SOP VIII)."""
    await _note(call, Mark.EMERGENCY, on=call.is_emergency or call.claims_emergency)


async def note_closed(call: Call) -> None:
    """Whether the call was closed: then the dialplan says the salutation, and no desk rings (SOP VI)."""
    await _note(call, Mark.CLOSED, on=call.is_closed)


async def _note(call: Call, mark: Mark, *, on: bool) -> None:
    """Never raises: for us it is so all the same."""
    try:
        await call.around.asterisk.mark(call.id, mark, on=on)
    except AriError as error:
        log.warning("call.not_marked", mark=mark.value, error=repr(error))
