"""The link between application and Asterisk stands still, or is cut: as if the application were frozen."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from scripts.faults.proxy import Link, open_link
from scripts.phones import Dialling
from scripts.stack.sample import HOST
from tests.asterisk.radio import FIRST_HZ, OFFICER_HZ, VOX, RadioSite, on_net, silent
from tests.asterisk.site import Site, assert_complete, eventually, in_fallback
from tests.asterisk.talk import CALLER_HZ, POLDA_HZ, hear_each_other

pytestmark = [pytest.mark.anyio, pytest.mark.quiet]

SERVED_AGAIN_WITHIN = 2.0
ANSWERED_WITHIN_MS = 1_200
RINGS_AGAIN_SECONDS = 2.0
"""A desk whose leg ended as it was answered is rung again so much later, where there is no other one."""


@asynccontextmanager
async def through_a_proxy(site: Site) -> AsyncIterator[Link]:
    """The application's next start goes through it; nobody else does."""
    config, pid = site.state / "siaga.toml", site.application()
    assert pid is not None
    async with open_link((HOST, site.http)) as link:
        config.write_text(site.text.replace(f":{site.http}", f":{link.port}"))
        os.kill(pid, signal.SIGTERM)
        await site.replaced(pid, seconds=10)
        config.write_text(site.text)
        yield link


@pytest.mark.parametrize("how", ["stall", "cut"])
async def test_link(make_site: Callable[[], Site], tmp_path: Path, how: str) -> None:
    """Callers who wait ring every desk within 2 s, a new one is answered in time, and a new application serves."""
    site = make_site()
    site.start()
    async with through_a_proxy(site) as proxy, site.phones(tmp_path / "phones") as phones:
        waiter = await phones.call()
        waiting = await site.new_call(0)
        await site.told(waiting, "call.queued")
        pid = site.application()
        assert pid is not None
        getattr(proxy, how)()
        await eventually(lambda: in_fallback(site, waiting), seconds=SERVED_AGAIN_WITHIN, what="the caller is served")
        await phones.desk(site.accounts[0])
        newcomer = await phones.call(Dialling(hang_up_ms=100))
        result = await newcomer.result()
        assert result.answered_ms is not None
        assert result.answered_ms < ANSWERED_WITHIN_MS
        await site.replaced(pid, seconds=5)
        await waiter.answered(seconds=10)
        await waiter.hang_up()
        await waiter.result()
        assert_complete(await site.story(waiting))
    site.stop()


async def test_a_desk_answers_while_the_link_is_broken(make_site: Callable[[], Site], tmp_path: Path) -> None:
    """Asterisk ends a leg that is answered while nobody has the application's name: the desk rings again, at once."""
    site = make_site()
    site.start()
    async with through_a_proxy(site) as proxy, site.phones(tmp_path / "phones") as phones:
        desk = await phones.handset(site.accounts[0], hz=POLDA_HZ)
        caller = await phones.citizen(hz=CALLER_HZ)
        polda, pid = await desk.rung(), site.application()
        call = await site.new_call(0)
        proxy.cut()
        await polda.answer()
        proxy.mend()

        async def answer_again() -> None:
            await (await desk.rung(count=2)).answer()

        again = asyncio.create_task(answer_again())
        await caller.answered(seconds=RINGS_AGAIN_SECONDS + SERVED_AGAIN_WITHIN)
        (talking,) = desk.talking
        await hear_each_other((caller, CALLER_HZ), (talking, POLDA_HZ))
        again.cancel()
        assert site.application() == pid
        await caller.hang_up()
        await talking.ended()
        assert_complete(await site.story(call))
    site.stop()


def is_reached(site: Site, net: str) -> bool:
    """Whether the gateway's line is up."""
    return any(record.action == "radio.gateway_up" and record.data["net"] == net for record in site.records())


async def test_an_officer_talks_on_while_the_link_breaks(tmp_path: Path) -> None:
    """The application finds Asterisk again, and nobody can talk over them: it is one transmission."""
    site = RadioSite(tmp_path, longest=30)
    try:
        site.start()
        async with through_a_proxy(site) as proxy, site.phones(tmp_path / "phones") as phones:
            gateway = await phones.gateway(site.sample.gateway, 5070)
            # Not only answered: that may still be the call of the application before this one.
            await eventually(lambda: is_reached(site, VOX), seconds=40, what="the gateway is reached")
            air, pid = gateway.audio_of(VOX), site.application()
            call = await on_net(site, phones, 0, FIRST_HZ)
            after = site.head()
            air.play(OFFICER_HZ)
            await call.audio.wait_to_hear(OFFICER_HZ, for_seconds=0.2)
            for _ in range(2):
                proxy.end()
                await asyncio.sleep(2)
                await call.press("5")
                assert await silent(air)
            assert [record.action for record in site.radio(after)] == ["radio.keyed"]
            air.play(0.0)
            await site.released(after, "silent")
            assert site.application() == pid
        site.stop()
    finally:
        site.clean_up()
