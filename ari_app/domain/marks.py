"""How often each number was marked for a prank (SOP VIII)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ari_app.domain.facts import Fact


class Marks:
    """The marks of each number (E.164). Marks of callers without a number belong to nobody."""

    def __init__(self) -> None:
        """No marks yet."""
        self._count: Counter[str] = Counter()

    def note(self, fact: Fact) -> None:
        """Take note of what is told."""
        number = fact.data.get("number")
        if fact.action == "prank.marked" and isinstance(number, str):
            self._count[number] += 1

    def add(self, before: Mapping[str, int]) -> None:
        """The marks from before this one began to take note."""
        self._count.update(before)

    def count(self, number: str) -> int:
        """How many marks a number has."""
        return self._count.get(number, 0)
