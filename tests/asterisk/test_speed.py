"""A caller must not feel that a program stands between them and the operator (DESIGN.md, principle 5).

A small version of what ``scripts/bench`` measures, on one instance. What is held are ratios within one run, as figures
in ms differ from machine to machine. They are what is reached, with room for a noisy machine, and not the goals, some
of which are missed (docs/benchmark.md). What is compared takes place at the same time, so that a neighbour hurts all
alike.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

import anyio
import pytest

from scripts.measure.adoption import kill
from scripts.measure.living import Memory
from scripts.measure.rig import APPLICATION, DIAL, QUEUE, WAYS, Measured, Rig, rig
from scripts.phones import percentile
from tests.asterisk.site import REPO

pytestmark = [pytest.mark.anyio, pytest.mark.alone, pytest.mark.timeout(240)]

DESKS = 140
RATE, SECONDS = 10, 8
AT_ONCE, ROUNDS = 30, 4
"""So few of each way at once that the application claims the last one before the dialplan stops waiting for that."""

BURST_RATE = 1500
LIVING = 100

LOADED = "import os, ari_app.app, scripts.measure.usage as u; print(u.memory_kib(os.getpid()))"
"""The application's modules and nothing else, and the memory that they take."""


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> AsyncIterator[Rig]:
    async with rig(tmp_path_factory.mktemp("speed"), desks=DESKS) as running:
        await together(running, WAYS, rate=RATE, seconds=1)  # what is loaded only once
        yield running


async def together(running: Rig, ways: Iterable[str], *, rate: float, seconds: float) -> dict[str, Measured]:
    """Calls of several ways at the same time: all were answered."""
    found: dict[str, Measured] = {}

    async def measure(way: str) -> None:
        found[way] = await running.measure(way, rate=rate, seconds=seconds)

    async with anyio.create_task_group() as tasks:
        for way in ways:
            tasks.start_soon(measure, way)
    assert not any(each.failed or each.fault for each in found.values())
    return found


async def test_as_fast_as_asterisk_itself(running: Rig) -> None:
    """Beside Asterisk's own Dial() and Queue() on the same desks: the delay, and the application's processor time."""
    found = await together(running, WAYS, rate=RATE, seconds=SECONDS)
    ours = found.pop(APPLICATION)
    own = [ms for each in found.values() for ms in each.load.delays_ms]
    assert percentile(ours.load.delays_ms, 50) <= 1.7 * percentile(own, 50)
    assert percentile(ours.load.delays_ms, 95) <= 2.2 * percentile(own, 95)
    assert ours.application_ms <= 1.3 * ours.asterisk_ms / len(WAYS)  # Asterisk has worked for the calls of all ways


async def test_a_call_costs_the_processors_little(running: Rig) -> None:
    """The application, Asterisk for it, and what is beside it, in turns with Dial(): what Asterisk needs for that."""
    dial = application = asterisk = beside = 0.0
    for way in (DIAL, APPLICATION, APPLICATION, DIAL):
        found = await running.measure(way, rate=2 * RATE, seconds=SECONDS / 2)
        assert not found.failed
        assert not found.fault
        if way == DIAL:
            dial += found.asterisk_ms
        else:
            application += found.application_ms
            asterisk += found.asterisk_ms
            beside += found.beside_ms
    assert application <= 0.85 * dial
    assert asterisk <= 1.75 * dial
    assert beside <= 0.95 * dial


async def test_many_calls_at_once(running: Rig) -> None:
    """What the highest rate comes to: when all who call in one moment are answered, beside Queue(), then beside Dial().

    That shows what stands in line without using a processor. What uses one holds up Queue() as well: its time shows it.
    """
    own = asterisk = 0.0
    times = {}
    for rival in (QUEUE, DIAL):
        last = dict.fromkeys((rival, APPLICATION), 0.0)
        for _ in range(ROUNDS):
            found = await together(running, last, rate=BURST_RATE, seconds=AT_ONCE / BURST_RATE)
            for way, each in found.items():
                last[way] += max(each.load.delays_ms)
            own += found[APPLICATION].application_ms
            asterisk += found[APPLICATION].asterisk_ms / len(found)
        times[rival] = last[APPLICATION] / last[rival]
    assert times[QUEUE] <= 2.5
    assert times[DIAL] <= 3.2
    assert own <= 0.95 * asterisk


@dataclass(frozen=True)
class Living:
    """What was read before and while so many calls lived, and when they were adopted."""

    few: Measured
    many: Measured
    at_rest_kib: int
    living_kib: int
    waits: Sequence[float]
    fresh_start: float
    loaded_kib: float


@pytest.fixture(scope="module")
async def living(running: Rig) -> Living:
    few = await running.measure(APPLICATION, rate=2 * RATE, seconds=SECONDS / 4)
    at_rest = Memory.now(running).application
    await running.live(LIVING)
    await anyio.sleep(1)
    kib = Memory.now(running).application
    many = await running.measure(APPLICATION, rate=2 * RATE, seconds=SECONDS / 4)
    fresh: list[float] = []

    async def load() -> None:
        began = anyio.current_time()
        done = await anyio.run_process([sys.executable, "-c", LOADED], cwd=REPO)
        fresh.extend((anyio.current_time() - began, float(done.stdout)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(load)
        waits = await kill(running, LIVING)
    return Living(few, many, at_rest, kib, waits, *fresh)


async def test_living_calls_cost_the_next_one_nothing(living: Living) -> None:
    """What of the application's idle work grows with the living is seldom; the next call's own cost does not."""
    assert not living.few.failed
    assert not living.many.failed
    assert living.many.application_ms <= 1.6 * living.few.application_ms


async def test_a_living_call_takes_little_memory(living: Living) -> None:
    """A hundred take a small part of what Python and the application's modules take; at rest there is little more."""
    assert living.at_rest_kib <= 1.5 * living.loaded_kib
    assert living.living_kib <= 1.07 * living.at_rest_kib
    assert living.living_kib - living.at_rest_kib <= 0.08 * living.loaded_kib


async def test_living_calls_are_soon_taken_up(living: Living) -> None:
    """The application has died: all are adopted soon after the first, and long before it could be loaded anew."""
    assert max(living.waits) <= 1.5 * min(living.waits)
    assert max(living.waits) <= 0.6 * living.fresh_start
