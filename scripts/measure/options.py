"""What a run of the measurements is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

Say: TypeAlias = Callable[[str], None]
"""Tells the person at the terminal what is going on."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured; ``quick`` shrinks all of it to what a minute or two a section allow."""

    say: Say
    rates: Sequence[float]
    rounds: int
    seconds: float
    living: Sequence[int]
    transfers: Sequence[int]
    history: Sequence[int]
    numbers: int
    hold_seconds: float
    is_quick: bool = False

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return {name: value for name, value in asdict(self).items() if name != "say"}


def quick(say: Say) -> Options:
    """A small version of each figure."""
    return Options(
        say, rates=(20,), rounds=2, seconds=4, living=(20, 50), transfers=(1, 10), history=(0, 10_000),
        numbers=10_000, hold_seconds=8, is_quick=True,
    )  # fmt: skip


def whole(say: Say) -> Options:
    """As the issue has it."""
    return Options(
        say, rates=(1, 20, 50, 100, 150), rounds=3, seconds=10, living=(100, 500, 1000, 2000),
        transfers=(1, 50, 200), history=(0, 10_000, 1_000_000), numbers=1_000_000, hold_seconds=60,
    )  # fmt: skip
