"""SOP V.10 with many transfers at once: the timer fires when it should, and each call has one story."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import anyio
import pytest

from scripts.phones import HandsetCall, Phones
from tests.asterisk.site import Site, actions, assert_complete, eventually, running

pytestmark = [pytest.mark.anyio, pytest.mark.alone]

AT_ONCE = 50
ANSWER_SECONDS = 2


@pytest.fixture(scope="module")
def crowded_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """So many desks at the Polda, and so many Polres with one desk each."""
    changes = {"[[trunk]]": f"[transfer]\nanswer_seconds = {ANSWER_SECONDS}\n\n[[trunk]]"}
    site = Site(tmp_path_factory.mktemp("crowded"), desks=AT_ONCE, polres=1, units=AT_ONCE, changes=changes)
    yield from running(site)


@pytest.fixture
async def crowd(crowded_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    assert anyio_backend
    async with crowded_site.phones(tmp_path / "phones") as phones:
        yield phones
        await phones.leave()
        await crowded_site.quiet()


async def test_many_take_backs_at_once(crowded_site: Site, crowd: Phones) -> None:
    """Each goes to a Polres of its own, whose desk rings and does not answer: all are taken back in time."""
    site = crowded_site
    polres = [await crowd.handset(account) for account in site.sample.polres]
    desks = [await crowd.handset(account, answers=0.0) for account in site.accounts]
    callers = [await crowd.citizen(number=f"08120000{n:04}") for n in range(AT_ONCE)]
    talks: list[HandsetCall] = [await desk.rung() for desk in desks]
    for talk in talks:
        await talk.answered()

    async with anyio.create_task_group() as tasks:
        for number, talk in enumerate(talks, 1):
            tasks.start_soon(talk.press, f"*2{number:02}#")

    def taken_back() -> int:
        return actions(site.records()).count("call.taken_back")

    await eventually(lambda: taken_back() == AT_ONCE, seconds=20, what="all taken back", every=0.2)
    late, rang = [], []
    for call in {record.call for record in site.records() if record.call}:
        story = site.records(call=call)
        told = {record.action: record for record in story}
        assert actions(story).count("call.transfer_started") == actions(story).count("call.taken_back") == 1
        if told["call.taken_back"].data["reason"] == "no_answer":
            began, ended = (
                datetime.fromisoformat(told[f"call.{each}"].at) for each in ("transfer_started", "taken_back")
            )
            late.append((ended - began).total_seconds() - ANSWER_SECONDS)
            phone = polres[int(str(told["call.transfer_started"].data["polres"])) - 1]
            rang += [each.at - began.timestamp() for each in phone.events.all("rung")]
    assert len(late) == AT_ONCE
    assert min(late) > -0.01
    # To ring as many phones at once is the yardstick: it takes the same program, and the same machine's two cores.
    assert max(late) <= max(rang) / 2
    for caller in callers:
        await caller.hang_up()
    for call in {record.call for record in site.records() if record.call}:
        assert_complete(await site.story(call))
    numbers = [int(str(r.data["ticket"])[-4:]) for r in site.records() if r.action == "complaint.opened"]
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers)), "tickets without gaps"
