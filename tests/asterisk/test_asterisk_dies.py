"""Asterisk itself is killed: its calls end in the journal as lost, with the time, and 110 is served again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scripts.phones import Dialling
from tests.asterisk.site import Site, assert_complete, eventually, running

pytestmark = pytest.mark.anyio

BACK_SECONDS = 10
"""Everything is up again."""


@pytest.fixture(scope="module")
def breaking_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance whose Asterisk is killed."""
    yield from running(Site(tmp_path_factory.mktemp("breaking")))


@pytest.mark.parametrize("is_application_dead", [False, True])
async def test_calls_end_as_lost(
    breaking_site: Site,
    tmp_path: Path,
    is_application_dead: bool,  # noqa: FBT001 - drawn
) -> None:
    """A talk and a waiting caller, with the application alive, and dead at the same moment."""
    site = breaking_site
    before = site.head()
    async with site.phones(tmp_path / "before") as phones:
        await phones.desk(site.accounts[0])
        await phones.call(Dialling(hang_up_ms=60_000))
        talk = await site.new_call(before)
        await site.told(talk, "call.answered")
        await phones.call(Dialling(hang_up_ms=60_000))
        waiting = await site.new_call(before, number=2)
        await site.told(waiting, "call.queued")
        asterisk, application = site.process("asterisk"), site.application()
        assert asterisk is not None
        assert application is not None
        died = datetime.now(UTC)
        for pid in (asterisk, application) if is_application_dead else (asterisk,):
            os.kill(pid, signal.SIGKILL)
        await eventually(
            lambda: site.process("asterisk") not in {None, asterisk} and site.connected(),
            seconds=BACK_SECONDS,
            what="Asterisk and the application are back",
        )
        back = datetime.now(UTC)
        for call in (talk, waiting):
            story = await site.story(call)
            assert_complete(story)
            assert (story[-1].data["outcome"], story[-1].data["by"]) == ("lost", "system")
            assert (
                died
                <= datetime.fromisoformat(story[-1].at).replace(microsecond=999_999)
                <= back.replace(microsecond=999_999)
            )
    async with site.phones(tmp_path / "after") as phones:
        await phones.desk(site.accounts[0])
        caller = await phones.call(Dialling(hang_up_ms=50))
        assert (await caller.result()).is_answered
