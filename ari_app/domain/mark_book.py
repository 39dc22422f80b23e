"""The marks against many numbers (SOP VIII): five of them in some 330 bytes for each number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec


class Mark(NamedTuple):
    """One mark against a number: in which call, and when (seconds since 1970, to the millisecond)."""

    call: str
    at: float


_decoder: Final = msgspec.json.Decoder(list[Mark])


class MarkBook:
    """Numbers with their marks. These are kept as JSON, as few are ever looked at again."""

    def __init__(self) -> None:
        """No number has any."""
        self._kept: dict[str, bytes] = {}

    def __len__(self) -> int:
        """How many numbers have marks."""
        return len(self._kept)

    def of(self, number: str) -> list[Mark]:
        """A number's marks, in the order in which they were put."""
        kept = self._kept.get(number)
        return _decoder.decode(kept) if kept is not None else []

    def put(self, number: str, marks: Sequence[Mark]) -> None:
        """Give a number these marks in place of those that it had."""
        if marks:
            self._kept[number] = msgspec.json.encode([(mark.call, round(mark.at, 3)) for mark in marks])
        else:
            self._kept.pop(number, None)

    def with_at_least(self, count: int) -> Iterator[str]:
        """The numbers with so many marks; not to be changed meanwhile."""
        for number, kept in self._kept.items():
            if kept.count(b"],[") + 1 >= count and len(_decoder.decode(kept)) >= count:  # the first is quick, and near
                yield number
