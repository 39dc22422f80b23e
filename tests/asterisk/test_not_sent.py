"""What nobody of ours reads, Asterisk does not even make (``stasis.conf``): it would cost every call processor time."""

from __future__ import annotations

import aiohttp
import anyio
import pytest

from scripts.phones import Behaviour, Dialling, Phones
from scripts.stack.sample import HOST
from tests.asterisk.site import Site

pytestmark = pytest.mark.anyio


async def test_no_variable_is_a_message(site: Site, phones: Phones) -> None:
    """Who subscribes to everything hears of a whole call, and nothing of the variables that are set in it."""
    await site.quiet()
    heard: set[str] = set()
    ours = {"Authorization": aiohttp.encode_basic_auth("siaga110", site.ari_password())}
    everything = f"http://{HOST}:{site.http}/ari/events?app=onlooker&subscribeAll=true"
    async with aiohttp.ClientSession(headers=ours) as session, session.ws_connect(everything) as events:
        desk = await phones.desk(site.accounts[0], Behaviour.answers())
        caller = await phones.call(Dialling(hang_up_ms=200))
        await caller.result()
        await desk.ended()
        gone = 0
        with anyio.fail_after(10):
            while gone < 2:
                event = await events.receive_json()
                heard.add(event["type"])
                gone += event["type"] == "ChannelDestroyed"
    assert {"ChannelCreated", "ChannelDialplan", "ChannelStateChange", "ChannelHangupRequest"} <= heard
    assert "ChannelVarset" not in heard
