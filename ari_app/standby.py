"""On standby: another program has taken our application's name, and this one waits until that is gone.

Without it two launchers would replace each other's application for ever. Who was replaced leaves a mark in the state
directory, for the next start; ``scripts/run`` takes it away, as whoever starts it by hand wants it to serve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
import structlog

from ari_app.ari.errors import AriError

if TYPE_CHECKING:
    from ari_app.ari.client import AsteriskClient
    from ari_app.site.state import StateDir

REPLACED: Final = 3
"""The exit code of an application that was replaced."""

GONE_SECONDS: Final = 5.0
"""The other one has not shown itself for so long: it is gone. The guard has given its callers to the desks by then."""

_EVERY_SECONDS: Final = 0.5

log = structlog.get_logger(__name__)


def leave_mark(state: StateDir) -> None:
    """We have been replaced: the next start waits. A mark that cannot be made costs one more round of replacing."""
    try:
        state.replaced.touch()
    except OSError as error:
        log.error("standby.not_marked", error=str(error))


async def wait_for_turn(state: StateDir, asterisk: AsteriskClient) -> None:
    """Return when the application that replaced us serves no more."""
    log.warning("app.on_standby")
    last: str | None = None
    still = 0.0
    while still < GONE_SECONDS:
        await anyio.sleep(_EVERY_SECONDS)
        try:
            beat = await asterisk.beat()
        except AriError:  # Asterisk is away, and comes back with the other one
            last, still = None, 0.0
            continue
        still = still + _EVERY_SECONDS if beat == last else 0.0
        last = beat
    log.warning("app.takes_over")
    state.replaced.unlink(missing_ok=True)
