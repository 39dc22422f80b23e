"""Notices operators' phones that have died in a talk: no audio comes, and no goodbye either.

Such a phone's leg is hung up, and the call's flow sends the caller back to the head of the queue. A phone that
has never sent anything may be one that says nothing while its operator is silent: the site says whether there are such.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import anyio
import structlog

from ari_app.ari.commands import Commands
from ari_app.ari.errors import AriError, AriRefused
from ari_app.flows.call import Call
from ari_app.flows.messages import now

EVERY_SECONDS: Final = 1.0
MOST_A_ROUND: Final = 50
"""Phones that are asked after in one round; with more of them each has its turn less often."""

DEAD: Final = "failure"
"""ARI's reason, which is no goodbye (``domain.causes.hung_up``)."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Sign:
    """The last sign of life of a phone: how many packets had come, and when that last grew."""

    packets: int
    at: float


class PhoneWatch:
    """Looks after every operator's leg in a talk."""

    def __init__(self, asterisk: Commands, *, dead_after: float, unheard_after: float) -> None:
        """``dead_after`` is how many seconds the audio of a phone that was heard may be missing.

        ``unheard_after`` is the same for one that has not been since it answered, or holds no more by its own key.
        """
        self._asterisk = asterisk
        self._dead_after, self._unheard_after = dead_after, unheard_after
        self._signs: dict[str, _Sign] = {}
        self._turn = 0

    async def run(self, calls: dict[str, Call]) -> None:
        """Look after the phones in these calls for as long as the application runs."""
        while True:
            await anyio.sleep(EVERY_SECONDS)
            await self.look(calls.values())

    async def look(self, calls: Iterable[Call]) -> None:
        """One round."""
        legs = [leg for call in calls for leg in call.operators]
        self._signs = {leg: sign for leg, sign in self._signs.items() if leg in set(legs)}
        self._turn = self._turn + MOST_A_ROUND if self._turn + MOST_A_ROUND < len(legs) else 0
        for leg in legs[self._turn : self._turn + MOST_A_ROUND]:
            try:
                await self._look_at(leg)
            except AriRefused:
                self._signs.pop(leg, None)  # gone meanwhile
            except AriError as error:
                log.info("phone_watch.no_answer", error=repr(error))
                return

    async def _look_at(self, leg: str) -> None:
        packets = await self._asterisk.packets_received(leg)
        sign = self._signs.get(leg)
        if sign is None or packets != sign.packets:
            self._signs[leg] = _Sign(packets, now())
        elif now() - sign.at <= (self._dead_after if packets else self._unheard_after):
            pass
        elif await self._asterisk.is_holding(leg):  # by its own key, of which we may not have heard
            self._signs[leg] = _Sign(packets, now())
        else:
            log.warning("phone_watch.dead", leg=leg, was_heard=packets > 0)
            del self._signs[leg]
            await self._asterisk.hangup(leg, reason=DEAD)
