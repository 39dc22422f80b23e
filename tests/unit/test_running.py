"""Both programs end without waiting for a broker that gives no answer."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from ari_app.publish import LAST_SECONDS
from scripts.stack.family import WITH_US
from tests.unit.cli_site import REPO, CliSite, story

AN_AGE = 15.0
"""The launcher would end the application by then."""

SLOW_MACHINE = 2.0

HELD = """
import sys, threading
from paho.mqtt.client import Client

def connect(*_given, **_named):
    print("connecting\\n", end="", flush=True)  # in one piece: two threads do it
    threading.Event().wait()

Client.connect = connect
from {module} import main

sys.exit(main())
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    return CliSite(tmp_path / "state", monkeypatch, capfd)


@pytest.mark.parametrize(("module", "patience"), [("ari_app.program", 0.0), ("ari_app.publish", LAST_SECONDS)])
def test_a_connection_that_is_being_made_holds_nobody_up(site: CliSite, module: str, patience: float) -> None:
    site.tell(story("1.1"))
    code = HELD.format(module=module)
    command = [*WITH_US, sys.executable, "-c", code, "--state", str(site.state.root)]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == "connecting\n"
            began = time.monotonic()
            program.terminate()
            assert program.wait(AN_AGE) == 0
            assert time.monotonic() - began < patience + SLOW_MACHINE
        finally:
            program.kill()
