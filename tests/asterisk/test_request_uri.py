"""What the network may write for 110 in its INVITE: every form of it reaches a desk (SOP V.1)."""

from __future__ import annotations

import pytest

from scripts.phones import Dialling, Phones
from tests.asterisk.site import Site, alone, assert_complete
from tests.asterisk.talk import CALLER_HZ, POLDA_HZ, hear_each_other

pytestmark = pytest.mark.anyio

URIS = [
    "sip:110;phone-context=+62@ims.example;user=phone",
    "sip:110;phone-context=+62;npdi@127.0.0.1",
    "sip:110@ims.example:5061;user=phone",
    "tel:110;phone-context=+62",
]
"""RFC 3966: a short number has a context. Whatever the host is: who calls is known by the address."""


@pytest.mark.parametrize("uri", URIS)
async def test_with_the_application(site: Site, phones: Phones, uri: str) -> None:
    after = site.head()
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ, answers=0.1)
    caller = await phones.citizen(uri, hz=CALLER_HZ)
    await hear_each_other((caller, CALLER_HZ), (await desk.rung(), POLDA_HZ))
    await caller.hang_up()
    story = await site.story(await site.new_call(after))
    assert_complete(story)
    assert story[0].data["dialled"] == "110"


async def test_without_it(fragile_site: Site, fragile_phones: Phones) -> None:
    site = fragile_site
    desk = await fragile_phones.handset(site.accounts[0], hz=POLDA_HZ, answers=0.1)
    async with alone(site):
        for count, uri in enumerate(URIS, 1):
            caller = await fragile_phones.citizen(uri, hz=CALLER_HZ)
            await hear_each_other((caller, CALLER_HZ), (await desk.rung(count=count), POLDA_HZ))
            await caller.hang_up()


async def test_what_stands_behind_a_number_is_no_part_of_it(site: Site, phones: Phones) -> None:
    """Of the caller's number as well, whoever says it."""
    after = site.head()
    await phones.desk(site.accounts[0])
    behind = ";phone-context=+62"
    for count, dialling in enumerate(
        (
            Dialling(number=f"081234567890{behind}", hang_up_ms=50),
            Dialling(number="anonymous", asserted=f"081234567890{behind}", hang_up_ms=50),
        ),
        1,
    ):
        assert (await (await phones.call(dialling)).result()).is_answered
        story = await site.story(await site.new_call(after, number=count))
        assert story[0].data["caller"] == "+6281234567890"


async def test_another_number_is_refused(site: Site, phones: Phones) -> None:
    """From the trunk nothing but 110 can be dialled, whatever stands behind it."""
    for uri in ("sip:201;phone-context=+62@ims.example", "sip:1001;110@127.0.0.1", "tel:1001"):
        assert await (await phones.citizen(uri)).refused() == 404
