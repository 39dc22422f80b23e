"""``siaga watch`` in a real terminal of 80 columns, against a real broker."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial

import anyio
import pytest

from tests.asterisk.newsroom import Newsroom, begin_call
from tests.asterisk.site import REPO, eventually

pytestmark = pytest.mark.anyio


class Terminal:
    """A terminal in which a command runs, by tmux."""

    def __init__(self, command: str, environment: dict[str, str]) -> None:
        self._server = f"siaga-{secrets.token_hex(4)}"
        shell = f"trap : INT; {command}; echo ended with $?; sleep 600"
        self._tmux("-u", "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", shell, environment=environment)

    def lines(self) -> list[str]:
        return self._tmux("capture-pane", "-p").splitlines()

    def press(self, key: str) -> None:
        self._tmux("send-keys", key)

    def shows(self, text: str) -> bool:
        return any(text in line for line in self.lines())

    def close(self) -> None:
        self._tmux("kill-server")

    def _tmux(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._server, *arguments],
            env={**os.environ, "LC_ALL": "C.UTF-8", **(environment or {})},
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
        return done.stdout


@pytest.fixture(autouse=True)
def published(newsroom: Newsroom) -> None:
    newsroom.start_publisher()


@pytest.fixture
async def terminal(newsroom: Newsroom) -> AsyncIterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    made = Terminal(
        f"{sys.executable} -m cli watch", {"SIAGA_STATE": str(newsroom.state.root), "PYTHONPATH": str(REPO)}
    )
    yield made
    made.close()


async def shows(terminal: Terminal, text: str, *, seconds: float = 10) -> None:
    await eventually(lambda: terminal.shows(text), seconds=seconds, what=f"{text!r} on {terminal.lines()}")


async def test_the_floor_on_a_terminal(newsroom: Newsroom, terminal: Terminal) -> None:
    await shows(terminal, "Waiting (0)")
    await shows(terminal, "THE APPLICATION IS NOT THERE")
    newsroom.tell("desk.registered", actor="asterisk", desk="1001")
    begin_call(newsroom, "17.1")
    await shows(terminal, "Waiting (1)")
    await shows(terminal, "0:02  +6281234567890")
    newsroom.tell("call.answered", "17.1", actor="operator:11111", desk="1001", operator="11111")
    newsroom.tell("call.classified", "17.1", actor="operator:11111", kind="valid")
    await shows(terminal, "Waiting (0)")
    await shows(terminal, "talking      1001  valid")
    await shows(terminal, "Today: 1 call, 1 answered, 1 (100 %) within 10 s")
    lines = terminal.lines()
    assert len(lines) <= 24
    assert all(len(line) <= 80 for line in lines)
    newsroom.tell("call.ended", "17.1", actor="caller", by="caller", outcome="answered")
    await shows(terminal, "Calls (0)")


@pytest.mark.quiet
async def test_it_is_redrawn_within_half_a_second(newsroom: Newsroom, terminal: Terminal) -> None:
    """From the fact told to the journal to the words on the terminal; in the middle of many, as one may be unlucky."""
    begin_call(newsroom, "17.1")
    newsroom.tell("call.answered", "17.1", actor="operator:11111", desk="1001", operator="11111")
    await shows(terminal, "talking      1001")
    took: list[float] = []
    for action, text in [("call.held", "held         1001"), ("call.resumed", "talking      1001")] * 10:
        told = anyio.current_time()
        newsroom.tell(action, "17.1", actor="operator:11111", desk="1001")
        await eventually(partial(terminal.shows, text), seconds=10, what=text, every=0.01)
        took.append(anyio.current_time() - told)
    assert statistics.median(took) < 0.5, took


async def test_the_link_is_lost_and_comes_back(newsroom: Newsroom, terminal: Terminal) -> None:
    """What ended meanwhile is not on the new screen."""
    begin_call(newsroom, "17.1")
    await shows(terminal, "+6281234567890")
    newsroom.kill_broker()
    await shows(terminal, "LINK LOST, what is shown is old")
    assert terminal.shows("+6281234567890")
    newsroom.tell("call.ended", "17.1", actor="caller", by="caller", outcome="abandoned")
    newsroom.start_broker()
    await shows(terminal, "Waiting (0)", seconds=20)
    await eventually(lambda: not terminal.shows("LINK LOST"), seconds=10, what="it is well")


async def test_nobody_publishes(newsroom: Newsroom, terminal: Terminal) -> None:
    await shows(terminal, "Waiting (0)")
    await eventually(lambda: not terminal.shows("STANDS STILL"), seconds=10, what="somebody publishes")
    newsroom.kill_publisher()
    await shows(terminal, "STANDS STILL")


async def test_the_end_leaves_the_terminal_as_it_was(newsroom: Newsroom, terminal: Terminal) -> None:
    await shows(terminal, "Waiting (0)")
    terminal.press("C-c")
    await shows(terminal, "ended with 130")
    assert not terminal.shows("Waiting")
    assert not terminal.shows("Traceback")


async def siaga(newsroom: Newsroom, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "SIAGA_STATE": str(newsroom.state.root)}
    return await anyio.run_process([sys.executable, "-m", "cli", *arguments], cwd=REPO, env=environment, check=False)


async def test_once_and_for_programs(newsroom: Newsroom) -> None:
    begin_call(newsroom, "17.1")
    async with newsroom.subscriber("uji") as client:
        await client.subscribe("siaga110/calls/17.1", qos=1)
        with anyio.fail_after(10):
            await anext(client.messages)
    done = await siaga(newsroom, "watch")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"+6281234567890" in done.stdout
    assert b"\x1b" not in done.stdout
    found = json.loads((await siaga(newsroom, "watch", "--json")).stdout)
    assert [call["id"] for call in found["calls"]] == ["17.1"]
    assert found["publisher"]["state"] == "online"
    assert found["unread"] == []
    newsroom.kill_broker()
    done = await siaga(newsroom, "watch", "--once")
    assert done.returncode == 1
    assert done.stderr.startswith(b"siaga: the broker at ")
    assert done.stderr.count(b"\n") == 1
