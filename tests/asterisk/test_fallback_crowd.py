"""Many callers, and no application: as many telephones ring as Asterisk can bear, and everybody is served."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import pytest

from scripts.phones import Behaviour, Dialling, Handset, HandsetCall, Phones
from scripts.phones.leg import State
from tests.asterisk.site import Site, alone, assert_complete, eventually, phones_of, running

pytestmark = [pytest.mark.anyio, pytest.mark.quiet]

FILES, DESKS = 1531, 13
"""Room for 51 telephones that ring (tests/unit/test_fallback_ringing.py)."""
ROOM = 51
FEW, MOST = 3, 4
CALLERS: Final = 8


@pytest.fixture(scope="module")
def narrow_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance whose Asterisk may open few files."""
    yield from running(Site(tmp_path_factory.mktemp("narrow"), desks=DESKS, files=FILES))


@pytest.fixture
async def narrow_phones(narrow_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    assert anyio_backend
    async for phones in phones_of(narrow_site, tmp_path / "phones"):
        yield phones


def ringing(site: Site) -> Counter[str]:
    """For how many callers each desk's telephone rings."""
    legs = [each["name"].partition("/")[2].partition("-")[0] for each in site.ari("channels") if each["state"] != "Up"]
    return Counter(desk for desk in legs if desk in dict(site.accounts))


def rung(desk: Handset) -> list[HandsetCall]:
    """The calls for which a phone rings."""
    return [call for call in desk.calls if call.state is State.RINGING]


async def test_a_crowd(narrow_site: Site, narrow_phones: Phones) -> None:
    """All desks ring for the first callers, some of them for one more; whoever is answered makes room for the next."""
    site, after = narrow_site, narrow_site.head()
    *others, operator = site.accounts
    await narrow_phones.desk(others, Behaviour.never_answers())
    async with alone(site):
        first = await narrow_phones.crowd(Dialling(), count=FEW, rate=10)
        desk = await narrow_phones.handset(operator)
        await eventually(lambda: set(ringing(site).values()) == {FEW}, seconds=10, what="every desk rings for each")
        assert len(ringing(site)) == DESKS
        more = await narrow_phones.crowd(Dialling(), count=CALLERS - FEW, rate=10)
        await more.events.wait("answered", count=CALLERS - MOST, seconds=10)  # "mohon ditunggu": there is no room
        await eventually(
            lambda: set(ringing(site).values()) == {FEW, FEW + 1}, seconds=10, what="some desks ring for one more"
        )
        while len(desk.talking) < CALLERS:
            await eventually(lambda: rung(desk), seconds=30, what="the operator's phone rings for the next")
            await rung(desk)[0].answer()
            assert sum(ringing(site).values()) <= ROOM
        for talk in desk.talking:
            await talk.hang_up()
        for crowd, count in ((first, FEW), (more, CALLERS - FEW)):
            await crowd.events.wait("ended", count=count, seconds=10)
    for number in range(1, CALLERS + 1):
        story = await site.story(await site.new_call(after, number=number))
        assert_complete(story)
        assert story[-1].data["outcome"] == "fallback"
