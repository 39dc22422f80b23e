"""One call's lines in the journal: awaited, shown as they come, and compared with what must be there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import anyio

from ari_app.domain.complaints import ComplaintRow
from ari_app.domain.facts import Json, Record
from ari_app.store.complaints import read_complaint
from ari_app.store.journal import JournalReader, read
from scripts.demo.screen import JOURNAL, SceneError, Screen

PATIENCE_SECONDS: Final = 10.0
_BESIDE: Final = {"call.offered", "call.recorded", "radio.announced"}
"""What is told at a moment of its own."""
_SHOWN: Final = (
    "desk", "caller", "number", "ticket", "kind", "name", "place", "description", "polres", "reason", "waited_ms",
    "outcome", "by", "priority", "marks", "net", "emergency",
)  # fmt: skip

_Found = TypeVar("_Found")


def head(journal: Path) -> int:
    """The number of the journal's last line; 0: there is none."""
    with JournalReader(journal) as reader:
        return reader.head().seq


async def until(look: Callable[[], _Found | None], what: str) -> _Found:
    """What ``look`` finds, as soon as there is something.

    Raises:
        SceneError: nothing is found in time.
    """
    with anyio.move_on_after(PATIENCE_SECONDS):
        while True:
            found = look()
            if found is not None:
                return found
            await anyio.sleep(0.05)
    raise SceneError(f"{what} is not in the journal after {PATIENCE_SECONDS:.0f} s")


class Story:
    """A call as the journal tells it."""

    def __init__(self, journal: Path, call: str, screen: Screen) -> None:
        """Nothing of it is shown yet."""
        self._journal = journal
        self._call = call
        self._screen = screen
        self._lines: list[Record] = []

    @classmethod
    async def begun(cls, journal: Path, after: int, screen: Screen) -> Story:
        """The story of the first call that came in behind line ``after``, as soon as it begins."""

        def look() -> str | None:
            received = read(journal, after=after, actions=["call.received"], limit=1)
            return next((record.call for record in received), None)

        return cls(journal, await until(look, "call.received"), screen)

    async def told(self, action: str, **data: Json) -> Record:
        """Show the story up to the next line with this action, which must have this ``data``.

        Raises:
            SceneError: there is no such line in time, or it has other data.
        """
        line = await until(lambda: self._look(action), action)
        for key, value in data.items():
            found = line.data.get(key)
            if found != value:
                raise SceneError(f"the journal has {action} with {key}={found!r} in place of {value!r}")
        return line

    def _look(self, action: str) -> Record | None:
        after = self._lines[-1].seq if self._lines else 0
        for line in list(read(self._journal, after=after, call=self._call)):
            self._lines.append(line)
            self._screen.say(JOURNAL, f"{line.seq}. {line.action} {_shown(line)}")
            if line.action == action:
                return line
        return None

    async def ended(self, *actions: str) -> None:
        """Show the story to its end; it must have had these actions, in this order.

        Raises:
            SceneError: it does not end in time, or was another story.
        """
        await self.told("call.ended")
        told = tuple(line.action for line in self._lines if line.action not in _BESIDE)
        if told != actions:
            raise SceneError(f"the journal tells {', '.join(told)} in place of {', '.join(actions)}")

    @property
    def complaint(self) -> ComplaintRow:
        """The call's complaint as the journal has it now.

        Raises:
            SceneError: it has none.
        """
        with JournalReader(self._journal) as reader:
            found = read_complaint(reader, self._call)
        if found is None:
            raise SceneError("the call has no complaint")
        return found


def _shown(line: Record) -> str:
    return " ".join(f"{key}={line.data[key]}" for key in _SHOWN if line.data.get(key) is not None)
