"""The launcher: what it refuses, how it ends, and what a violent end leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from scripts.phones import Dialling
from scripts.stack import family
from scripts.stack.prepare import DEPS
from scripts.stack.sample import HOST
from tests.asterisk.site import REPO, Site, alive, assert_complete, children, eventually

pytestmark = pytest.mark.anyio

SLOW = "25.110"
"""Seconds, as an argument that no other process has."""


def refusal(*options: str) -> str:
    """What the launcher says when it refuses to start: one line, and an exit code that is not 0."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts.stack", *options],
        cwd=REPO, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode != 0, done.stdout
    assert "READY" not in done.stdout
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("[queue]", "[queue", ""),
        ("ring_seconds = 2", 'ring_seconds = "dua"', "ring_seconds"),
        ("ring_seconds = 2", "ring_second = 2", "ring_second"),
        ('extension = "1002"', 'extension = "1001"', "1001"),
        ('unit = "polda"', 'unit = "99"', "99"),
        ('timezone = "Asia/Jakarta"', 'timezone = "Asia/Atlantis"', "timezone"),
    ],
    ids=["not toml", "wrong type", "unknown key", "duplicate extension", "unknown unit", "unknown time zone"],
)
def test_malformed_configuration(make_site: Callable[[], Site], old: str, new: str, word: str) -> None:
    """One sentence with the file and the key; nothing is written."""
    site = make_site()
    site.config.write_text(site.text.replace(old, new, 1), encoding="utf-8")
    said = refusal(*site.options())
    assert "siaga.toml" in said
    assert word in said
    assert not (site.state / "journal.sqlite3").exists()


def test_missing_configuration(make_site: Callable[[], Site]) -> None:
    """A configuration that is asked for and not there is named."""
    site = make_site()
    site.config.unlink()
    assert "siaga.toml" in refusal(*site.options())


@pytest.mark.parametrize("which", ["sip", "http", "mqtt"])
def test_port_in_use(make_site: Callable[[], Site], which: str) -> None:
    """The sentence names the port."""
    site = make_site()
    kind, port = {
        "sip": (socket.SOCK_DGRAM, site.sip[1]),
        "http": (socket.SOCK_STREAM, site.http),
        "mqtt": (socket.SOCK_STREAM, site.mqtt),
    }[which]
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind((HOST, port))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        assert str(port) in refusal(*site.options())


def test_state_in_use(site: Site) -> None:
    """A second start on a state directory that is in use is refused, and the first one goes on."""
    assert str(site.state) in refusal(*site.options())
    assert site.connected()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_state(make_site: Callable[[], Site]) -> None:
    """A state directory without permission."""
    site = make_site()
    site.state.mkdir(mode=0o500)
    assert str(site.state) in refusal(*site.options())


def test_impossible_state(make_site: Callable[[], Site], tmp_path: Path) -> None:
    """A state directory that cannot be made, not even by root: below a file."""
    site = make_site()
    (tmp_path / "file").write_text("")
    site.state = tmp_path / "file" / "state"
    assert str(tmp_path / "file") in refusal(*site.options())


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("after", [0.15, 0.5, 1.0])
async def test_a_signal_while_it_starts(make_site: Callable[[], Site], sent: signal.Signals, after: float) -> None:
    """It ends quietly with 0, at whatever point of the start, and leaves no process."""
    site = make_site()
    launcher = site.launch()
    await asyncio.sleep(after)  # points of the start, not something to wait for
    started = children(launcher.pid)
    launcher.send_signal(sent)
    assert launcher.wait(20) == 0, site.output
    assert "Traceback" not in "\n".join(site.output)
    await eventually(lambda: not any(map(alive, started)), seconds=5, what="nobody is left")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_who_still_speaks_a_sentence_ends_as_well(
    make_site: Callable[[], Site], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: signal.Signals
) -> None:
    """What the launcher starts before the instance, as espeak-ng, does not outlive it either."""
    monkeypatch.setenv("SIAGA_DEPS", str(with_slow_speaker(tmp_path / "deps")))
    site = make_site()
    launcher = site.launch()
    await eventually(lambda: family.find(launcher.pid, SLOW), seconds=20, what="a sentence is being spoken")
    speakers = [pid for pid in children(launcher.pid) if SLOW in family.command_line(pid)]
    launcher.send_signal(sent)
    assert launcher.wait(20) == (-sent if sent is signal.SIGKILL else 0), site.output
    await eventually(lambda: not any(map(alive, speakers)), seconds=5, what="nobody speaks")


def with_slow_speaker(deps: Path) -> Path:
    """What is installed, but with an espeak-ng that takes its time."""
    (deps / "bin").mkdir(parents=True)
    for installed in [*DEPS.iterdir(), *(DEPS / "bin").iterdir()]:
        target = deps / installed.relative_to(DEPS)
        if not target.exists():
            target.symlink_to(installed)
    speaker = deps / "bin" / "espeak-ng"
    speaker.unlink()
    speaker.write_text(f"#!/bin/sh\nexec sleep {SLOW}\n")
    speaker.chmod(0o755)
    return deps


def test_damaged_tables_keep_nobody_from_calling(make_site: Callable[[], Site]) -> None:
    """They are moved aside and folded anew from the journal; it is said."""
    site = make_site()
    site.state.mkdir()
    (site.state / "siaga.sqlite3").write_bytes(b"no database at all" * 1000)
    site.start()
    assert any("WARNING" in line and "damaged" in line for line in site.output)
    assert site.siaga_json("calls", "list") == []
    site.stop()


def test_a_refused_start_leaves_nothing_behind(make_site: Callable[[], Site]) -> None:
    site = make_site()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind((HOST, site.http))
        taken.listen()
        refusal(*site.options())
    assert not site.state.exists()


def test_an_emptied_journal_is_not_taken_for_a_new_one(make_site: Callable[[], Site]) -> None:
    site = make_site()
    (site.state / "recordings").mkdir(parents=True)
    (site.state / "recordings" / "1.0.wav").touch()
    (site.state / "journal.sqlite3").touch()
    assert "journal.sqlite3 is empty" in refusal(*site.options())


def test_a_database_that_cannot_be(make_site: Callable[[], Site]) -> None:
    """The sentence names the key."""
    site = make_site()
    site.config.write_text(site.text + '\n[database]\nurl = "oracel://x/y"\n', encoding="utf-8")
    said = refusal(*site.options())
    assert "database.url" in said
    assert "siaga.toml" in said


async def test_sigterm_and_again(make_site: Callable[[], Site], tmp_path: Path) -> None:
    """SIGTERM ends it with 0 and leaves no process; the next start on the same state serves and has lost nothing."""
    site = make_site()
    site.start(speaks=True)
    site.stop()
    site.start()
    async with site.phones(tmp_path / "phones") as phones:
        await phones.desk(site.accounts[0])
        caller = await phones.call(Dialling(hang_up_ms=50))
        assert (await caller.result()).is_answered
        assert_complete(await site.story(await site.new_call(0)))
    before = site.records()
    site.stop()
    assert [record.hash for record in site.records()][: len(before)] == [record.hash for record in before]
    assert site.siaga("journal", "verify").returncode == 0


async def test_killed_launcher_leaves_nothing_and_a_stale_state_starts(
    make_site: Callable[[], Site], tmp_path: Path
) -> None:
    """kill -9 in a talk: all children die too, and the same state starts again with the story complete."""
    site = make_site()
    site.start()
    async with site.phones(tmp_path / "phones1") as phones:
        await phones.desk(site.accounts[0])
        caller = await phones.call()
        await caller.answered()
        call = await site.new_call(0)
        await site.told(call, "call.answered")
        assert site.launcher is not None
        started = children(site.launcher.pid)
        assert len(started) >= 3
        os.kill(site.launcher.pid, signal.SIGKILL)
        site.launcher.wait()
        site.launcher = None
        await eventually(lambda: not any(map(alive, started)), seconds=5, what="all children are dead")
    site.start()
    story = await site.story(call)
    assert_complete(story)
    assert site.siaga("journal", "verify").returncode == 0
    async with site.phones(tmp_path / "phones2") as phones:
        await phones.desk(site.accounts[0])
        caller = await phones.call(Dialling(hang_up_ms=50))
        assert (await caller.result()).is_answered
    site.stop()


def _another(site: Site, name: str, pid: int) -> bool:
    return site.process(name) not in {None, pid}


async def test_children_are_restarted(make_site: Callable[[], Site], tmp_path: Path) -> None:
    """Asterisk and the broker come back when they die, and 110 is served again."""
    site = make_site()
    site.start()
    for name in ("mosquitto", "asterisk"):
        pid = site.process(name)
        assert pid is not None, name
        os.kill(pid, signal.SIGKILL)
        await eventually(partial(_another, site, name, pid), seconds=10, what=f"{name} is back")
    await eventually(site.connected, seconds=20, what="the application is connected again")
    async with site.phones(tmp_path / "phones") as phones:
        await phones.desk(site.accounts[0])
        caller = await phones.call(Dialling(hang_up_ms=50))
        assert (await caller.result()).is_answered
    site.stop()
