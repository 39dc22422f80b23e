"""An event loop whose clock jumps to the next timer when nothing is ready: an hour passes in a moment."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike


class NothingWillHappen(RuntimeError):
    """Everything waits, no timer runs: in real time this would hang for ever."""


class _JumpingSelector(selectors.BaseSelector):
    """Where the loop would sleep, its clock is put forward instead."""

    def __init__(self, real: selectors.BaseSelector) -> None:
        self._real = real
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if not ready:
            if timeout is None:
                raise NothingWillHappen
            self.now += timeout
        return ready

    def register(self, fileobj: FileDescriptorLike, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """asyncio's loop with a clock of its own; it begins at 0. Nothing in it may wait for a thread."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector(selectors.DefaultSelector())
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


BACKEND: tuple[str, dict[str, Any]] = ("asyncio", {"loop_factory": VirtualTimeLoop})
"""For anyio's ``anyio_backend`` fixture and ``anyio.run``."""

BEGINS = datetime(2026, 11, 24, 10, tzinfo=UTC)
"""What the clock on the wall shows when the loop begins."""


def virtual_now() -> datetime:
    """What the clock on the wall shows."""
    return BEGINS + timedelta(seconds=asyncio.get_running_loop().time())
