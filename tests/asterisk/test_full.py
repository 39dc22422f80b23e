"""More callers than Asterisk has room for: those who are served notice nothing of those who are turned away."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import anyio
import pytest

from ari_app.site.state import StateDir
from scripts.phones import Behaviour, Dialling, Phones
from scripts.stack.prepare import console
from tests.asterisk.site import Site, eventually, phones_of, running

pytestmark = pytest.mark.anyio

FILES: Final = 700
ROOM: Final = (FILES - 256) * 4 // 55
TURNED_AWAY: Final = 503
REFUSED: Final = 3


@pytest.fixture(scope="module")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance each of whose processes may open so few files."""
    yield from running(Site(tmp_path_factory.mktemp("small"), desks=ROOM + 8, files=FILES), agrees=False)


@pytest.fixture
async def small_phones(small_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    assert anyio_backend
    async for phones in phones_of(small_site, tmp_path / "phones"):
        yield phones


async def test_there_is_room_for_so_many(small_site: Site, small_phones: Phones) -> None:
    """Who is too many hears that at once; nobody else loses their call, and whoever goes makes room."""
    pid = small_site.application
    await small_phones.desk(small_site.accounts, Behaviour.answers())
    crowd = await small_phones.crowd(Dialling(), count=ROOM - 1, rate=20)
    await crowd.events.wait("answered", count=ROOM - 1, seconds=20)
    last = await small_phones.call()
    await last.answered()
    for _ in range(REFUSED):
        refused = await (await small_phones.call()).result()
        assert (refused.ending, refused.code) == ("refused", TURNED_AWAY)
    assert len(small_site.ari("channels")) == 2 * ROOM
    await last.hang_up()
    assert (await last.result()).ending == "caller"
    await (await small_phones.call()).answered()
    assert small_site.application == pid
    await anyio.run_process(console(StateDir(small_site.state), "channel request hangup all"))
    await small_site.quiet()

    def told() -> Counter[str]:
        return Counter(record.action for record in small_site.records())

    await eventually(lambda: told()["call.ended"] == ROOM + 1, seconds=10, what="the end of every call", every=0.2)
    assert told()["call.received"] == ROOM + 1
    assert told()["application.started"] == 1
    assert not {"call.fallback", "call.adopted"} & told().keys()


def test_who_was_turned_away_can_be_found(small_site: Site) -> None:
    """The application never heard of them; Asterisk's own records have them."""
    done = small_site.siaga("journal", "reconcile", "--settled", "0")
    assert done.returncode == 1
    missing = [line for line in done.stdout.splitlines() if line.endswith("the journal has nothing of it")]
    assert len(missing) == REFUSED
    assert f"{REFUSED} differences" in done.stderr
