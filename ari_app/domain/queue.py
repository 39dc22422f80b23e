"""The queue: who is served next, and by whom (SOP V.2). Pure: the switchboard carries it out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from itertools import islice
from typing import Final

from msgspec import Struct

from ari_app.domain.desks import Desk, longest_idle_first

NEVER: Final = float("inf")

VERIFIERS: Final = 4
"""One desk of so many, and one in any case, is there for blocked numbers: the others stay free for everybody else."""


class Priority(IntEnum):
    """Which calls go before which, whatever their waiting time."""

    EMERGENCY = 0
    TAKE_BACK = 1
    NORMAL = 2
    RADIO = 3
    """An officer who has an operator rung by radio (SOP VII.d): no citizen waits because of that."""
    VERIFICATION = 4


class Waiting(Struct, frozen=True):
    """A call that waits for an operator, or rings at desks and has not been answered.

    ``since`` is when it began to wait, in seconds of a clock that only goes forward; ``number`` keeps the order
    of those that came in the same moment. ``offers`` is how many desks ring for it now.
    """

    call: str
    since: float
    number: int
    priority: Priority = Priority.NORMAL
    offers: int = 0

    @property
    def may_ring_all(self) -> bool:
        """Not so an officer, nor a number that waits to be verified: they must not take the desks from anybody."""
        return self.is_citizen

    @property
    def is_citizen(self) -> bool:
        """Whether it is somebody who calls 110, and whose number is not blocked."""
        return self.priority < Priority.RADIO

    def rings_all_from(self, overflow: float) -> float:
        """From when on every desk rings for it: when the wait passes ``overflow`` seconds."""
        return self.since + overflow if self.may_ring_all else NEVER


def in_order(waiting: Iterable[Waiting]) -> list[Waiting]:
    """The calls in the order in which they are served: by priority, then the longest waiting first."""
    return sorted(waiting, key=lambda each: (each.priority, each.since, each.number))


def assign(waiting: Iterable[Waiting], desks: Sequence[Desk], *, now: float, overflow: float) -> list[tuple[str, str]]:
    """Who is to ring now, as (call, extension) pairs; each desk at most once.

    A call gets the desk that has been idle the longest, one at a time. A call that has waited ``overflow``
    seconds gets every desk that can ring; so does every call as long as nobody is ready at all. A call that
    rings somewhere already is not moved when another desk frees up. A blocked number gets a desk that nobody else
    waits for, and never more than its share of them (SOP VIII). An officer gets one that no citizen may need: there
    must be more of them than citizens who wait, even where it rings for these.
    """
    able = longest_idle_first([desk for desk in desks if desk.can_ring(now)])
    if not able:
        return []
    nobody_is_ready = not any(desk.is_at_work for desk in desks)
    pairs: list[tuple[str, str]] = []
    ordered = in_order(waiting)
    citizens = sum(each.is_citizen for each in ordered)
    # They come last, so one look tells whether there are any: mostly there are none, and the desks need not be counted.
    verifiers = free_verifiers(desks) if ordered and ordered[-1].priority is Priority.VERIFICATION else 0
    for each in ordered:
        rings_all = (nobody_is_ready and each.may_ring_all) or now >= each.rings_all_from(overflow)
        if rings_all:
            chosen = list(able)
        elif each.offers or (each.priority is Priority.VERIFICATION and verifiers < 1):
            continue
        else:
            enough = citizens + 1 if each.priority is Priority.RADIO else 1
            chosen = list(islice((desk for desk in able if desk.can_take(now)), enough))
            if each.priority is Priority.RADIO and len(chosen) < enough:
                break  # nobody behind an officer gets what that one must leave
            chosen = chosen[:1]
        verifiers -= len(chosen) if each.priority is Priority.VERIFICATION else 0
        for desk in chosen:
            pairs.append((each.call, desk.extension))
            able.remove(desk)
        if not able:
            break
    return pairs


def is_unserved(waiting: Waiting) -> bool:
    """Whether it is a citizen for whom no desk rings."""
    return waiting.is_citizen and not waiting.offers


def to_give_up(waiting: Sequence[Waiting], *, now: float, overflow: float) -> list[str]:
    """The officers' calls that must give up the desks that ring for them: as many as citizens have none.

    All of them when a citizen has waited ``overflow`` seconds: every desk rings then. To be asked when ``assign``
    has given out what is free.
    """
    if any(now >= each.rings_all_from(overflow) for each in waiting):
        unserved = len(waiting)
    else:
        unserved = sum(map(is_unserved, waiting))
    ringing = [each.call for each in in_order(waiting) if each.priority is Priority.RADIO and each.offers]
    return ringing[::-1][:unserved]


def free_verifiers(desks: Sequence[Desk]) -> int:
    """How many more desks may take a blocked number now."""
    at_work = sum(desk.is_at_work for desk in desks)
    return max(1, at_work // VERIFIERS) - sum(desk.verifies for desk in desks)


def next_overflow(waiting: Iterable[Waiting], now: float, overflow: float) -> float | None:
    """When the next call's wait passes ``overflow`` seconds; None when none will."""
    moments = (moment for each in waiting if now < (moment := each.rings_all_from(overflow)) < NEVER)
    return min(moments, default=None)
