"""The marks for pranks and the block list while the application runs: SOP VII.f and VIII."""

from __future__ import annotations

from collections.abc import Callable

from ari_app.domain.blocklist import BlockList, BlockRefused, Reason
from ari_app.domain.facts import Fact, Json


class Blocking:
    def __init__(self, block_list: BlockList, tell: Callable[[Fact], None], clock: Callable[[], float]) -> None:
        self._list = block_list
        self._tell = tell
        self._clock = clock

    def is_blocked(self, number: str | None) -> bool:
        return self._list.is_blocked(number, self._clock())

    def pranks(self, number: str) -> int:
        return len(self._list.marks(number, self._clock()))

    def mark(self, call: str, number: str | None, actor: str, **data: Json) -> bool:
        try:
            facts = self._list.mark(call, number, actor, self._clock(), **data)
        except BlockRefused:
            return False
        for fact in facts:
            self._tell(fact)
        return any(fact.action == "number.blocked" for fact in facts)

    def unblock(self, number: str, actor: str, *, call: str | None, reason: Reason = Reason.VERIFIED) -> bool:
        try:
            facts = self._list.unblock(number, actor, self._clock(), reason, call=call)
        except BlockRefused:
            return False
        for fact in facts:
            self._tell(fact)
        return True

    def end_expired(self, number: str | None, call: str | None) -> None:
        for fact in self._list.end_expired(number, self._clock(), call):
            self._tell(fact)

    def note(self, fact: Fact) -> None:
        self._list.note(fact, self._clock())
