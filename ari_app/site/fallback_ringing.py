"""How many telephones ring for a caller whom the dialplan serves alone (``dialplan/fallback.conf.j2``).

All Polda desks, while few callers wait there. A hundred callers who each ring a hundred desks would be ten thousand
telephones at once: Asterisk would do nothing else any more, and have no room left for a talk. So when more wait, each
rings some of the desks, in turn: together they still ring all. And more callers than the desks could take ring at no
time; the others hear that they should wait, and ring as soon as there is room.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SOME: Final = 12
"""Desks that ring for each of many callers, at most."""

FEW, FEW_PHONES = 2, 120
"""For so many callers at the same time all desks ring, and for more where that is no more telephones than these."""

MANY_PHONES: Final = 600
"""So many may ring in the fallback in all: two processors are kept busy by that for some seconds."""

CALLERS_A_DESK: Final = 4
"""A telephone shows no more calls than that to choose from."""

_DIAL_CHARACTERS: Final = 4000
"""So long may be what the dialplan rings at once: Asterisk skips a longer line, and then nobody would be rung."""


@dataclass(frozen=True, slots=True)
class FallbackRinging:
    """Who rings, as ``Dial()`` is told: ``everyone``, or each of ``turns`` for the next caller."""

    everyone: str
    turns: Sequence[str]
    few: int
    """For so many callers at the same time all desks ring."""
    most: int
    """So many callers ring at the same time."""


def fallback_ringing(phones: Sequence[str], most_ringing: int) -> FallbackRinging:
    """Who rings, of these Polda desks' telephones (at least one), where Asterisk has room for so many that ring."""
    turns = math.ceil(len(phones) / SOME)
    room = min(MANY_PHONES, most_ringing)
    enough = CALLERS_A_DESK * len(phones)
    everyone = phones[:room]
    few = max(1, min(max(FEW, FEW_PHONES // len(phones)), room // len(phones), enough))
    others = max(0, room - few * len(everyone)) // min(SOME, len(phones))
    return FallbackRinging(
        everyone=rung_at_once(everyone),
        turns=[rung_at_once(phones[first::turns]) for first in range(turns)],
        few=few,
        most=min(few + others, enough),
    )


def rung_at_once(phones: Sequence[str]) -> str:
    """What ``Dial()`` is told to ring: as many of them as one line of the dialplan can hold, the first ones."""
    rung, *others = phones
    for phone in others:
        if len(rung) + 1 + len(phone) > _DIAL_CHARACTERS:
            break
        rung += f"&{phone}"
    return rung
