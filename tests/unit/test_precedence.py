"""Which orders go first when Asterisk is behind."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.ari.precedence import Precedence, Window

pytestmark = pytest.mark.anyio

AT_A_TIME = 3


class Orders:
    """Goes through a window, and notes in which order; each is done when it is told."""

    def __init__(self, size: int = AT_A_TIME) -> None:
        self.window = Window(size)
        self.given: list[tuple[Precedence, int]] = []
        self.on_the_way: list[asyncio.Event] = []
        self.most = 0

    async def give(self, precedence: Precedence, number: int) -> None:
        await self.window.enter(precedence)
        done = asyncio.Event()
        self.given.append((precedence, number))
        self.on_the_way.append(done)
        self.most = max(self.most, len(self.on_the_way))
        try:
            await done.wait()
        finally:
            self.on_the_way.remove(done)
            self.window.leave()

    async def give_until(self, scope: anyio.CancelScope, precedence: Precedence, number: int) -> None:
        with scope:
            await self.give(precedence, number)

    async def carry_out_all(self) -> None:
        """One after the other, the oldest first."""
        while self.on_the_way:
            self.on_the_way[0].set()
            await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()


@given(st.lists(st.sampled_from(Precedence), max_size=30))
@settings(max_examples=50, deadline=None)
async def test_the_first_by_precedence_and_of_its_like_the_oldest(wanted: Sequence[Precedence]) -> None:
    orders = Orders()
    async with anyio.create_task_group() as tasks:
        for number, precedence in enumerate(wanted):
            tasks.start_soon(orders.give, precedence, number)
            await anyio.wait_all_tasks_blocked()
        await orders.carry_out_all()
    everything = list(zip(wanted, range(len(wanted)), strict=True))
    at_once, waiting = everything[:AT_A_TIME], everything[AT_A_TIME:]
    assert orders.given == at_once + sorted(waiting)
    assert orders.most <= AT_A_TIME


@given(st.lists(st.tuples(st.sampled_from(Precedence), st.booleans()), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
async def test_no_turn_is_lost_with_who_gives_up(wanted: Sequence[tuple[Precedence, bool]]) -> None:
    """Whoever waits or is on the way may be cancelled."""
    orders = Orders(size=1)
    async with anyio.create_task_group() as tasks:
        scopes = []
        for number, (precedence, gives_up) in enumerate(wanted):
            scopes.append((anyio.CancelScope(), gives_up))
            tasks.start_soon(orders.give_until, scopes[-1][0], precedence, number)
            await anyio.wait_all_tasks_blocked()
        for scope, gives_up in scopes:
            if gives_up:
                scope.cancel()
        await anyio.wait_all_tasks_blocked()
        await orders.carry_out_all()
    patient = {number for number, (_, gives_up) in enumerate(wanted) if not gives_up}
    assert patient <= {number for _, number in orders.given}
    with anyio.fail_after(1):
        await orders.window.enter(Precedence.REST)


async def test_who_gives_up_as_its_turn_comes_passes_it_on() -> None:
    window = Window(1)
    await window.enter(Precedence.REST)
    waiting = asyncio.create_task(window.enter(Precedence.REST))
    await anyio.wait_all_tasks_blocked()
    window.leave()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with anyio.fail_after(1):
        await window.enter(Precedence.REST)
