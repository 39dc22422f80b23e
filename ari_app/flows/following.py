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

    def begin(self, on_trouble: Callable[[], None]) -> None:
        """Ask for it beside the flow; ``on_trouble`` is called when the flow must look: see ``check``."""
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask())

            def look(asking: asyncio.Task[bool]) -> None:
                if not asking.cancelled() and (asking.exception() is not None or asking.result()):
                    on_trouble()

            self._asking.add_done_callback(look)

    @property
    def has_begun(self) -> bool:
        """Whether it was asked for."""
        return self._asking is not None

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
            return asking is not None and await asyncio.shield(asking)
        except AriError:
            self._asking = None
            raise

    def check(self) -> bool:
        """What is known so far: whether the leg was gone already.

        Raises:
            AriError: Asterisk did not say.
        """
        return self._asking is not None and self._asking.done() and self._asking.result()
