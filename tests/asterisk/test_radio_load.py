"""Many radio nets at a time: what they cost (SOP VII.d)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.phones import HandsetCall, RadioGateway
from tests.asterisk.radio import OFFICER_HZ
from tests.asterisk.site import Site, eventually, running
from tests.asterisk.talk import moment

pytestmark = [pytest.mark.anyio, pytest.mark.alone]

NETS, LISTENERS = 20, 5
SECONDS = 5.0
PORT = 5070

_NET = """
[[radio]]
net = "{net}"
name = "Jaringan {net}"
gateway = "sip:{net}@{gateway}:5070"
"""


@pytest.fixture
def loaded_site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path, desks=NETS * LISTENERS)
    head, _, tail = site.text.partition("[[radio]]")
    assert tail
    nets = "".join(_NET.format(net=300 + number, gateway=site.sample.gateway) for number in range(NETS))
    site.config.write_text(head + nets, encoding="utf-8")
    yield from running(site)


def processor_seconds(pid: int | None) -> float:
    """How much processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def listen(site: Site, desk: int, net: str, calls: list[HandsetCall], phones: object) -> None:
    handset = await phones.handset(site.accounts[desk], hz=0.0)  # type: ignore[attr-defined]
    call = await handset.dial(net)
    await call.answered(seconds=20)
    calls.append(call)


async def test_twenty_nets_with_speech_on_all_of_them(loaded_site: Site, tmp_path: Path) -> None:
    """Five listeners each, officers on all: one core at most, and everybody hears the officer of their net."""
    site = loaded_site
    async with site.phones(tmp_path / "phones") as phones:
        gateway: RadioGateway = await phones.gateway(site.sample.gateway, PORT)
        nets = [str(300 + number) for number in range(NETS)]
        await eventually(lambda: all(gateway.is_up(net) for net in nets), seconds=40, what="all lines")
        calls: list[HandsetCall] = []
        for number, net in enumerate(nets):
            desks = range(number * LISTENERS, (number + 1) * LISTENERS)
            await asyncio.gather(*(listen(site, desk, net, calls, phones) for desk in desks))
        for net in nets:
            gateway.audio_of(net).play(OFFICER_HZ)
        await asyncio.sleep(2)
        pids = {"Asterisk": site.process("asterisk"), "application": site.application()}
        before, since = {name: processor_seconds(pid) for name, pid in pids.items()}, moment()
        await asyncio.sleep(SECONDS)
        took = moment() - since
        used = {name: (processor_seconds(pid) - before[name]) / took for name, pid in pids.items()}
        assert len(calls) == NETS * LISTENERS
        assert sum(used.values()) < 1.0, used
        heard = [call.audio.hears(OFFICER_HZ, since=since) for call in calls[::LISTENERS]]
        assert min(heard) > SECONDS * 0.8, heard
        print("CPU", used)  # noqa: T201 - the figure of docs/radio.md
