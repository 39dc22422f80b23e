"""`siaga doctor` on an instance that runs: what is well, and what is not when something of it stands still."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request

import pytest

from scripts.phones import Phones
from scripts.stack.sample import HOST
from tests.asterisk.site import Site, eventually

pytestmark = pytest.mark.anyio


def checked(site: Site) -> dict[str, tuple[str, str]]:
    """Result and text of each check."""
    done = site.siaga("doctor", "--json")
    return {each["check"]: (each["result"], each["text"]) for each in json.loads(done.stdout)}


async def test_all_is_well_with_phones_at_every_desk(fragile_site: Site, fragile_phones: Phones) -> None:
    assert checked(fragile_site)["phones"][0] == "failed", "nobody would hear 110"
    for account in fragile_site.accounts:
        await fragile_phones.desk(account)
    await eventually(lambda: checked(fragile_site)["phones"][0] == "ok", seconds=5, what="the phones are seen")
    found = checked(fragile_site)
    of_the_machine = {"disk", "clock"}  # its room, and its time zone, which need not be the site's
    assert {check for check, (result, _) in found.items() if result != "ok"} <= of_the_machine, found
    assert "serves 110" in found["application"][1]


@pytest.mark.quiet
async def test_a_frozen_broker_is_said_soon(fragile_site: Site) -> None:
    broker = fragile_site.process("mosquitto")
    assert broker is not None
    os.kill(broker, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        assert checked(fragile_site)["broker"][0] == "failed"
        assert time.monotonic() - begun < 8
    finally:
        os.kill(broker, signal.SIGCONT)
    await eventually(lambda: checked(fragile_site)["broker"][0] == "ok", seconds=5, what="the broker answers again")


def module(site: Site, method: str) -> None:
    request = urllib.request.Request(f"http://{HOST}:{site.http}/ari/asterisk/modules/app_exec.so", method=method)
    site.authorize(request)
    with urllib.request.urlopen(request, timeout=5):
        pass


async def test_a_module_that_is_missing(fragile_site: Site) -> None:
    module(fragile_site, "DELETE")
    try:
        result, text = checked(fragile_site)["modules"]
        assert (result, "app_exec.so" in text) == ("failed", True)
    finally:
        module(fragile_site, "POST")
    assert checked(fragile_site)["modules"][0] == "ok"
