"""A large set of telephone numbers, each with a moment: a million of them in some 15 MB, found in a microsecond."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

_BUCKETS: Final = 4096
_LOCAL: Final = 1 << 62
"""Marks a number that is no E.164: a short code, say. A 1 is put before its digits, as it may begin with zeros."""

_MOST_DIGITS: Final = 17


class NumberSet:
    """Numbers, E.164 or digits only, with when each came in (whole seconds since 1970)."""

    def __init__(self) -> None:
        """It is empty."""
        self._keys = [array("Q") for _ in range(_BUCKETS)]
        self._since = [array("q") for _ in range(_BUCKETS)]
        self._count = 0

    def __len__(self) -> int:
        """How many there are."""
        return self._count

    def since(self, number: str) -> int | None:
        """When a number came in; None: it is not there."""
        key = _key(number)
        if key is None:
            return None
        bucket, place, found = self._find(key)
        return self._since[bucket][place] if found else None

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
        bucket, place, found = self._find(key)
        if found:
            self._since[bucket][place] = int(since)
            return
        self._keys[bucket].insert(place, key)
        self._since[bucket].insert(place, int(since))
        self._count += 1

    def discard(self, number: str) -> None:
        """Take a number out, if it is there."""
        key = _key(number)
        if key is None:
            return
        bucket, place, found = self._find(key)
        if found:
            del self._keys[bucket][place]
            del self._since[bucket][place]
            self._count -= 1

    def __iter__(self) -> Iterator[str]:
        """Every number, in no particular order."""
        for bucket in self._keys:
            yield from map(_number, bucket)

    def _find(self, key: int) -> tuple[int, int, bool]:
        bucket = key % _BUCKETS
        keys = self._keys[bucket]
        place = bisect_left(keys, key)
        return bucket, place, place < len(keys) and keys[place] == key


def _key(number: str) -> int | None:
    digits = number.removeprefix("+")
    if not digits.isascii() or not digits.isdigit() or len(digits) > _MOST_DIGITS:
        return None
    return int(digits) if number[0] == "+" and digits[0] != "0" else _LOCAL | int("1" + digits)


def _number(key: int) -> str:
    return str(key & ~_LOCAL)[1:] if key & _LOCAL else f"+{key}"
