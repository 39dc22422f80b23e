"""The caller's leg is followed beside what the flow does."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest

from ari_app.ari.errors import AriUnreachable
from ari_app.flows.following import Following

pytestmark = pytest.mark.anyio


class Exchange:
    """Takes subscriptions, and answers when it is told to."""

    def __init__(self, answer: list[str] | AriUnreachable) -> None:
        self.answer = answer
        self.asked: list[Sequence[str]] = []
        self.may_answer = anyio.Event()
        self.looked = anyio.Event()

    async def subscribe(self, sources: Sequence[str]) -> list[str]:
        self.asked.append(sources)
        await self.may_answer.wait()
        if isinstance(self.answer, AriUnreachable):
            raise self.answer
        return self.answer


async def test_nobody_waits_for_the_answer_and_one_order_is_enough() -> None:
    exchange = Exchange([])
    following = Following(exchange.subscribe, "1.1")
    following.begin(exchange.looked.set)
    assert not following.check()
    await anyio.wait_all_tasks_blocked()
    following.begin(exchange.looked.set)
    exchange.may_answer.set()
    assert not await following.is_gone()
    assert exchange.asked == [["channel:1.1"]]
    assert not exchange.looked.is_set()


async def test_the_flow_is_told_that_the_leg_is_gone() -> None:
    exchange = Exchange(["channel:1.1"])
    following = Following(exchange.subscribe, "1.1")
    following.begin(exchange.looked.set)
    exchange.may_answer.set()
    with anyio.fail_after(1):
        await exchange.looked.wait()
    assert following.check()
    assert await following.is_gone()


async def test_the_flow_is_told_that_asterisk_does_not_answer_and_asks_again() -> None:
    exchange = Exchange(AriUnreachable("no link"))
    following = Following(exchange.subscribe, "1.1")
    following.begin(exchange.looked.set)
    exchange.may_answer.set()
    with anyio.fail_after(1):
        await exchange.looked.wait()
    for _ in range(2):
        with pytest.raises(AriUnreachable):
            following.check()
    with pytest.raises(AriUnreachable):
        await following.is_gone()
    exchange.answer = []
    assert not await following.is_gone()
    assert not following.check()
