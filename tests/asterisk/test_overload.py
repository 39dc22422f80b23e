"""More calls than the machine can carry: each waits longer, and nothing breaks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from scripts.phones import Behaviour, Dialling, Phones
from tests.asterisk.site import Site, actions, eventually, phones_of, running

pytestmark = [pytest.mark.anyio, pytest.mark.alone]

DESKS = 100
RATE, SECONDS = 250, 4
"""Several times what two cores carry."""


@pytest.fixture(scope="module")
def rush_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance whose journal is some seconds behind in the end, and says so of the calls: nothing is compared."""
    yield from running(Site(tmp_path_factory.mktemp("rush"), desks=DESKS), agrees=False)


@pytest.fixture
async def rush_phones(rush_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    assert anyio_backend
    async for phones in phones_of(rush_site, tmp_path / "phones"):
        yield phones


@pytest.mark.timeout(180)
async def test_a_rush(rush_site: Site, rush_phones: Phones) -> None:
    """Everybody is answered, and the application is not taken for dead: one in its place would be no quicker."""
    site = rush_site
    await rush_phones.desk(site.accounts, Behaviour.answers())
    pid, after = site.application(), site.head()
    rush = await rush_phones.load(Dialling(hang_up_ms=50), count=RATE * SECONDS, rate=RATE, seconds=90)
    assert rush.failed == 0
    assert not [call for call in rush.calls if call.ending == "lost"]
    assert site.application() == pid, site.output

    def all_told() -> bool:
        told = actions(site.records(after=after))
        return told.count("call.received") == told.count("call.ended") == RATE * SECONDS

    await eventually(all_told, seconds=60, what="the journal has every call's beginning and end", every=0.5)
    assert site.application() == pid, site.output
