"""A running instance: the broker, Asterisk and the application, each started again when it dies."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import anyio

from ari_app.ari.client import AsteriskClient
from ari_app.ari.errors import AriError
from ari_app.flows.guard import rescue_stranded
from scripts.stack import StackError
from scripts.stack.child import Child
from scripts.stack.prepare import REPO, Prepared, program
from scripts.stack.watchdog import Watchdog

START_SECONDS: Final = 60.0
"""How long the start may take, on a slow machine."""

RESCUE_SECONDS: Final = 1.0
Say = Callable[[str], None]


class Stack:
    """The processes of one instance."""

    def __init__(self, prepared: Prepared, say: Say) -> None:
        """``say`` tells the person at the terminal what happens."""
        self.prepared = prepared
        self._say = say
        state, settings = prepared.state, prepared.settings
        self._watchdog = Watchdog()
        self._guard = AsteriskClient(f"http://{settings.asterisk.http}/ari", "guard", prepared.secrets.ari["guard"])
        self.asterisk = Child(
            "Asterisk",
            [program("asterisk"), "-f", "-n", "-C", state.asterisk / "etc" / "asterisk.conf"],
            state.log / "asterisk.out",
        )
        self.application = Child(
            "the application",
            [sys.executable, "-m", "ari_app", "--state", state.root],
            state.log / "application.log",
            environment={
                "NOTIFY_SOCKET": self._watchdog.name,
                "PYTHONPATH": str(REPO),
                "SIAGA_SPEAK": shlex.join([sys.executable, "-m", "scripts.stack.speak"]),
            },
        )
        self.application.on_death = self._rescue
        self.tables = Child(
            "the tables' keeper",
            ["nice", "-n", "10", sys.executable, "-m", "ari_app.tables", "--state", state.root],
            state.log / "tables.log",
            environment={"PYTHONPATH": str(REPO)},
        )
        self.broker = (
            Child("the broker", [program("mosquitto"), "-c", prepared.broker_config], state.log / "mosquitto.log")
            if prepared.broker_config
            else None
        )

    @property
    def children(self) -> Sequence[Child]:
        """In the order of their start."""
        return [child for child in (self.broker, self.asterisk, self.application, self.tables) if child is not None]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start everything; inside, 110 can be dialled. On leaving, everything is ended.

        Raises:
            StackError: something does not start, and why.
        """
        try:
            async with self._guard:
                try:
                    await self._start()
                    async with anyio.create_task_group() as tasks:
                        for child in self.children:
                            tasks.start_soon(child.watch, self._say)
                        tasks.start_soon(self._watchdog.watch, self._frozen, self.application.work)
                        try:
                            yield
                        finally:
                            tasks.cancel_scope.cancel()
                finally:
                    with anyio.CancelScope(shield=True):
                        for child in reversed(self.children):
                            await child.stop()
        finally:
            self._watchdog.close()
            self.prepared.lock.close()

    async def _start(self) -> None:
        for child in self.children:
            await child.start()
        failed: list[str] = []
        with anyio.move_on_after(START_SECONDS) as limit:
            async with anyio.create_task_group() as race:

                async def fail(child: Child) -> None:
                    code = await child.ended()
                    reason = child.last_words() or f"exit code {code}"
                    failed.append(f"{child.name} does not start: {reason} (all of it in {child.log})")
                    race.cancel_scope.cancel()

                for child in self.children:
                    race.start_soon(fail, child)
                await self._serving()
                race.cancel_scope.cancel()
        if limit.cancelled_caught:
            raise StackError(f"it does not start within {START_SECONDS:.0f} s: see {self.prepared.state.log}")
        if failed:
            raise StackError(failed[0])

    async def _serving(self) -> None:
        """Return when the application serves 110 and the broker lets clients in."""
        start = time.monotonic()
        await self._watchdog.ready.wait()
        self._say(f"Asterisk and the application serve 110 after {time.monotonic() - start:.1f} s")
        listen = self.prepared.settings.mqtt.own_broker
        while listen is not None:
            try:
                stream = await anyio.connect_tcp(listen.host, listen.port)
            except OSError:
                await anyio.sleep(0.02)
            else:
                await stream.aclose()
                return

    def _frozen(self) -> None:
        self._say("the application stands still and is ended")
        self.application.kill()

    async def _rescue(self) -> None:
        """Before a new application starts: callers of the old one who talk to nobody go to the fallback."""
        self._watchdog.forget()
        with anyio.move_on_after(RESCUE_SECONDS):
            try:
                rescued = await rescue_stranded(self._guard)
            except AriError as error:
                self._say(f"Asterisk could not be asked for waiting callers: {error}")
            else:
                if rescued:
                    self._say(f"{rescued} waiting callers now ring every desk")
