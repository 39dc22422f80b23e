"""What a simulated phone tells: one line for each thing that happens to it, and awaiting them.

Errors::

    PhoneError              something is wrong with a simulated phone
    |-- PhoneEndedError     its SIPp ended, so what was awaited can no longer happen
    `-- PhoneTimeoutError   what was awaited did not happen in time
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


class PhoneError(Exception):
    """Something is wrong with a simulated phone."""


class PhoneEndedError(PhoneError):
    """The phone's SIPp ended, so what was awaited can no longer happen."""


class PhoneTimeoutError(PhoneError):
    """What was awaited did not happen in time."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a phone.

    ``kind`` is a word from the scenarios (``registered``, ``ringing``, ``answered``, ``ended`` ...);
    ``call`` SIPp's Call-ID; ``at`` seconds since the epoch by SIPp's clock, exact to the microsecond.
    """

    kind: str
    call: str
    at: float
    fields: Mapping[str, str] = field(default_factory=dict)


_FEWEST_WORDS = 5


def parse(line: str) -> Event | None:
    """Read one ``<log>`` line of the scenarios: ``KIND CALL-ID [name=value ...] DATE TIME EPOCH``."""
    words = line.split()
    if len(words) < _FEWEST_WORDS:
        return None
    try:
        at = float(words[-1])
    except ValueError:
        return None
    fields = dict(word.split("=", 1) for word in words[2:-3] if "=" in word)
    return Event(words[0], words[1], at, fields)


class EventLog:
    """Everything a phone told so far, in order, and a way to await what comes."""

    def __init__(self, name: str) -> None:
        """``name`` is how the phone is called in errors."""
        self.name = name
        self.history: list[Event] = []
        self._ended: str | None = None
        self._changed = asyncio.Event()

    def add(self, event: Event) -> None:
        """Take an event in and wake whoever waits."""
        self.history.append(event)
        self._wake()

    def end(self, reason: str) -> None:
        """Nothing more will come: the phone's SIPp ended because of ``reason``."""
        self._ended = reason
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _heard(self) -> str:
        return ", ".join(event.kind for event in self.history[-12:]) or "nothing"

    def all(self, kind: str, **fields: str) -> list[Event]:
        """Every event so far of this kind and with these fields."""
        return [event for event in self.history if _matches(event, kind, fields)]

    async def until(self, condition: Callable[[], bool], *, seconds: float, what: str) -> None:
        """Wait until ``condition()`` holds; looked at again after each event.

        Raises PhoneTimeoutError after ``seconds``, PhoneEndedError when the phone ended without it.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not condition():
            if self._ended is not None:
                msg = f"{self.name} ended before {what}: {self._ended} (so far: {self._heard()})"
                raise PhoneEndedError(msg)
            changed = self._changed
            try:
                await asyncio.wait_for(changed.wait(), deadline - loop.time())
            except TimeoutError:
                msg = f"{self.name}: no {what} within {seconds} s (so far: {self._heard()})"
                raise PhoneTimeoutError(msg) from None

    async def wait(self, kind: str, *, count: int = 1, seconds: float = 10.0, **fields: str) -> Event:
        """The ``count``-th event of this kind (past ones count), as soon as it is there."""
        await self.until(
            lambda: len(self.all(kind, **fields)) >= count,
            seconds=seconds,
            what=f"{kind!r} number {count}" if count > 1 else repr(kind),
        )
        return self.all(kind, **fields)[count - 1]


def _matches(event: Event, kind: str, fields: Mapping[str, str]) -> bool:
    return event.kind == kind and all(event.fields.get(name) == value for name, value in fields.items())
