"""A short run of scripts/chaos: the application is killed in every kind of state; the judge sees what is planted."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence

import pytest

from scripts.faults.case_kills import busy_minute
from scripts.faults.experiment import Experiment, Round
from scripts.faults.instance import Instance
from scripts.faults.oracle import Flaw
from scripts.faults.scenes import (
    Held,
    JustAnswered,
    PolresTalking,
    Scene,
    Talking,
    Transferring,
    Waiting,
    WaitingWithMusic,
)
from scripts.faults.strikes import Killed, strike_round

pytestmark = [pytest.mark.anyio, pytest.mark.alone, pytest.mark.timeout(180)]

SEED = 110
DESKS = 20


@pytest.fixture(scope="module")
async def experiment(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str) -> Experiment:
    assert anyio_backend
    return Experiment(tmp_path_factory.mktemp("chaos"), random.Random(SEED), 1, lambda _: None)


@pytest.fixture(scope="module")
async def instance(experiment: Experiment) -> AsyncIterator[Instance]:
    async with experiment.instance(desks=DESKS) as instance:
        yield instance


def held(result: Round) -> bool:
    """What callers and the journal are promised, and that the application is back at all.

    How soon that is, is ``scripts/chaos``'s to judge, on a machine that has nothing else to do.
    """
    found = [each for each in result.findings if each.flaw is not Flaw.LATE or each.what.endswith("not at all")]
    return not found and not result.broken


@pytest.mark.parametrize(
    "scenes",
    [[Talking, Held, JustAnswered], [PolresTalking, Transferring], [Waiting], [WaitingWithMusic]],
    ids=["talks", "transfers", "waiting", "music"],
)
async def test_killed(experiment: Experiment, instance: Instance, scenes: Sequence[type[Scene]]) -> None:
    """Nobody is dropped, left waiting or in silence, and the journal is whole."""
    a_desk_is_free = not issubclass(scenes[0], Waiting)
    await strike_round(experiment, instance, Killed(), scenes, with_new_call=a_desk_is_free)
    assert held(experiment.results[-1]), experiment.results[-1]


async def test_killed_again_and_again_under_load(experiment: Experiment, instance: Instance) -> None:
    """Every SIPp call has exactly one beginning and one end in the journal, and no line that was read is missing."""
    async with experiment.round(instance, "six kills in twelve seconds", settle=20) as floor:
        await busy_minute(floor, seconds=12, kills=6)
    assert held(experiment.results[-1]), experiment.results[-1]
    assert experiment.results[-1].calls == 60


async def test_the_judge_sees_what_is_planted(experiment: Experiment, instance: Instance) -> None:
    """A caller is hung up on, and no operator has done it."""
    async with experiment.round(instance, "planted", settle=3) as floor:
        await floor.staff(1)
        citizen, _ = await floor.talk()
        await asyncio.to_thread(_hang_up, instance, citizen.number)
        await citizen.call.ended()
    found = experiment.results.pop()
    assert [finding.flaw for finding in found.findings] == [Flaw.DROPPED], found


def _hang_up(instance: Instance, number: str) -> None:
    """As nobody but a fault would do."""
    caller = next(each for each in instance.ari("channels") if each["caller"]["number"] == number)
    instance.ari(f"channels/{caller['id']}", method="DELETE")
