"""How the benchmark finds the rate that each way holds, against ways whose capacity is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.measure import rate
from scripts.measure.figures import Section
from scripts.measure.options import Options, whole
from scripts.measure.rate import FIRST, LAST, LEAST, MOST_TRIES, TRY_SECONDS, Stairs, Way
from scripts.measure.rig import APPLICATION, DIAL, QUEUE, WAYS, Measured, Rig
from scripts.phones.caller import CallResult, LoadResult

pytestmark = pytest.mark.anyio
OPTIONS: Options = replace(whole(lambda _: None), hold_seconds=60.0)
NEAR = 0.93
"""Such a share of what a way holds is found at the least."""

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
    await rate.seek(cast("Rig", running), OPTIONS, ways)
    return {way.name: way for way in ways}


def rig(dial: float, queue: float, application: float, **long: float) -> FakeRig:
    """With what each way holds for a moment, and what of these it holds for long, where that is less."""
    capacity = dict(zip(WAYS, (dial, queue, application), strict=True))
    return FakeRig(capacity, capacity | {way: long[key] for way, key in KEYS.items() if key in long})


@given(capacities=st.tuples(*[st.floats(1.5, LAST / 1.1)] * 3))
async def test_it_finds_what_each_way_holds(capacities: tuple[float, float, float]) -> None:
    running = rig(*capacities)
    ways = await found(running)
    for way, capacity in zip(ways.values(), capacities, strict=True):
        assert NEAR * capacity <= way.rate <= capacity
        assert [each.fault for each in way.stretches if each.rate > capacity]
        assert {each.fault for each in way.stretches if each.rate > capacity} == {"p99 150 ms"}
        assert len(way.stretches) == OPTIONS.rounds + 1
        assert sum(tried == way.name for tried, _, _ in running.tried) < MOST_TRIES + len(way.stretches)


@given(capacity=st.floats(20, LAST / 2), share=st.floats(0.8, 1))
async def test_who_does_not_hold_for_long_what_it_holds_for_a_moment_steps_down(capacity: float, share: float) -> None:
    ways = await found(rig(150, 100, capacity, application_long=capacity * share))
    assert NEAR * capacity * share <= ways[APPLICATION].rate <= capacity * share


@given(held=st.lists(st.booleans(), max_size=30), first=st.floats(LEAST, LAST))
async def test_the_next_rate_is_up_from_what_was_held_and_down_from_what_was_not(
    held: list[bool], first: float
) -> None:
    stairs = Stairs(first, 1.5)
    for index, is_held in enumerate(held):
        before, step = stairs.rate, stairs.step
        stairs.climb(is_held=is_held)
        turned = index > 0 and held[index - 1] is not is_held
        assert stairs.step == pytest.approx(step**0.5 if turned else step)
        wanted = before * stairs.step if is_held else before / stairs.step
        assert stairs.rate == pytest.approx(min(max(wanted, LEAST), LAST))


async def test_the_ways_climb_in_turns_and_each_begins_once() -> None:
    running = rig(60, 60, 60)
    await found(running)
    assert [way for way, _, _ in running.tried[:6]] == [DIAL, QUEUE, APPLICATION, QUEUE, APPLICATION, DIAL]
    assert {rate for _, rate, _ in running.tried[:3]} == {FIRST}


async def test_long_stretches_are_taken_in_turns_beginning_with_another_way() -> None:
    running = rig(150, 100, 50)
    ways = await found(running)
    assert [way for way, _ in running.held[:6]] == [DIAL, QUEUE, APPLICATION, QUEUE, APPLICATION, DIAL]
    for name, way in ways.items():
        assert [tried for each, tried in running.held if each == name] == [each.rate for each in way.stretches]
        assert way.best == [each.measured for each in way.stretches if each.rate == way.rate]


async def test_a_stretch_with_a_failed_call_is_not_held_and_tells_why() -> None:
    calm = rig(150, 100, 50)
    quiet = await found(calm)
    first_long = len(calm.tried) - len(calm.held)
    running = rig(150, 100, 50)
    running.broken = {first_long + 1: LoadResult((ANSWERED,) * 9 + (LOST,), (20.0,) * 10)}
    ways = await found(running)
    spoiled = ways[DIAL].stretches[0]
    assert (spoiled.rate, spoiled.fault) == (quiet[DIAL].stretches[0].rate, "1 calls failed")
    assert f"{spoiled}" == "not 146 (1 calls failed)"
    assert f"{ways[QUEUE].stretches[0]}" == f"{quiet[QUEUE].stretches[0].rate:.1f}"
    assert ways[QUEUE].rate == quiet[QUEUE].rate


@pytest.mark.parametrize(
    "fault",
    [
        LoadResult((LOST,) * 10, (20.0,) * 10),
        LoadResult((ANSWERED,) * 10, (20.0,) * 10, dialling_seconds=TRY_SECONDS * 1.1),
        "a process ended",
    ],
)
@pytest.mark.parametrize("stretch", range(1, 24))
async def test_no_bad_moment_decides(fault: LoadResult | str, stretch: int) -> None:
    running = rig(150, 100, 50)
    running.broken = {stretch: fault}
    ways = await found(running)
    assert running.tried[stretch - 1 :]
    for way, capacity in zip(ways.values(), (150, 100, 50), strict=True):
        assert 0.85 * capacity <= way.rate <= capacity


async def test_a_way_that_holds_nothing_does_not_keep_the_others() -> None:
    ways = await found(rig(150, 100, 0))
    assert ways[APPLICATION].rate == 0
    assert not ways[APPLICATION].best
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


async def test_the_section_takes_some_twenty_minutes() -> None:
    running = rig(148, 105, 60, dial_long=138, application_long=52)
    await found(running)
    assert sum(seconds + 4 for _, _, seconds in running.tried) < 20 * 60
