"""Getting the last event of a caller's leg: being ours alone, it tells of leaving us only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ari_app.ari.errors import AriError


class Following:
    """One subscription, asked for once. A desk that answers meanwhile need not wait for Asterisk's answer to it."""

    def __init__(self, subscribe: Callable[[Sequence[str]], Awaitable[list[str]]], caller: str) -> None:
        """``subscribe`` is Asterisk's command, ``caller`` the leg's id; nothing is asked for yet."""
        self._subscribe = subscribe
        self._caller = caller
        self._asking: asyncio.Task[bool] | None = None
        self._is_gone: bool | None = None
        """What Asterisk said, once it has."""

    def begin(self, on_trouble: Callable[[], None]) -> None:
        """Ask for it beside the flow; ``on_trouble`` is called when the flow must look: see ``check``."""
        if not self.has_begun:
            self._asking = asyncio.create_task(self._ask())

            def look(asking: asyncio.Task[bool]) -> None:
                if asking.cancelled():
                    return
                if asking.exception() is None:
                    self._is_gone, self._asking = asking.result(), None  # a living call keeps no task that is over
                if self._is_gone is not False:
                    on_trouble()

            self._asking.add_done_callback(look)

    @property
    def has_begun(self) -> bool:
        """Whether it was asked for."""
        return self._asking is not None or self._is_gone is not None

    async def _ask(self) -> bool:
        return bool(await self._subscribe([f"channel:{self._caller}"]))

    async def is_gone(self) -> bool:
        """Wait until it is known whether the leg is gone already, asking if nobody has.

        Raises:
            AriError: Asterisk does not say; the next one to ask tries again.
        """
        self.begin(lambda: None)
        asking = self._asking
        try:
            return bool(self._is_gone) if asking is None else await asyncio.shield(asking)
        except AriError:
            self._asking = None
            raise

    def check(self) -> bool:
        """What is known so far: whether the leg was gone already.

        Raises:
            AriError: Asterisk did not say.
        """
        if self._asking is not None and self._asking.done():
            return self._asking.result()
        return bool(self._is_gone)
