"""A running instance: the broker, Asterisk and the application, each started again when it dies."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio

from ari_app.site.state import StateDir
from ari_app.site.values import Address
from ari_app.standby import REPLACED
from scripts.stack import StackError
from scripts.stack.child import Child
from scripts.stack.prepare import REPO, Prepared, program, read_again
from scripts.stack.watchdog import STOP_SECONDS, Watchdog

START_SECONDS: Final = 60.0
"""How long the start may take, on a slow machine."""

ALONE_SECONDS: Final = 10.0
"""So long it is waited for an application for whose start the disk may be missing."""

RESCUE_SECONDS: Final = 1.0
GUARD: Final[Sequence[str | Path]] = [sys.executable, "-I", "-S", REPO / "scripts" / "guard.py"]
"""Python alone, and nothing of ours that it could import."""

Say = Callable[[str], None]


class Stack:
    """The processes of one instance."""

    def __init__(self, prepared: Prepared, say: Say, *, application: Sequence[str] | None = None) -> None:
        """``say`` tells the person at the terminal what happens.

        ``application`` is what Python starts in place of ``-m ari_app``, with the same options.
        """
        self.prepared = prepared
        self._say = say
        state = prepared.state
        self._watchdog = Watchdog()
        self._rescuing = anyio.Lock()
        self._is_up = False
        self.asterisk = Child(
            "Asterisk",
            [program("asterisk"), "-f", "-n", "-C", state.asterisk / "etc" / "asterisk.conf"],
            state.log / "asterisk.out",
        )
        self.application = Child(
            "the application",
            [sys.executable, *(application or ("-m", "ari_app")), "--state", state.root],
            state.log / "application.log",
            environment={
                "NOTIFY_SOCKET": self._watchdog.name,
                "PYTHONPATH": str(REPO),
                "SIAGA_SPEAK": shlex.join([sys.executable, "-m", "scripts.stack.speak"]),
            },
        )
        self.application.on_death = self._died
        self.application.has_next = True
        self.application.reasons = {REPLACED: "another application serves 110; it waits until that one is gone"}
        self.guard_command: Sequence[str | Path] = [*GUARD, "--state", state.root]
        self.guard = Child("the guard", self.guard_command, state.log / "guard.log")
        # Calls, and whoever imports a million numbers, go before the folding. Supervisors look at what is published.
        self.tables = _beside("the tables' keeper", "ari_app.tables", state, "tables.log", niceness=15)
        self.publisher = _beside("the publisher", "ari_app.publish", state, "publisher.log", niceness=3)
        self.broker = (
            Child("the broker", [program("mosquitto"), "-c", prepared.broker_config], state.log / "mosquitto.log")
            if prepared.broker_config
            else None
        )

    @property
    def children(self) -> Sequence[Child]:
        """In the order of their start; they end the other way round, the publisher after who has something to tell."""
        everyone = (self.broker, self.publisher, self.asterisk, self.guard, self.application, self.tables)
        return [child for child in everyone if child is not None]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start everything; inside, 110 can be dialled. On leaving, everything is ended.

        Raises:
            StackError: something does not start, and why.
        """
        try:
            try:
                await self._start()
                self._is_up = True
                async with anyio.create_task_group() as tasks:
                    for child in self.children:
                        tasks.start_soon(child.watch, self._say)
                    tasks.start_soon(self._watchdog.watch, self._frozen, self.application.processor)
                    tasks.start_soon(self._rescue_when_it_stops)
                    try:
                        yield
                    finally:
                        tasks.cancel_scope.cancel()
            finally:
                with anyio.CancelScope(shield=True):
                    for child in reversed(self.children):
                        await (child.stop(seconds=STOP_SECONDS) if child is self.application else child.stop())
        finally:
            self._watchdog.close()
            self.prepared.lock.close()

    async def _start(self) -> None:
        for child in self.children:
            await child.start()
        # On a disk that takes nothing some may not start: without them Asterisk rings the desks.
        needed = [self.asterisk] if self.prepared.is_former else self.children
        failed: list[str] = []
        with anyio.move_on_after(START_SECONDS) as limit:
            async with anyio.create_task_group() as race:

                async def fail(child: Child) -> None:
                    code = await child.ended()
                    reason = child.last_words() or f"exit code {code}"
                    failed.append(f"{child.name} does not start: {reason} (all of it in {child.log})")
                    race.cancel_scope.cancel()

                for child in needed:
                    race.start_soon(fail, child)
                await (self._ringing() if self.prepared.is_former else self._serving())
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
        if listen is not None:
            await _listened(listen)

    async def _ringing(self) -> None:
        """Return when Asterisk rings the desks, be it alone: the application may not start without its journal."""
        await _listened(self.prepared.settings.asterisk.sip)
        with anyio.move_on_after(ALONE_SECONDS):
            async with anyio.create_task_group() as race:

                async def first(wait: Callable[[], Awaitable[object]]) -> None:
                    await wait()
                    race.cancel_scope.cancel()

                race.start_soon(first, self._watchdog.ready.wait)
                race.start_soon(first, self.application.ended)
        if not self._watchdog.ready.is_set():
            self._say("the application does not start yet, and is tried again: Asterisk rings the desks alone")

    def _frozen(self) -> None:
        self._say("the application stands still and is ended")
        self.application.kill()

    async def _died(self) -> None:
        """Before a new application starts: callers of the old one who talk to nobody go to the fallback."""
        self._watchdog.forget()
        await self._rescue()
        self._watchdog.forget()  # it begins now, and has loaded: how long the rescue took is not its time

    async def _rescue_when_it_stops(self) -> None:
        """An application that acts no more may still have facts to write; callers do not wait for that."""
        while True:
            await self._watchdog.stopping.wait()
            await self._rescue()
            self._watchdog.stopping.clear()

    async def _rescue(self) -> None:
        """Have the guard act at once; should it not come to that, it acts by itself in 3 s."""
        async with self._rescuing:
            with anyio.move_on_after(RESCUE_SECONDS) as limit:
                try:
                    done = await anyio.run_process([*map(str, self.guard_command), "--now"], check=False)
                except OSError as error:  # then the one that watches does it
                    self._say(f"the guard cannot be started: {error.strerror or error}")
                    return
                rescued, said = done.stdout.decode().strip(), done.stderr.decode().strip()
                if said:
                    self._say(f"the guard could not give waiting callers back: {said}")
                elif rescued not in {"", "0"}:
                    self._say(f"{rescued} waiting callers now ring every desk")
            if limit.cancelled_caught:
                self._say(f"the guard did not give waiting callers back within {RESCUE_SECONDS:.0f} s")

    def renew(self) -> None:
        """Take the application, and what else of ours may change under living calls, up anew: code and configuration.

        Raises:
            StackError: the configuration cannot be used, or not without ending calls; everything goes on as it is.
        """
        if not self._is_up:
            raise StackError("it is not started yet")
        read_again(self.prepared)
        for child in (self.tables, self.publisher, self.guard, self.application):
            child.renew()


async def _listened(place: Address) -> None:
    """Return when somebody listens there."""
    while True:
        try:
            stream = await anyio.connect_tcp(place.host, place.port)
        except OSError:
            await anyio.sleep(0.02)
        else:
            await stream.aclose()
            return


def _beside(name: str, module: str, state: StateDir, log: str, *, niceness: int) -> Child:
    """A process of ours beside the application, for which no call waits."""
    command = [sys.executable, "-m", module, "--state", str(state.root)]
    return Child(name, command, state.log / log, environment={"PYTHONPATH": str(REPO)}, niceness=niceness)
