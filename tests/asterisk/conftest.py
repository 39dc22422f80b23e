"""Fixtures: running instances, and phones that are gone when a test is over."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from scripts.phones import Phones, RadioGateway
from tests.asterisk.newsroom import Newsroom
from tests.asterisk.radio import BY_VOICE, DTMF, VOX, RadioSite
from tests.asterisk.site import Site, phones_of, running


@pytest.fixture(scope="session", autouse=True)
def _sounds_are_made_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """By the first instance that starts, for all of them and for all workers."""
    own = tmp_path_factory.getbasetemp()
    Site.sounds = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "sounds"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance with three Polda desks, for tests that break nothing."""
    yield from running(Site(tmp_path_factory.mktemp("site")))


@pytest.fixture(scope="session")
def big_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance with a hundred desks, for many calls at a time."""
    yield from running(Site(tmp_path_factory.mktemp("big"), desks=100))


@pytest.fixture(scope="session")
def sop_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance with desks at the Polda, at Polres 01, and some that need a login, for the whole of SOP V."""
    changes = {"wrapup_seconds = 0": "wrapup_seconds = 1", "[[trunk]]": "[transfer]\nanswer_seconds = 2\n\n[[trunk]]"}
    yield from running(Site(tmp_path_factory.mktemp("sop"), desks=3, polres=2, login=2, changes=changes))


@pytest.fixture(scope="module")
def fragile_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance of a module's own, whose application may be killed."""
    yield from running(Site(tmp_path_factory.mktemp("fragile")))


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[[], Site]]:
    """Make instances that are not started; whatever still runs at the end is killed."""
    made: list[Site] = []

    def make() -> Site:
        home = tmp_path / f"site{len(made)}"
        home.mkdir()
        made.append(Site(home))
        return made[-1]

    yield make
    for site in made:
        site.clean_up()


@pytest.fixture
async def phones(site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    """Phones of ``site``; afterwards no desk is registered, no channel and no bridge left."""
    assert anyio_backend
    async for phones in phones_of(site, tmp_path / "phones"):
        yield phones


@pytest.fixture
async def sop_phones(sop_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    """Phones of ``sop_site``."""
    assert anyio_backend
    async for phones in phones_of(sop_site, tmp_path / "phones"):
        yield phones


@pytest.fixture
async def big_phones(big_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    """Phones of ``big_site``."""
    assert anyio_backend
    async for phones in phones_of(big_site, tmp_path / "phones"):
        yield phones


@pytest.fixture
async def fragile_phones(fragile_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    """Phones of ``fragile_site``."""
    assert anyio_backend
    async for phones in phones_of(fragile_site, tmp_path / "phones"):
        yield phones


@pytest.fixture(scope="module")
def radio_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance of a module's own with two radio nets, whose application may be killed."""
    yield from running(RadioSite(tmp_path_factory.mktemp("radio")))


@pytest.fixture
async def radio_phones(radio_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    """Phones of ``radio_site``; the nets' own lines may be left."""
    assert anyio_backend
    async with radio_site.phones(tmp_path / "phones") as phones:
        yield phones
        await phones.leave()


@pytest.fixture
async def gateway(radio_site: RadioSite, radio_phones: Phones) -> RadioGateway:
    """The gateway of the nets, with its lines up."""
    gateway = await radio_phones.gateway(radio_site.sample.gateway, 5070)
    await gateway.line_up(VOX, seconds=40)
    await gateway.line_up(DTMF, seconds=40)
    await gateway.line_up(BY_VOICE, seconds=40)
    return gateway


@pytest.fixture
async def newsroom(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Newsroom]:
    """A broker and a journal, without Asterisk; the publisher is the test's to start."""
    made = Newsroom(tmp_path / "state")
    made.start_broker()
    yield made
    made.kill_publisher()
    made.kill_broker()
    made.journal.close()
