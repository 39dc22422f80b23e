"""A link that can be cut or stalled: a TCP proxy on loopback."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

from scripts.stack.sample import HOST

_AT_ONCE: Final = 65536


class Link:
    """Carries TCP from ``port`` to ``target``; what is sent while it is stalled arrives afterwards."""

    def __init__(self, target: tuple[str, int]) -> None:
        """Use ``open_link``."""
        self.port = 0
        self._target = target
        self._whole = asyncio.Event()
        self._whole.set()
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self) -> asyncio.Server:
        """Listen at a free port."""
        server = await asyncio.start_server(self._carry, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def stall(self) -> None:
        """Nothing gets through, and nobody is told."""
        self._whole.clear()

    def cut(self) -> None:
        """Every connection breaks, and no new one is made."""
        self._is_cut = True
        self.end()

    def mend(self) -> Self:
        """All is well again."""
        self._is_cut = False
        self._whole.set()
        return self

    def end(self) -> None:
        """Break every connection; who connects anew gets through."""
        for writer in self._writers:
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            if self._is_cut:
                writer.transport.abort()
                return
            await self._whole.wait()
            with contextlib.suppress(OSError):
                there, back = await asyncio.open_connection(*self._target)
                self._writers.add(back)
                try:
                    await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
                finally:
                    self._writers.discard(back)
                    back.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_AT_ONCE):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def open_link(target: tuple[str, int]) -> AsyncIterator[Link]:
    """A link to ``target``; on leaving it is gone."""
    link = Link(target)
    server = await link.serve()
    try:
        yield link
    finally:
        server.close()
        link.mend().end()
