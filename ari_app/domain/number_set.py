"""A large set of telephone numbers, each with a moment: a million in some 20 MB, found in two microseconds."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from operator import lt
from typing import Final, Self

_LARGEST: Final = 1024
"""Numbers in one block; one that gets longer is cut in two, so that putting one in moves few others."""

_LOCAL: Final = 1 << 62
"""Marks a number that is no E.164: a short code, say. A 1 is put before its digits, as it may begin with zeros."""

MOST_DIGITS: Final = 17
"""Of a number, at most."""


class NumberSet:
    """Numbers, E.164 or digits only, with when each came in (whole seconds since 1970).

    They lie in ascending order in blocks; ``_first`` has a bound for each block that none of its numbers is below,
    and that all numbers of the blocks before are.
    """

    def __init__(self) -> None:
        """It is empty."""
        self._first = [0]
        self._keys = [array("Q")]
        self._since = [array("q")]
        self._count = 0

    @classmethod
    def ascending(cls, parts: Iterable[tuple[Sequence[int], Sequence[int]]]) -> Self:
        """A set of E.164 numbers, as integers without the ``+``, with their moments: many at once, in no time.

        Raises:
            ValueError: a number is not larger than the one before.
        """
        made, last = cls(), 0
        for numbers, moments in parts:
            for start in range(0, len(numbers), _LARGEST // 2):
                keys = array("Q", numbers[start : start + _LARGEST // 2])
                if keys[0] <= last or not all(map(lt, keys, keys[1:])):
                    raise ValueError("the numbers are not in ascending order")
                last = keys[-1]
                made._first.append(keys[0])
                made._keys.append(keys)
                made._since.append(array("q", moments[start : start + _LARGEST // 2]))
        made._count = sum(map(len, made._keys))
        return made

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def since(self, number: str) -> int | None:
        """When a number came in; None: it is not there."""
        key = _key(number)
        if key is None:
            return None
        block, place, found = self._find(key)
        return self._since[block][place] if found else None

    def __contains__(self, number: str) -> bool:
        """Whether a number is there."""
        return self.since(number) is not None

    def add(self, number: str, since: float) -> None:
        """Put a number in, or another moment to one that is there.

        Raises:
            ValueError: it has no digit, or more than a telephone number can have.
        """
        key = _key(number)
        if key is None:
            raise ValueError("no telephone number")
        block, place, found = self._find(key)
        if found:
            self._since[block][place] = int(since)
            return
        self._keys[block].insert(place, key)
        self._since[block].insert(place, int(since))
        self._count += 1
        if len(self._keys[block]) > _LARGEST:
            self._cut(block)

    def discard(self, number: str) -> None:
        """Take a number out, if it is there."""
        key = _key(number)
        if key is None:
            return
        block, place, found = self._find(key)
        if not found:
            return
        del self._keys[block][place]
        del self._since[block][place]
        self._count -= 1
        if not self._keys[block] and block:
            for blocks in (self._first, self._keys, self._since):
                del blocks[block]

    def __iter__(self) -> Iterator[str]:
        """Every number: E.164 in ascending order, then the others."""
        for block in self._keys:
            yield from map(_number, block)

    def _find(self, key: int) -> tuple[int, int, bool]:
        block = bisect_right(self._first, key) - 1
        keys = self._keys[block]
        place = bisect_left(keys, key)
        return block, place, place < len(keys) and keys[place] == key

    def _cut(self, block: int) -> None:
        keys, since, half = self._keys[block], self._since[block], len(self._keys[block]) // 2
        self._first.insert(block + 1, keys[half])
        self._keys[block : block + 1] = [keys[:half], keys[half:]]
        self._since[block : block + 1] = [since[:half], since[half:]]


def _key(number: str) -> int | None:
    digits = number.removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or len(digits) > MOST_DIGITS:
        return None
    return int(digits) if number[0] == "+" and digits[0] != "0" else _LOCAL | int("1" + digits)


def _number(key: int) -> str:
    return str(key & ~_LOCAL)[1:] if key & _LOCAL else f"+{key}"
