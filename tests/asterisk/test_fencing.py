"""Two applications with one name: the newer acts, the older stops, and they do not replace each other for ever."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ari_app.standby import GONE_SECONDS
from ari_app.store import journal
from scripts.phones import Dialling
from scripts.stack.family import WITH_US
from tests.asterisk.site import REPO, Site, actions, eventually

pytestmark = pytest.mark.anyio


def another(site: Site, home: Path) -> subprocess.Popen[bytes]:
    """A second application, on a state directory of its own, at the same Asterisk."""
    for folder in ("recordings", "sounds", "log", "run", "asterisk/spool"):
        (home / folder).mkdir(parents=True)
    for name in ("siaga.toml", "secrets.json"):
        shutil.copy(site.state / name, home / name)
    with (home / "log" / "application.log").open("wb") as log:
        return subprocess.Popen(
            [*WITH_US, sys.executable, "-m", "ari_app", "--state", home],
            cwd=REPO, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
        )  # fmt: skip


def events(state: Path) -> list[str]:
    """What an application's log says, by its names."""
    lines = (state / "log" / "application.log").read_text(errors="replace").splitlines()
    return [json.loads(line)["event"] for line in lines if line.startswith("{")]


async def test_two_applications(make_site: Callable[[], Site], tmp_path: Path) -> None:
    """The waiting caller has one owner at any time; when the second one is gone for good, the first one serves."""
    site, other = make_site(), tmp_path / "other"
    site.start()
    async with site.phones(tmp_path / "phones") as phones:
        caller = await phones.call()
        call = await site.new_call(0)
        await site.told(call, "call.queued")
        first = site.application()
        second = another(site, other)
        try:
            await eventually(lambda: "app.on_standby" in events(site.state), seconds=20, what="the first one stands by")
            assert first != site.application()
            assert any("another application serves 110" in line for line in site.output)
            assert events(site.state).count("app.on_standby") == 1
            assert "1 waiting callers" not in "\n".join(site.output), "they are the other one's"
            await eventually(lambda: "app.ready" in events(other), seconds=10, what="the second one serves")
            told = actions(site.records(call=call))

            await phones.desk(site.accounts[0])
            await caller.answered(seconds=10)
            await caller.hang_up()
            await caller.result()
            records = list(journal.read(other / "journal.sqlite3", call=call))
            assert actions(records)[:2] == ["call.received", "call.adopted"]
            assert actions(site.records(call=call)) == told, "the first one tells nothing more of it"

            os.kill(second.pid, signal.SIGKILL)
            await eventually(
                lambda: "app.takes_over" in events(site.state) and site.connected(),
                seconds=GONE_SECONDS + 5, what="the first one serves again",
            )  # fmt: skip
        finally:
            second.kill()
            second.wait()
        caller = await phones.call(Dialling(hang_up_ms=100))
        assert (await caller.result()).is_answered
        assert not (site.state / "run" / "replaced").exists()
    site.stop()
