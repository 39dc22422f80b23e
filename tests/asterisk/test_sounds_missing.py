"""The sounds cannot be read: a disk that is gone, a file that somebody has moved. Who waits hears it ring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from scripts.phones import Phones
from tests.asterisk.site import Site, assert_complete, phones_of, running
from tests.asterisk.talk import CALLER_HZ, POLDA_HZ, RINGING_HZ, hear_each_other, moment

pytestmark = [pytest.mark.anyio, pytest.mark.quiet]

HEARD_SECONDS = 6
"""The tone comes for one second in five."""
MOST_FAILURES = 300
"""Two lists of 120 pieces each."""


@pytest.fixture(scope="module")
def silent_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance that has lost its sounds."""
    changes = {"ring_seconds = 2": "ring_seconds = 30\nannounce_seconds = 1"}
    for site in running(Site(tmp_path_factory.mktemp("silent"), desks=1, changes=changes)):
        (site.state / "sounds").rename(site.state / "gone")
        yield site


@pytest.fixture
async def phones(silent_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    assert anyio_backend
    async for made in phones_of(silent_site, tmp_path / "phones"):
        yield made


async def test_who_waits_hears_it_ring(silent_site: Site, phones: Phones) -> None:
    site = silent_site
    after = site.head()
    handset = await phones.handset(site.accounts[0], hz=POLDA_HZ)
    caller = await phones.citizen(number="0614560009", hz=CALLER_HZ)
    polda = await handset.rung()
    await caller.answered(seconds=5)
    began = moment()
    await asyncio.sleep(HEARD_SECONDS)
    assert caller.audio.hears(RINGING_HZ, since=began) > 0.5
    log = (site.state / "log" / "asterisk.log").read_text(encoding="utf-8")
    assert log.count("Playback failed") < MOST_FAILURES
    await polda.answer()
    await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
    await caller.hang_up()
    story = await site.story(await site.new_call(after))
    assert_complete(story)
