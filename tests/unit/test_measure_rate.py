"""How the benchmark finds the rate that each way holds, against ways whose capacity is known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.measure import bare, rate
from scripts.measure.figures import Section
from scripts.measure.options import Options, whole
from scripts.measure.rate import FIRST, LAST, LEAST, MOST_LONG, MOST_SHORT, NEAR, SHORT_SECONDS, Stairs, Way
from scripts.measure.rig import APPLICATION, DIAL, QUEUE, WAYS, Measured, Rig
from scripts.phones import PhoneError
from scripts.phones.caller import CallResult, LoadResult

pytestmark = pytest.mark.anyio
OPTIONS: Options = replace(whole(lambda _: None), hold_seconds=60.0)
ANSWERED = CallResult("caller", None, 1.0, 2.0)
LOST = CallResult("lost", None, 1.0, 2.0)
SOME_LOST = LoadResult((ANSWERED,) * 9 + (LOST,), (20.0,) * 10)


@dataclass
class FakeRig:
    """Holds each way up to its capacity, in calls a second; above it answers come late.

    The n-th stretch of all is as ``broken`` has it: calls that are lost, or one that is worth nothing.
    """

    short: dict[str, float]
    long: dict[str, float]
    broken: dict[int, LoadResult | str] = field(default_factory=dict)
    tried: list[tuple[str, float, float]] = field(default_factory=list)
    stack: None = None

    async def warm(self, ways: Iterable[str] = WAYS) -> None:
        """Nothing is loaded only once."""

    async def measure(self, way: str, *, rate: float, seconds: float, limit: float) -> Measured:
        assert limit > seconds
        self.tried.append((way, rate, seconds))
        broken = self.broken.get(len(self.tried))
        if isinstance(broken, str):
            return Measured(way, LoadResult(()), fault=broken)
        capacity = (self.long if seconds > SHORT_SECONDS else self.short)[way]
        delay = 20.0 if rate <= capacity else 150.0
        load = broken or LoadResult((ANSWERED,) * 10, (delay,) * 10)
        cpu = {"application": 4.0, "asterisk": 9.0}
        return Measured(way, load, cpu, seconds=seconds, idle=0.25, rest_ms=3.0)

    @property
    def long_ones(self) -> list[tuple[str, float]]:
        """The long stretches."""
        return [(way, rate) for way, rate, seconds in self.tried if seconds > SHORT_SECONDS]


@pytest.fixture(autouse=True, scope="module")
def _nothing_is_left_behind() -> Iterator[None]:
    async def settle(_: None, *, seconds: float) -> None:
        assert seconds > 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rate, "settle", settle)
        yield


def rig(dial: float, queue: float, application: float, *, long: float = 1.0) -> FakeRig:
    """With what each way holds for a moment, and what share of these it holds for long."""
    capacity = dict(zip(WAYS, (dial, queue, application), strict=True))
    return FakeRig(capacity, {way: each * long for way, each in capacity.items()})


async def found(running: FakeRig) -> dict[str, Way]:
    ways = [Way(name, name) for name in WAYS]
    await rate.seek(Section("rate"), cast("Rig", running), OPTIONS, ways)
    return {way.name: way for way in ways}


async def told(running: FakeRig, monkeypatch: pytest.MonkeyPatch) -> Section:
    @asynccontextmanager
    async def started(*_: object, **__: object) -> AsyncIterator[FakeRig]:
        yield running

    section = Section("rate")
    monkeypatch.setattr(rate, "rig", started)
    await rate.measure(section, OPTIONS)
    return section


@given(capacities=st.tuples(*[st.floats(10, LAST / 1.2)] * 3), long=st.floats(0.7, 1))
async def test_it_finds_what_each_way_holds(capacities: tuple[float, float, float], long: float) -> None:
    running = rig(*capacities, long=long)
    ways = await found(running)
    for way, capacity in zip(ways.values(), capacities, strict=True):
        assert way.rate <= capacity * long < way.above
        assert way.is_found
        assert way.above / way.rate <= NEAR
        assert OPTIONS.rounds <= len(way.stretches) <= MOST_LONG
        assert sum(tried == way.name for tried, _, _ in running.tried) < MOST_SHORT + len(way.stretches)


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
        assert stairs.rate == round(min(max(wanted, LEAST), LAST), 1)


async def test_the_ways_climb_in_turns_and_each_begins_once() -> None:
    running = rig(60, 60, 60)
    await found(running)
    assert [way for way, _, _ in running.tried[:6]] == [DIAL, QUEUE, APPLICATION, DIAL, APPLICATION, QUEUE]
    assert {rate for _, rate, _ in running.tried[:3]} == {FIRST}


async def test_long_stretches_are_taken_in_turns_beginning_with_another_way() -> None:
    running = rig(150, 100, 50)
    ways = await found(running)
    assert [way for way, _ in running.long_ones[:6]] == [DIAL, QUEUE, APPLICATION, DIAL, APPLICATION, QUEUE]
    for name, way in ways.items():
        assert [tried for each, tried in running.long_ones if each == name] == [each.rate for each in way.stretches]


BAD: dict[str, LoadResult | str] = {
    "calls failed": SOME_LOST,
    "dialled late": LoadResult((ANSWERED,) * 10, (20.0,) * 10, dialling_seconds=100.0),
    "worth nothing": "a process ended",
}


@pytest.mark.parametrize("fault", BAD.values(), ids=BAD)
@pytest.mark.parametrize("stretch", range(1, 22))
async def test_a_short_stretch_that_was_spoiled_is_made_good(fault: LoadResult | str, stretch: int) -> None:
    running = rig(150, 100, 50, long=0.9)
    running.broken = {stretch: fault}
    ways = await found(running)
    assert running.tried[stretch - 1][2] == SHORT_SECONDS
    for way, capacity in zip(ways.values(), (150, 100, 50), strict=True):
        assert way.rate <= 0.9 * capacity < way.above <= NEAR * way.rate


@pytest.mark.parametrize("fault", BAD.values(), ids=BAD)
@pytest.mark.parametrize("stretch", range(9))
async def test_a_long_stretch_that_was_spoiled_is_made_good(fault: LoadResult | str, stretch: int) -> None:
    calm, running = rig(150, 100, 50, long=0.9), rig(150, 100, 50, long=0.9)
    quiet = await found(calm)
    place = len(calm.tried) - len(calm.long_ones) + 1 + stretch
    running.broken = {place: fault}
    ways = await found(running)
    for name, way in ways.items():
        assert way.is_found
        assert way.rate <= calm.long[name] < way.above <= NEAR * way.rate
        assert name == running.tried[place - 1][0] or way.rate == quiet[name].rate


@pytest.mark.parametrize(
    ("name", "fault", "is_own"),
    [(DIAL, fault, fault == "calls failed") for fault in BAD] + [(APPLICATION, fault, True) for fault in BAD],
)
async def test_what_others_spoiled_is_not_above_what_a_way_holds(name: str, fault: str, *, is_own: bool) -> None:
    running = rig(LAST, LAST, LAST)
    running.broken = dict.fromkeys(range(1, 200), BAD[fault])
    way = (await found(running))[name]
    assert (way.above < LAST) is is_own
    assert way.rate == 0
    assert not way.is_found


@pytest.mark.parametrize(
    ("dial", "queue", "application", "reached"),
    [(60, 39, 58, [True, True]), (80, 39, 58, [True, False]), (60, 50, 58, [False, True]), (60, 47, 50, [False] * 2)],
)
async def test_reached_is_what_is_reached_wherever_the_limits_are(
    monkeypatch: pytest.MonkeyPatch, dial: float, queue: float, application: float, reached: list[bool]
) -> None:
    section = await told(rig(dial, queue, application), monkeypatch)
    assert [goal.is_reached for goal in section.goals] == reached


@pytest.mark.parametrize(("dial", "queue"), [(0, 0), (60, 0), (0, 60), (2 * LAST, 60)])
async def test_nothing_is_reached_beside_a_way_whose_limit_was_not_found(
    monkeypatch: pytest.MonkeyPatch, dial: float, queue: float
) -> None:
    section = await told(rig(dial, queue, 120), monkeypatch)
    for goal, capacity in zip(section.goals, (queue, dial), strict=True):
        assert goal.is_reached is (capacity == 60)
        assert ("not found" in goal.measured) is (capacity != 60)


async def test_the_tables_have_each_stretch_and_what_was_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    calm, running = rig(150, 100, 50), rig(150, 100, 50)
    await found(calm)
    running.broken = {len(calm.tried) - len(calm.long_ones) + 1: SOME_LOST}
    rates, stretches = (await told(running, monkeypatch)).tables
    assert [row[0] for row in rates.rows] == list(WAYS)
    assert len(stretches.rows) == len(running.long_ones)
    texts = stretches.texts()
    figures = [DIAL, f"{running.long_ones[0][1]:.0f}", "10", "1", "20.0", "20.0", "", "9.00", "3.00", "25%"]
    assert texts[0] == [*figures, "1 calls failed"]
    assert {row[-1] for row in texts} == {"1 calls failed", "p99 150 ms", "held"}


async def test_what_the_least_application_holds_is_sought_in_turns_with_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is dialled as ours is, in our place; no goal is about it."""
    running = rig(150, 100, 90)
    how: dict[str, object] = {}

    @asynccontextmanager
    async def started(*_: object, **asked: object) -> AsyncIterator[FakeRig]:
        how.update(asked)
        yield running

    async def no_delays(*_: object) -> None:
        """Another test's."""

    section = Section("bare")
    monkeypatch.setattr(bare, "rig", started)
    monkeypatch.setattr(bare, "_delays", no_delays)
    await bare.measure(section, OPTIONS)
    assert how["application"] == bare.CLIENT
    assert how["desks"] == rate.DESKS
    rates, stretches = section.tables
    assert [row[0] for row in rates.rows] == [DIAL, bare.LEAST]
    (_, dial, _, _), (_, least, above, _) = rates.rows
    assert 150 / NEAR < float(str(dial)) <= 150
    assert 90 / NEAR < float(str(least)) <= 90 < float(str(above)) <= NEAR * float(str(least))
    assert {row[6] for row in stretches.texts() if row[0] == bare.LEAST} == {"4.00"}
    assert {way for way, _, _ in running.tried} == {DIAL, APPLICATION}
    assert not section.goals


async def test_what_was_found_is_told_though_the_desks_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    calm, running = rig(150, 100, 50), rig(150, 100, 50)
    await found(calm)

    async def lost(*_: object, **__: object) -> Measured:
        if len(running.tried) == len(calm.tried) - 1:
            raise PhoneError("the desks' SIPp ended")
        return await FakeRig.measure(running, *_, **__)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(running, "measure", lost)
    section = Section("rate")
    with pytest.raises(PhoneError):
        await rate.seek(section, cast("Rig", running), OPTIONS, [Way(name, name) for name in WAYS])
    assert [row[0] for row in section.tables[0].rows] == list(WAYS)
    assert len(section.tables[1].rows) == len(calm.long_ones) - 1


async def test_why_a_rate_was_not_held_is_the_ways_own_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not what the callers had to do with it at the same rate."""
    running = rig(150, 100, 50)
    quiet = await found(running)
    above = quiet[DIAL].above
    first = next(place for place, (way, tried, seconds) in enumerate(running.tried, 1)
                 if (way, tried) == (DIAL, above) and seconds > SHORT_SECONDS)  # fmt: skip
    again = rig(150, 100, 50)
    again.broken = {first: BAD["dialled late"]}
    rates, _ = (await told(again, monkeypatch)).tables
    assert [row[3] for row in rates.rows if row[0] == DIAL] == ["p99 150 ms"]


async def test_the_section_takes_some_twenty_minutes() -> None:
    running = rig(280, 240, 90, long=0.9)
    await found(running)
    assert sum(seconds + 5 for _, _, seconds in running.tried) < 20 * 60
