"""The closed loop: events that do not come any more are noticed, and a serving application is seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from ari_app.ari.closed_loop import OVERLOADED_SECONDS, STALLED_SECONDS, ClosedLoop
from ari_app.ari.errors import AriStalled, AriUnreachable

pytestmark = pytest.mark.anyio


class Link:
    """Brings orders and events, unless it does not."""

    def __init__(self) -> None:
        self.loop = ClosedLoop(self)
        self.takes_orders = self.brings_events = self.answers = True
        self.beats: list[str] = []
        self.heard = 0
        self.asked = 0

    async def echo(self, name: str) -> None:
        self.asked += 1
        if not self.answers:
            await anyio.sleep(60)
        if not self.takes_orders:
            raise AriUnreachable("cut")
        await anyio.sleep(0.001)
        if self.brings_events:
            self.heard += 1
            self.loop.came(name)

    async def set_beat(self, word: str) -> None:
        self.beats.append(word)


@asynccontextmanager
async def running(link: Link, *, with_messages: bool = False) -> AsyncIterator[list[float]]:
    """The loop runs meanwhile, and other messages come or not; the list gets the moment at which it gave up."""
    gave_up: list[float] = []

    async def run() -> None:
        with pytest.raises(AriStalled):
            await link.loop.run()
        gave_up.append(anyio.current_time())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        if with_messages:
            tasks.start_soon(bring_messages, link)
        yield gave_up
        tasks.cancel_scope.cancel()


async def test_before_the_first_connection_nothing_is_expected() -> None:
    link = Link()
    link.takes_orders = False
    async with running(link) as gave_up:
        await anyio.sleep(60)
        assert gave_up == []
        assert link.asked == 0


async def test_it_goes_on_and_shows_itself() -> None:
    """Another word at least every half second: the guard looks as often."""
    link = Link()
    link.loop.connected()
    async with running(link) as gave_up:
        await anyio.sleep(60)
        assert gave_up == []
        assert len(link.beats) > 60 / 0.5
        assert len(set(link.beats)) == len(link.beats)


@pytest.mark.parametrize("what", ["takes_orders", "brings_events", "answers"])
async def test_it_is_given_up(what: str) -> None:
    """Refused, silently lost, or never answered: within a second and a half, and it no longer shows itself."""
    link = Link()
    link.loop.connected()
    async with running(link) as gave_up:
        await anyio.sleep(10)
        setattr(link, what, False)
        broken, shown = anyio.current_time(), len(link.beats)
        await anyio.sleep(5)
        assert gave_up
        assert gave_up[0] - broken < STALLED_SECONDS + 0.5
        assert len(link.beats) <= shown + 1


async def test_short_trouble_is_none() -> None:
    """A link that is renewed within half a second."""
    link = Link()
    link.loop.connected()
    async with running(link) as gave_up:
        for what in ("takes_orders", "brings_events", "answers"):
            await anyio.sleep(1)
            setattr(link, what, False)
            await anyio.sleep(0.4)
            setattr(link, what, True)
        await anyio.sleep(5)
        assert gave_up == []


async def test_orders_that_stand_in_line_are_none_either() -> None:
    """Each is answered after longer than we wait for it, but carried out: the guard must not act on a living one."""
    link = Link()
    link.loop.connected()

    async def echo(name: str) -> None:
        tasks.start_soon(come, name)
        await anyio.sleep(0.6)

    async def come(name: str) -> None:
        await anyio.sleep(0.6)
        link.heard += 1
        link.loop.came(name)

    async def set_beat(word: str) -> None:
        link.beats.append(word)
        await anyio.sleep(0.6)

    link.echo, link.set_beat = echo, set_beat  # type: ignore[method-assign]  # a slow one in place of it
    async with anyio.create_task_group() as tasks, running(link) as gave_up:
        await anyio.sleep(30)
        assert gave_up == []
        assert len(set(link.beats)) > 30 / 1.5, "the guard acts after three seconds without another word"


async def test_an_echo_of_another_application_is_none_of_ours() -> None:
    link = Link()
    link.loop.connected()
    link.brings_events = False
    async with running(link) as gave_up:
        for number in range(100):
            link.heard += 1
            link.loop.came(f"another-{number}")
            await anyio.sleep(0.1)
        assert gave_up


async def test_an_asterisk_with_too_much_to_do_is_not_left() -> None:
    """Other messages come, and the echo does, late: another application would be no better off."""
    link = Link()
    link.loop.connected()
    link.answers = False
    async with running(link, with_messages=True) as gave_up:
        for number in range(10):
            await anyio.sleep(OVERLOADED_SECONDS - 0.5)
            link.loop.came(f"{link.loop.own}-{number}")
        assert gave_up == []


async def test_messages_without_an_echo_are_not_enough() -> None:
    """Orders do not reach Asterisk, and what it tells reaches us."""
    link = Link()
    link.loop.connected()
    link.takes_orders = False
    async with running(link, with_messages=True) as gave_up:
        await anyio.sleep(OVERLOADED_SECONDS - 0.1)
        assert gave_up == []
        await anyio.sleep(0.5)
        assert gave_up


async def bring_messages(link: Link) -> None:
    while True:
        link.heard += 1
        await anyio.sleep(STALLED_SECONDS / 2)
