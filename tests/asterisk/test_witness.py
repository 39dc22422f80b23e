"""The second witness on a real Asterisk: calls of every kind agree, and what is tampered with is named."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts.phones import Dialling, Phones
from tests.asterisk.site import Site, alone, eventually, phones_of, running
from tests.asterisk.talk import CALLER_HZ, POLRES_HZ, begin_talk, hear_each_other, press_last

pytestmark = pytest.mark.anyio

NUMBER = "081298765432"


@pytest.fixture(scope="module")
def watched_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance of its own, in which everything is killed; the comparison at its end counts, too."""
    changes = {"[[trunk]]": "[transfer]\nanswer_seconds = 2\n\n[[trunk]]"}
    yield from running(Site(tmp_path_factory.mktemp("watched"), desks=2, polres=1, changes=changes))


@pytest.fixture
async def phones(watched_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    assert anyio_backend
    async for made in phones_of(watched_site, tmp_path / "phones"):
        yield made


async def killed(site: Site, word: str = "ari_app") -> None:
    """Kill a process of the instance, and return when everything serves again."""
    pid = site.process(word)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: site.process(word) not in {None, pid}, seconds=10, what=f"another {word}")
    await eventually(site.connected, seconds=20, what="the application is connected")


async def test_calls_of_every_kind_agree(watched_site: Site, phones: Phones) -> None:
    """Closed, abandoned, taken by the Polres, taken back, prank; in the fallback; the application killed in a talk."""
    site = watched_site
    calls = []
    for keys in ("*0", "*7"):
        now = await begin_talk(site, phones, NUMBER)
        await press_last(now.polda, keys)
        await now.caller.ended(seconds=15)
        calls.append(now.call)
    for answers in (0.1, None):
        now = await begin_talk(site, phones, NUMBER)
        polres = await phones.handset(site.sample.polres[0], hz=POLRES_HZ, answers=answers)
        await now.polda.press("*201#")
        ringing = await polres.rung()
        if answers is not None:
            await hear_each_other((now.caller, CALLER_HZ), (ringing, POLRES_HZ))
        else:
            await site.told(now.call, "call.taken_back")
        await now.caller.hang_up()
        calls.append(now.call)
    now = await begin_talk(site, phones, NUMBER)
    await killed(site)
    await site.told(now.call, "call.adopted")
    await now.hear_each_other()
    await now.caller.hang_up()
    calls.append(now.call)
    await phones.leave()
    after = site.head()
    caller = await phones.call(Dialling(number=NUMBER, cancel_ms=500))
    await caller.result()
    calls.append(await site.new_call(after))
    await phones.desk(site.accounts[0])
    after = site.head()
    async with alone(site):
        caller = await phones.call(Dialling(number=NUMBER, hang_up_ms=1500))
        assert (await caller.result()).is_answered
    calls.append(await site.new_call(after))
    outcomes = [(await site.story(call))[-1].data["outcome"] for call in calls]
    assert outcomes == ["answered"] * 5 + ["abandoned", "fallback"]
    found = site.siaga_json("journal", "reconcile", "--settled", "0")
    assert (found["calls"], found["living"], found["differences"]) == (len(calls), 0, [])
    written = (site.state / "witness" / "asterisk.tsv").read_text(encoding="utf-8")
    assert NUMBER[1:] not in written
    assert (site.state / "witness" / "asterisk.tsv").stat().st_mode & 0o077 == 0


async def test_asterisk_killed_in_a_talk(watched_site: Site, phones: Phones) -> None:
    """Asterisk has no end of the call, the journal has one; that is so before and after the next call."""
    site = watched_site
    now = await begin_talk(site, phones)
    await killed(site, "asterisk")
    await site.story(now.call, seconds=20)
    await phones.leave()
    assert site.siaga_json("journal", "reconcile", "--settled", "0")["differences"] == []
    await phones.desk(site.accounts[0])
    caller = await phones.call(Dialling(hang_up_ms=100))
    assert (await caller.result()).is_answered
    await site.quiet()
    assert site.siaga_json("journal", "reconcile", "--settled", "0")["differences"] == []


async def test_what_is_tampered_with_is_named(watched_site: Site, phones: Phones, tmp_path: Path) -> None:
    """A line less, in a copy of the journal and in one of Asterisk's file: the call and the line are named."""
    site = watched_site
    now = await begin_talk(site, phones)
    await press_last(now.polda, "*0")
    await now.caller.ended(seconds=15)
    await site.story(now.call)
    for action, kind in (
        ("call.received", "no_beginning_in_journal"),
        ("call.answered", "desk_not_in_journal"),
        ("call.ended", "no_end_in_journal"),
        (None, "not_in_journal"),
    ):
        copy = _copy(site, tmp_path / f"journal-{kind}")
        _remove_record(copy / "journal.sqlite3", now.call, action)
        assert _differences(site, copy) == [(now.call, kind)]
    for event, kinds in (
        ("HANGUP", ["no_end_in_asterisk"]),
        ("BRIDGE_ENTER", ["desk_not_in_asterisk"]),
        ("CHAN_START", ["not_in_asterisk"]),
    ):
        copy = _copy(site, tmp_path / f"asterisk-{event}")
        file = copy / "witness" / "asterisk.tsv"
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        file.write_text("".join(each for each in lines if f"\t{event}\t{now.call}\t" not in each), encoding="utf-8")
        assert _differences(site, copy) == [(now.call, kind) for kind in kinds]


def _copy(site: Site, target: Path) -> Path:
    """What a comparison needs, apart from the instance."""
    target.mkdir()
    with sqlite3.connect(site.state / "journal.sqlite3") as source, sqlite3.connect(target / "journal.sqlite3") as copy:
        source.backup(copy)
    source.close()
    copy.close()
    shutil.copy(site.state / "siaga.toml", target)
    shutil.copytree(site.state / "witness", target / "witness")
    return target


def _remove_record(journal: Path, call: str, action: str | None) -> None:
    """Take one line of a call away, or all."""
    with sqlite3.connect(journal) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        query = "DELETE FROM journal WHERE call = ? AND ? IN (action, '')"
        assert connection.execute(query, (call, action or "")).rowcount
    connection.close()


def _differences(site: Site, copy: Path) -> list[tuple[str, str]]:
    done = site.siaga("--state", str(copy), "journal", "reconcile", "--settled", "0", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (1 if found["differences"] else 0)
    return [(each["call"], each["kind"]) for each in found["differences"]]


async def test_a_disk_that_stands_still_holds_up_no_call(watched_site: Site, phones: Phones) -> None:
    """In place of the file there is a pipe that nobody reads: calls go on, and the lines come when it is read."""
    site, after = watched_site, watched_site.head()
    file = site.state / "witness" / "asterisk.tsv"
    aside = file.with_name("aside")
    file.rename(aside)
    os.mkfifo(file)
    await phones.desk(site.accounts[0])
    for _ in range(3):
        caller = await phones.call(Dialling(hang_up_ms=50))
        assert (await caller.result()).is_answered
    calls = [await site.new_call(after, number=number) for number in (1, 2, 3)]
    for call in calls:
        await site.story(call)
    written = await _drained(file, calls)
    file.unlink()
    aside.rename(file)
    with file.open("a", encoding="utf-8") as whole:
        whole.write(written)
    assert site.siaga_json("journal", "reconcile", "--settled", "0")["differences"] == []


async def _drained(pipe: Path, calls: list[str]) -> str:
    """All that Asterisk has kept for a pipe: the calls are over, and whatever has a beginning has an end."""
    descriptor, found = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), b""

    def is_all() -> bool:
        nonlocal found
        with contextlib.suppress(BlockingIOError):
            found += os.read(descriptor, 1 << 16)
        over = all(f"\tHANGUP\t{call}\t".encode() in found for call in calls)
        return over and found.count(b"\tCHAN_START\t") == found.count(b"\tHANGUP\t")

    try:
        await eventually(is_all, seconds=10, what="all lines")
    finally:
        os.close(descriptor)
    return found.decode()


async def test_it_runs_by_itself(watched_site: Site, phones: Phones) -> None:
    """An hour after the last comparison the tables' keeper makes the next one, and leaves its result."""
    site = watched_site
    await phones.desk(site.accounts[0])
    caller = await phones.call(Dialling(hang_up_ms=100))
    assert (await caller.result()).is_answered
    file, now = site.state / "witness" / "result.json", datetime.now(UTC)
    file.write_text(json.dumps({"at": (now - timedelta(hours=1)).isoformat()}), encoding="utf-8")
    pid = site.process("ari_app.tables")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: json.loads(file.read_text())["at"] > now.isoformat(), seconds=20, what="a result")
    found = json.loads(file.read_text())
    assert (found["trouble"], found["differences"]) == (None, [])
    assert found["recent"] > 0
