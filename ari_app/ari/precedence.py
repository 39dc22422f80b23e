"""Which orders go first when Asterisk is behind with them.

Asterisk serves the orders of a websocket one after the other. So it is given a few at a time, and what waits, waits
with us: there, what cannot wait goes first, and an order whose flow has been cancelled by then is never given. So many
are no hard limit: an order that is given up on has left, and Asterisk may still be at it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import IntEnum
from typing import Final

AT_A_TIME: Final = 64
"""Orders that Asterisk has. It takes a millisecond for one: it never waits for us, and what is urgent not for long."""


class Precedence(IntEnum):
    """What an order is for; the lowest goes first, and among its like the oldest."""

    URGENT = 0
    """Shows that we serve, without which the guard takes us for dead; or switches a transmitter on or off."""
    CLAIM = 1
    """A call is on offer for 0.8 s; then the dialplan rings every desk for it."""
    REST = 2
    """Everything else. A desk that is to ring is no less: it may be a Polres, for somebody who has waited long."""


class Window:
    """Lets so many orders through at a time."""

    def __init__(self, size: int = AT_A_TIME) -> None:
        """``size``: how many, at least one."""
        self._free = size
        self._waiting: list[deque[asyncio.Future[None]]] = [deque() for _ in Precedence]

    async def enter(self, precedence: Precedence) -> None:
        """Return when it is this order's turn; ``leave`` must follow, unless this is cancelled."""
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[precedence].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # its turn came in the same moment
                self.leave()
            raise

    def leave(self) -> None:
        """An order has been carried out: the next one's turn."""
        for line in self._waiting:
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1
