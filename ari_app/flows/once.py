"""Orders that would be done again: what is told of them names the order, so that no later application repeats it.

Most orders are refused the second time, as it is so already. A note, an instruction or a look at a recording is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import anyio
import anyio.to_thread
from msgspec.structs import replace

from ari_app.domain.commands import order_id
from ari_app.domain.facts import Fact

ORDER: Final = "order"
"""In the data of such a fact: which order it comes from."""


class Once:
    """Tells what comes of the order that is being carried out, unless an application before us has told it."""

    def __init__(self, tell: Callable[[Fact], None], was_told: Callable[[str], bool]) -> None:
        """``was_told`` looks for an order in the journal; it is called in a worker thread."""
        self._tell, self._was_told = tell, was_told

    async def tell(self, *facts: Fact) -> None:
        """Tell them all, or none: who asked is answered in the same way.

        Raises:
            CommandRefused: the journal cannot be read, so that it is not known.
        """
        order = order_id.get()
        if order != "" and await anyio.to_thread.run_sync(self._was_told, order):
            return
        for fact in facts:
            self._tell(replace(fact, data={**fact.data, ORDER: order}) if order else fact)
