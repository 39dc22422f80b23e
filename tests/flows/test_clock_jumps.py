"""The wall clock jumps an hour, both ways: no timer fires early or late, and what was waited is what was waited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import anyio
import pytest

from ari_app.domain.facts import Fact
from tests.flows.floor import RULES, Floor, floor
from tests.flows.scenes import goodbye, in_talk, press

pytestmark = pytest.mark.anyio

HOUR = 3600.0
Moments = list[tuple[float, str, object]]


class Watched(list[Fact]):
    """A journal that notes when each fact was told, by the clock that the timers run by."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        super().__init__(facts)
        self.moments: Moments = []

    def append(self, fact: Fact) -> None:
        moment = round(asyncio.get_running_loop().time(), 3)
        self.moments.append((moment, fact.action, fact.data.get("waited_ms")))
        super().append(fact)


async def _busy_minutes(here: Floor, jump: float, patch: pytest.MonkeyPatch) -> Moments:
    """A desk lets it ring, the next one answers, a Polres does not; the clock jumps in the midst of each wait."""
    real, offset = time.time, 0.0
    patch.setattr(time, "time", lambda: real() + offset)
    here.asterisk.register("1002")
    call = here.asterisk.call()
    await anyio.sleep(6)
    offset += jump
    await anyio.sleep(10)
    here.asterisk.register("1001", answers_after=0.1)
    await here.talking(call, "1001")
    here.asterisk.register("2011")
    await press(here, "1001", "*201#")
    await anyio.sleep(2)
    offset += jump
    await here.until(lambda: here.facts(call, "call.taken_back"), seconds=10)
    await goodbye(here, call)
    offset += jump
    await goodbye(here, await in_talk(here))
    moments = here.journal.moments if isinstance(here.journal, Watched) else []
    return [each for each in moments if each[1].startswith("call.")]


async def _told(jump: float) -> Moments:
    with pytest.MonkeyPatch.context() as patch:
        made = Floor.__init__

        def watched(self: Floor, *arguments: object, **more: object) -> None:
            made(self, *arguments, **more)  # type: ignore[arg-type]  # handed through
            self.journal = Watched(self.journal)

        patch.setattr(Floor, "__init__", watched)
        async with floor("1001", "1002", "2011", rules=RULES) as here:
            start = asyncio.get_running_loop().time()
            return [(round(at - start, 3), *rest) for at, *rest in await _busy_minutes(here, jump, patch)]  # type: ignore[misc]  # three each


async def test_no_timer_minds() -> None:
    """Everything happens at the same moments of the steady clock, to its steps of 1 ms, as if nothing had jumped."""
    steady = await _told(0.0)
    assert "call.not_answered" in [action for _, action, _ in steady]
    assert "call.taken_back" in [action for _, action, _ in steady]
    assert all(isinstance(waited, int) and waited >= 0 for _, _, waited in steady if waited is not None)
    for jump in (HOUR, -HOUR):
        told = await _told(jump)
        assert [action for _, action, _ in told] == [action for _, action, _ in steady]
        for (at, _, waited), (steady_at, _, steady_waited) in zip(told, steady, strict=True):
            assert at == pytest.approx(steady_at, abs=0.05)
            assert waited == pytest.approx(steady_waited, abs=50)
