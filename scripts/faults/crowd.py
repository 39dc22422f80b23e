"""Many callers at a time: SIPp dials, SIPp answers, and its own log says what became of each."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, replace

from scripts.faults.floor import Floor
from scripts.faults.oracle import CallSeen, Flaw, Promise
from scripts.phones import CallResult, Dialling, PhoneError
from scripts.phones.caller import Caller, summarise

_crowds = itertools.count(10)


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many calls, so many a second, all alike. ``answer_limit`` in seconds; None: nobody has to answer them."""

    count: int
    rate: float
    dialling: Dialling
    answer_limit: float | None


async def let_call(floor: Floor, crowd: Crowd, *, seconds: float, what: str, excused: bool = False) -> None:
    """Let them call, and hand what SIPp saw to the floor; ``excused``: see ``CallSeen``."""
    prefix = f"0814{next(_crowds)}"
    dialling = replace(crowd.dialling, number=f"{prefix}[call_number]")
    caller = await floor.phones.crowd(dialling, count=crowd.count, rate=crowd.rate)
    try:
        await caller.results(seconds=seconds)
    except PhoneError as error:
        floor.promises.append(Promise(f"{prefix} ({what}) every call of it ends: {error}", seconds, None, Flaw.LATE))
    finally:
        await caller.die()
    for number, result in _results(caller, prefix):
        floor.others.append(seen(number, result, excused=excused))
        if crowd.answer_limit is not None and not excused:
            took = None if result.answered_ms is None else result.answered_ms / 1000
            floor.promises.append(Promise(f"{number} ({what}) hears a desk", crowd.answer_limit, took))


def _results(caller: Caller, prefix: str) -> list[tuple[str, CallResult]]:
    """What became of each of the numbers."""
    dialled = [event for event in caller.events.history if event.kind == "sent"]
    results = summarise(caller.events.history).calls
    # SIPp's Call-ID is NUMBER-PID@HOST.
    return [(f"{prefix}{event.call.partition('-')[0]}", each) for event, each in zip(dialled, results, strict=True)]


def seen(number: str, result: CallResult, *, excused: bool) -> CallSeen:
    """A call as SIPp logged it. An announcement answers the line, too, but later than promised: that is late."""
    return CallSeen(
        number,
        reached=result.ringing_ms is not None or result.is_answered or result.ending == "refused",
        answered=result.is_answered,
        served=result.is_answered,
        by={"desk": "other", "refused": "other", "caller": "caller", "cancelled": "caller"}.get(result.ending, ""),
        excused=excused or (result.ending == "refused" and result.code == _CANCELLED),
    )


_CANCELLED = 487


async def all_call(floor: Floor, *crowds: tuple[str, Crowd], seconds: float) -> None:
    """Several crowds at once."""
    await asyncio.gather(*(let_call(floor, crowd, seconds=seconds, what=what) for what, crowd in crowds))
