"""The guard: callers whom no application serves are back with the desks within 5 s, launcher or no launcher."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest

from scripts.guard import OWNERLESS_SECONDS
from scripts.phones import Phones
from tests.asterisk.site import REPO, Site, assert_complete, eventually, in_fallback

pytestmark = pytest.mark.anyio

RETURNED_WITHIN = 5.0


async def test_with_the_application_alive_it_never_acts(fragile_site: Site, fragile_phones: Phones) -> None:
    """A caller waits for twice as long as the guard does for an application."""
    site, after = fragile_site, fragile_site.head()
    caller = await fragile_phones.call()
    call = await site.new_call(after)
    await site.told(call, "call.queued")
    await anyio.sleep(2 * OWNERLESS_SECONDS)
    assert not in_fallback(site, call)
    assert (site.state / "log" / "guard.log").read_text() == ""
    await caller.hang_up()
    await caller.result()
    assert_complete(await site.story(call))


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "frozen"])
async def test_no_application_comes(fragile_site: Site, fragile_phones: Phones, sent: signal.Signals) -> None:
    """The launcher stands still, so nobody starts the application again, or kills it: the guard alone sees to it."""
    site, after = fragile_site, fragile_site.head()
    await eventually(site.connected, seconds=10, what="the application serves")
    caller = await fragile_phones.call()
    call = await site.new_call(after)
    await site.told(call, "call.queued")
    pid, launcher = site.application(), site.launcher
    assert pid is not None
    assert launcher is not None
    launcher.send_signal(signal.SIGSTOP)
    try:
        struck = time.monotonic()
        os.kill(pid, sent)
        await eventually(lambda: in_fallback(site, call), seconds=RETURNED_WITHIN, what="the caller is given back")
        assert time.monotonic() - struck < RETURNED_WITHIN
        desk = await fragile_phones.desk(site.accounts[0])
        await desk.answered(seconds=10)
    finally:
        launcher.send_signal(signal.SIGCONT)
    await site.replaced(pid, seconds=5)
    await caller.hang_up()
    await caller.result()
    story = await site.story(call)
    assert_complete(story)
    assert story[-1].data["outcome"] == "fallback"
    assert "1 callers ring every desk" in (site.state / "log" / "guard.log").read_text()
    (site.state / "log" / "guard.log").write_text("")


def test_it_shares_nothing_with_the_application() -> None:
    """It runs on Python alone, without our code and our packages, and can be read in one sitting."""
    program = REPO / "scripts" / "guard.py"
    assert len(program.read_text().splitlines()) < 200
    loaded = "import runpy, sys; runpy.run_path(sys.argv[1]); print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", loaded, program], capture_output=True, text=True, check=True, cwd=Path("/")
    ).stdout.split()
    ours = {name.partition(".")[0] for name in said} & {"ari_app", "cli", "scripts", "aiohttp", "anyio", "msgspec"}
    assert not ours


def test_what_keeps_it_from_working_is_said(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", REPO / "scripts" / "guard.py", "--state", tmp_path, "--now"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr
    assert "Traceback" not in done.stderr
