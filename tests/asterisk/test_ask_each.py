"""Many commands in a row over a real broker, which dies, comes back, and comes late."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from ari_app.bus import ask as module
from ari_app.bus.ask import NotReached, ask_each
from ari_app.domain.facts import Json
from tests.asterisk.site import eventually
from tests.asterisk.test_commands import Office

pytestmark = pytest.mark.anyio


@pytest.fixture
async def office(tmp_path: Path, anyio_backend: object) -> AsyncIterator[Office]:
    made = Office(tmp_path / "state")
    yield made
    made.kill_broker()


class Import:
    """What a supervisor's program sends, one after the other, and what it got."""

    def __init__(self, office: Office, count: int) -> None:
        self.office, self.count = office, count
        self.taken = 0
        self.results: dict[int, Json] = {}

    def requests(self) -> Iterator[tuple[int, Mapping[str, Json]]]:
        for number in range(self.count):
            self.taken = number + 1
            yield number, {"number": number}

    async def run(self) -> None:
        """In a thread, because it has a loop of its own."""
        work = partial(
            ask_each, self.office.settings, self.office.secrets, "test.echo", self.requests(), supervisor="budi",
            on_result=self.results.__setitem__,
        )  # fmt: skip
        await anyio.to_thread.run_sync(work)


async def test_a_broker_that_comes_a_moment_later(office: Office) -> None:
    """As `order` waits for an application that is just starting."""
    sent = Import(office, 20)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sent.run)
        await anyio.sleep(1)
        office.start_broker()
        async with office.serving():
            await eventually(lambda: len(sent.results) == sent.count, seconds=10, what="all answers")


async def test_the_broker_dies_between_two_requests(office: Office) -> None:
    """It goes on where it was, and each is carried out once."""
    office.start_broker()
    sent = Import(office, 200)
    async with office.serving(), anyio.create_task_group() as tasks:
        tasks.start_soon(sent.run)
        for so_far in (20, 80, 140):
            await eventually(lambda: len(sent.results) > so_far, seconds=10, what="on its way", every=0.001)  # noqa: B023 - now
            office.kill_broker()
            office.start_broker()
        await eventually(lambda: len(sent.results) == sent.count, seconds=30, what="all answers")
    asked = [arguments["number"] for arguments, _ in office.asked]
    assert sorted(map(str, asked)) == sorted(map(str, range(sent.count)))


async def test_no_broker(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REACH_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(NotReached, match="cannot be reached"):
        await Import(office, 3).run()
    assert 1.0 <= time.monotonic() - began < 10
