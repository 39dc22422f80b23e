"""Which calls' stories are open: begun, and not ended.

The journal says it, but only what has reached the disk; what was told a moment ago is known here. Without
that, a call that has just ended would be ended a second time by who reads the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final, TypeAlias

import anyio.to_thread
from msgspec.structs import replace

from ari_app.domain.facts import Fact
from ari_app.domain.recovery import CLASSIFIED, REMARKS, STORY_ACTIONS, Story

Living: TypeAlias = Callable[[], Mapping[str, Story]]
"""The calls that have begun and not ended in the journal, each with what was told of it."""

MOST_UNCONFIRMED: Final = 10_000
"""From so many remembered stories on the journal is read, to see which of them are on disk and can be forgotten."""

_CLOSED: Final = frozenset({"call.ended", "call.fallback"})
"""After these no flow has more to tell; the rest of a fallback's story comes from the dialplan."""


_NOTHING: Final = Story("call.ended")


class Stories:
    """What was told of each call: by this process, laid over what the journal says."""

    def __init__(self) -> None:
        """Nothing has been told yet."""
        self._told: dict[str, Story] = {}

    def note(self, fact: Fact) -> None:
        """Take note of a fact that goes into the journal."""
        is_of_call = fact.action.startswith("call.") and fact.action not in REMARKS
        if fact.call is None or not (is_of_call or fact.action in {CLASSIFIED, *STORY_ACTIONS}):
            return
        before = self._told.get(fact.call, _NOTHING)
        if before is _NOTHING and not is_of_call:
            return
        if before is _NOTHING or fact.action == "call.received":
            self._told[fact.call] = _NOTHING.after(fact.action)
        elif before.last != "call.ended":
            self._told[fact.call] = before.after(fact.action, fact.data)

    def is_open(self, call: str) -> bool:
        """Whether this process has told of the call and neither of its end nor of its fallback."""
        return self._told.get(call, _NOTHING).last not in _CLOSED

    def is_closed(self, call: str) -> bool:
        """Whether this process has told the call's end or fallback; it may not be on disk yet."""
        return call in self._told and self._told[call].last in _CLOSED

    def is_closing(self, call: str) -> bool:
        """Whether the call was closed, and its caller hears the salutation."""
        return call in self._told and self._told[call].is_closed

    def has_ended(self, call: str) -> bool:
        """Whether this process has told the call's end, and remembers it."""
        return call in self._told and self._told[call].last == "call.ended"

    def want_reading(self, flows: Collection[str]) -> bool:
        """Whether a story is open that no flow will end, or too much is remembered."""
        if len(self._told) > MOST_UNCONFIRMED:
            return True
        return any(story.last not in _CLOSED and call not in flows for call, story in self._told.items())

    async def read(self, living: Living, flows: Collection[str]) -> dict[str, Story]:
        """The open stories; ``flows`` are the calls that have a flow, as they change.

        Raises whatever ``living`` raises.
        """
        before = dict(self._told)
        journal = await anyio.to_thread.run_sync(living)
        for call, story in before.items():
            confirmed = call not in journal or (story.last in _CLOSED and journal[call].last == story.last)
            if confirmed and call not in flows and self._told.get(call) == story:
                del self._told[call]
        for call, story in journal.items():
            self._told.setdefault(call, story)  # from a process before this one: somebody must end it
        open_ = {call: self._told[call] for call in journal if self._told[call].last != "call.ended"}
        return {call: replace(story, since=journal[call].since) for call, story in open_.items()}
