"""A supervisor's order to a living call: it comes into the call's inbox, as an operator's key does.

Whoever reads it there carries it out in the operator's place, and says what came of it. It is answered once; who
has waited for too long is told so, and what nobody had begun by then is not carried out any more.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ari_app.domain.commands import CommandRefused
from ari_app.domain.keys import Wish

ANSWER_SECONDS: Final = 4.0
"""So long an order may take to be answered: who gave it waits for 5 s."""

NOBODY_HAS_IT: Final = "no operator has this call at present"
IT_IS_CLOSED: Final = "the call is being closed"
IT_IS_OVER: Final = "the call is over"
TRY_AGAIN: Final = "the call does not listen at present: try again in a moment"


class Order:
    """What a supervisor wants done with a call, and what became of it."""

    def __init__(self, wish: Wish, actor: str) -> None:
        """``actor`` is who gives it, as the journal names them. It is made where an event loop runs."""
        self.wish = wish
        self.actor = actor
        self.is_begun = False
        """Whether somebody is carrying it out."""
        self._refusal: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    @property
    def is_answered(self) -> bool:
        """Whether it is known what became of it."""
        return self._refusal.done()

    def done(self) -> None:
        """It was carried out, unless it has been answered already."""
        if not self._refusal.done():
            self._refusal.set_result(None)

    def refuse(self, why: str) -> None:
        """It was not, unless it has been answered already; ``why`` is one sentence."""
        if not self._refusal.done():
            self._refusal.set_result(why)

    async def answer(self, seconds: float = ANSWER_SECONDS) -> None:
        """Return when it was carried out.

        Raises:
            CommandRefused: it was not, or it is not known within ``seconds``.
        """
        done, _ = await asyncio.wait([self._refusal], timeout=seconds)
        if not done:
            begun = "it was begun, and is not done yet: see `siaga calls show`"
            self.refuse(begun if self.is_begun else TRY_AGAIN)
        why = self._refusal.result()
        if why is not None:
            raise CommandRefused(why)
