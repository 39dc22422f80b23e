"""Which calls' stories are open: begun, and not ended.

The journal says it, but only what has reached the disk; what was told a moment ago is known here. Without
that, a call that has just ended would be ended a second time by who reads the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

import anyio.to_thread

from ari_app.domain.facts import Fact

Living: TypeAlias = Callable[[], Mapping[str, str]]
"""The calls that have begun and not ended in the journal, each with the last action told of it."""

MOST_UNCONFIRMED: Final = 10_000
"""From so many remembered stories on the journal is read, to see which of them are on disk and can be forgotten."""

_CLOSED: Final = frozenset({"call.ended", "call.fallback"})
"""After these no flow has more to tell; the rest of a fallback's story comes from the dialplan."""


class Stories:
    """The last action told of each call: by this process, laid over what the journal says."""

    def __init__(self) -> None:
        """Nothing has been told yet."""
        self._last: dict[str, str] = {}

    def note(self, fact: Fact) -> None:
        """Take note of a fact that goes into the journal."""
        if fact.call is None or not fact.action.startswith("call.") or fact.action == "call.classified":
            return  # of what kind a call is does not say where it is
        if self._last.get(fact.call) != "call.ended" or fact.action == "call.received":
            self._last[fact.call] = fact.action

    def is_open(self, call: str) -> bool:
        """Whether this process has told of the call and neither of its end nor of its fallback."""
        return self._last.get(call, "call.ended") not in _CLOSED

    def is_closed(self, call: str) -> bool:
        """Whether this process has told the call's end or fallback; it may not be on disk yet."""
        return self._last.get(call) in _CLOSED

    def has_ended(self, call: str) -> bool:
        """Whether this process has told the call's end, and remembers it."""
        return self._last.get(call) == "call.ended"

    def want_reading(self, flows: Collection[str]) -> bool:
        """Whether a story is open that no flow will end, or too much is remembered."""
        if len(self._last) > MOST_UNCONFIRMED:
            return True
        return any(action not in _CLOSED and call not in flows for call, action in self._last.items())

    async def read(self, living: Living, flows: Collection[str]) -> dict[str, str]:
        """The open stories with their last action; ``flows`` are the calls that have a flow, as they change.

        Raises whatever ``living`` raises.
        """
        before = dict(self._last)
        journal = await anyio.to_thread.run_sync(living)
        for call, action in before.items():
            confirmed = call not in journal or (action in _CLOSED and journal[call] == action)
            if confirmed and call not in flows and self._last.get(call) == action:
                del self._last[call]
        for call, action in journal.items():
            self._last.setdefault(call, action)  # from a process before this one: somebody must end it
        return {call: self._last[call] for call in journal if self._last[call] != "call.ended"}
