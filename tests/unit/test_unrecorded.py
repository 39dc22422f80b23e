"""No recording begins for want of room: the journal and the alarm say so, from its beginning to its end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest

from ari_app import unrecorded as module
from ari_app.domain.facts import Fact
from ari_app.domain.tapes import RESUMED, SUSPENDED
from ari_app.site.room import rooms
from ari_app.site.state import StateDir
from ari_app.unrecorded import Unrecorded
from cli.language import choose, localised


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)


@pytest.mark.anyio
@pytest.mark.usefixtures("quick")
async def test_the_journal_has_beginning_and_end_and_an_alarm_stands_between(
    state: StateDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How much is free, where that can be known."""
    calls, radio = rooms(state)

    def usage(folder: Path) -> SimpleNamespace:
        if folder == calls.folder:
            raise OSError(5, "Input/output error")
        return SimpleNamespace(free=123)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    facts: list[Fact] = []
    watch = Unrecorded(rooms(state), facts.append)
    assert watch.alarm() is None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch.run)
        await anyio.sleep(0.05)
        assert facts == []
        radio.mark.touch()
        await _told(facts, 1)
        assert (watch.has_room("calls"), watch.has_room("radio")) == (True, False)
        assert watch.alarm() == radio.alarm
        calls.mark.touch()
        await _told(facts, 2)
        assert watch.alarm() == f"{calls.alarm}; {radio.alarm}"
        calls.mark.unlink()
        radio.mark.unlink()
        await _told(facts, 4)
        assert watch.alarm() is None
        assert watch.has_room("calls")
        tasks.cancel_scope.cancel()
    assert [(fact.actor, fact.action, fact.call, dict(fact.data)) for fact in facts[:2]] == [
        ("system", SUSPENDED, None, {"what": "radio", "free_bytes": 123}),
        ("system", SUSPENDED, None, {"what": "calls", "free_bytes": None}),
    ]
    assert {(fact.action, str(fact.data["what"])) for fact in facts[2:]} == {(RESUMED, "calls"), (RESUMED, "radio")}


async def _told(facts: list[Fact], count: int) -> None:
    with anyio.fail_after(5):
        while len(facts) < count:  # noqa: ASYNC110 - it is the other task that is looked at
            await anyio.sleep(0.01)


@contextmanager
def indonesian() -> Iterator[None]:
    choose(["--lang", "id"])
    try:
        yield
    finally:
        choose([])


def test_both_alarms_in_indonesian(state: StateDir) -> None:
    both = "; ".join(each.alarm for each in rooms(state))
    with indonesian():
        assert localised(both) == "; ".join(localised(each.alarm) for each in rooms(state))
        assert localised(both).count("tidak direkam") == 2
