"""A desk phone that forwards its calls by itself (302): that leads nowhere, and the caller has the next desk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import pytest

from scripts.phones import Phones
from tests.asterisk.site import Site, alone
from tests.asterisk.talk import CALLER_HZ, OTHER_HZ, hear_each_other

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("to", ["1001", "1002", "300", "*14"])
@pytest.mark.parametrize("is_there", [True, False], ids=["with the application", "without it"])
async def test_a_phone_that_forwards(fragile_site: Site, fragile_phones: Phones, to: str, *, is_there: bool) -> None:
    """To itself, a colleague, a radio net, or a service: nothing of it is dialled, and the next desk rings once."""
    site, phones = fragile_site, fragile_phones
    forwarding = await phones.handset(site.accounts[0], refuses=302)
    desk = await phones.handset(site.accounts[1], hz=OTHER_HZ)
    forwarding.user = to  # what it answers with is its Contact
    async with contextlib.nullcontext() if is_there else alone(site):
        if not is_there:
            pid = site.application()
            assert pid is not None
            os.kill(pid, signal.SIGKILL)  # frozen only, it would keep what is forwarded waiting
            await asyncio.sleep(0.5)
        caller = await phones.citizen(hz=CALLER_HZ)
        other = await desk.rung()
        await asyncio.sleep(0.5)
        assert [each["name"] for each in site.ari("channels") if each["name"].startswith("Local/")] == []
        assert len(desk.calls) == 1
        await other.answer()
        await hear_each_other((caller, CALLER_HZ), (other, OTHER_HZ))
        await caller.hang_up()
        await other.ended()
    forwarding.user = forwarding.name.split()[-1]
