"""How the benchmark finds the rate that each way holds, against ways whose capacity is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.measure import rate
from scripts.measure.figures import Section
from scripts.measure.options import Options, whole
from scripts.measure.rate import BACK, FIRST, LAST, LEAST, STEP, TRY_SECONDS, Way
from scripts.measure.rig import APPLICATION, DIAL, QUEUE, WAYS, Measured, Rig
from scripts.phones.caller import CallResult, LoadResult

pytestmark = pytest.mark.anyio
OPTIONS: Options = replace(whole(lambda _: None), hold_seconds=60.0)
ANSWERED = CallResult("caller", None, 1.0, 2.0)
KEYS = {DIAL: "dial_long", APPLICATION: "application_long"}
LOST = CallResult("lost", None, 1.0, 2.0)


@dataclass
class FakeRig:
    """Holds each way up to its capacity, in calls a second; above it answers come late.

    The n-th stretch of all is as ``broken`` has it: calls that are lost, or one that is worth nothing.
    """

    short: dict[str, float]
    long: dict[str, float]
    broken: dict[int, LoadResult | str] = field(default_factory=dict)
    tried: list[tuple[str, float, float]] = field(default_factory=list)

    async def warm(self) -> None:
        """Nothing is loaded only once."""

    async def measure(self, way: str, *, rate: float, seconds: float, limit: float) -> Measured:
        assert limit > seconds
        self.tried.append((way, rate, seconds))
        broken = self.broken.get(len(self.tried))
        if isinstance(broken, str):
            return Measured(way, LoadResult(()), fault=broken)
        capacity = (self.long if seconds > TRY_SECONDS else self.short)[way]
        delay = 20.0 if rate <= capacity else 150.0
        load = broken or LoadResult((ANSWERED,) * 10, (delay,) * 10)
        return Measured(way, load, {"application": 4.0, "asterisk": 9.0})

    @property
    def held(self) -> list[tuple[str, float]]:
        """The long stretches."""
        return [(way, rate) for way, rate, seconds in self.tried if seconds > TRY_SECONDS]


async def found(running: FakeRig) -> dict[str, Way]:
    ways = [Way(name) for name in WAYS]
    await rate._climb(cast("Rig", running), OPTIONS, ways)
    await rate._hold(cast("Rig", running), OPTIONS, ways, 2)
    return {way.name: way for way in ways}


def rig(dial: float, queue: float, application: float, **long: float) -> FakeRig:
    """With what each way holds for a moment, and what of these it holds for long, where that is less."""
    capacity = dict(zip(WAYS, (dial, queue, application), strict=True))
    return FakeRig(capacity, capacity | {way: long[key] for way, key in KEYS.items() if key in long})


@given(capacities=st.tuples(*[st.floats(1.5, LAST / STEP)] * 3))
async def test_it_finds_what_each_way_holds(capacities: tuple[float, float, float]) -> None:
    ways = await found(rig(*capacities))
    for way, capacity in zip(ways.values(), capacities, strict=True):
        assert way.rate <= capacity < way.above
        assert way.above <= way.rate / BACK * (1 + 1e-9)
        assert len(way.held) == 2
        assert way.why == "p99 150 ms"


@given(top=st.floats(LEAST, LAST), factor=st.floats(1, 2))
async def test_the_next_rate_is_between_what_was_held_and_what_was_not(top: float, factor: float) -> None:
    following = rate.next_rate(top, top * factor)
    assert (following is None) == (factor * BACK <= 1 + 1e-9)
    assert following is None or top < following < top * factor


async def test_the_ways_climb_in_turns_and_each_begins_once() -> None:
    running = rig(60, 60, 60)
    await found(running)
    assert [way for way, _, _ in running.tried[:6]] == [DIAL, QUEUE, APPLICATION, QUEUE, APPLICATION, DIAL]
    assert {rate for _, rate, _ in running.tried[:3]} == {FIRST}


async def test_holds_are_taken_in_turns_beginning_with_another_way() -> None:
    running = rig(150, 100, 50)
    ways = await found(running)
    assert [way for way, _ in running.held] == [DIAL, QUEUE, APPLICATION, QUEUE, APPLICATION, DIAL]
    assert all(rate == ways[way].rate for way, rate in running.held)


async def test_who_does_not_hold_its_rate_for_long_steps_down_until_it_does() -> None:
    running = rig(150, 100, 60, application_long=50)
    ways = await found(running)
    tried = [rate for way, rate in running.held if way == APPLICATION]
    assert all(after in (before, before * BACK) for before, after in pairwise(tried))
    assert tried[-2:] == [ways[APPLICATION].rate] * 2
    assert ways[APPLICATION].rate <= 50 < ways[APPLICATION].above == tried[-3]


async def test_a_rate_counts_only_if_it_is_held_each_time() -> None:
    calm = rig(150, 100, 50)
    quiet = await found(calm)
    first_repeat = len(calm.tried) - 2  # Queue()'s second one
    running = rig(150, 100, 50)
    running.broken = {first_repeat: LoadResult((ANSWERED,) * 9 + (LOST,), (20.0,) * 10)}
    ways = await found(running)
    assert ways[QUEUE].rate == quiet[QUEUE].rate * BACK
    assert (ways[QUEUE].above, ways[QUEUE].why) == (quiet[QUEUE].rate, "1 calls failed")
    assert [len(way.held) for way in ways.values()] == [2, 2, 2]
    assert ways[DIAL].rate == quiet[DIAL].rate


@pytest.mark.parametrize(
    "fault",
    [
        LoadResult((LOST,) * 10, (20.0,) * 10),
        LoadResult((ANSWERED,) * 10, (20.0,) * 10, dialling_seconds=TRY_SECONDS * 1.1),
        "a process ended",
    ],
)
async def test_one_bad_moment_does_not_end_the_climb(fault: LoadResult | str) -> None:
    running = rig(150, 100, 50)
    running.broken = {1: fault}
    quiet, ways = await found(rig(150, 100, 50)), await found(running)
    assert {name: way.rate for name, way in ways.items()} == {name: way.rate for name, way in quiet.items()}


async def test_a_way_that_holds_nothing_does_not_keep_the_others() -> None:
    ways = await found(rig(150, 100, 0))
    assert ways[APPLICATION].rate == 0
    assert not ways[APPLICATION].held
    assert 93 <= ways[QUEUE].rate <= 100


@pytest.mark.parametrize(("dial", "queue"), [(0, 0), (150, 0)])
async def test_nothing_is_reached_beside_a_way_that_holds_nothing(
    monkeypatch: pytest.MonkeyPatch, dial: float, queue: float
) -> None:
    running, section = rig(dial, queue, 60), Section("rate")

    @asynccontextmanager
    async def started(*_: object, **__: object) -> AsyncIterator[FakeRig]:
        yield running

    monkeypatch.setattr(rate, "rig", started)
    await rate.measure(section, OPTIONS)
    told = [(goal.measured, goal.is_reached) for goal in section.goals]
    assert told[0] == ("Queue() held none", False)
    assert told[1][1] is False


async def test_the_section_takes_a_quarter_of_an_hour() -> None:
    running = rig(148, 105, 60, dial_long=138, application_long=52)
    await found(running)
    assert sum(seconds + 4 for _, _, seconds in running.tried) < 17 * 60
