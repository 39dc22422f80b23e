"""The phone's own transfer key, in either of its two calls (SOP V.6 and V.7)."""

from __future__ import annotations

import pytest

from scripts.phones import HandsetCall, Phones
from tests.asterisk.site import Site, actions, assert_complete
from tests.asterisk.talk import (
    CALLER_HZ,
    OTHER_HZ,
    POLRES_HZ,
    Talk,
    begin_talk,
    hear_each_other,
    join_two_calls,
    longest_silence,
    moment,
)

pytestmark = pytest.mark.anyio


async def _polres_has_the_caller(site: Site, now: Talk, at_polres: HandsetCall, began: float) -> None:
    """They hear each other, nothing was silent for a second, and the whole story was told."""
    await hear_each_other((now.caller, CALLER_HZ), (at_polres, POLRES_HZ))
    assert longest_silence(now.caller.audio, began, moment()) < 1.0
    await at_polres.hang_up()
    await now.caller.ended()
    story = await site.story(now.call)
    assert_complete(story)
    assert "call.transfer_answered" in actions(story)


async def test_blind_transfer_by_the_phone(sop_site: Site, sop_phones: Phones) -> None:
    """The phone's own transfer key does what *2PP# does; the operator leaves with it."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    polres = await phones.handset(site.sample.polres[0], hz=POLRES_HZ, answers=0.5)
    began = moment()
    assert await now.polda.blind_transfer("201") == 200
    at_polres = await polres.rung()
    await at_polres.answered()
    await _polres_has_the_caller(site, now, at_polres, began)


@pytest.mark.parametrize("is_first", [True, False])
async def test_attended_transfer_by_the_phone(sop_site: Site, sop_phones: Phones, *, is_first: bool) -> None:
    """The operator holds, calls the Polres on a second line, and joins the two: some phones ask in the second."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    polres = await phones.handset(site.sample.polres[0], hz=POLRES_HZ, answers=0.2)
    began = moment()
    at_polres = await join_two_calls(now.polda, now.desk, polres, "201", is_first=is_first)
    await _polres_has_the_caller(site, now, at_polres, began)


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_polres_joins_its_two_calls(sop_site: Site, sop_phones: Phones, *, is_first: bool) -> None:
    """Whoever is not the first with the caller is so in a bridge that mixes: of that Asterisk names no other party."""
    site, phones = sop_site, sop_phones
    now = await begin_talk(site, phones)
    polres = await phones.handset(site.sample.polres[0], hz=POLRES_HZ, answers=0.2)
    other = await phones.handset(site.accounts[1], hz=OTHER_HZ, answers=0.2)
    await now.polda.press("*201#")
    at_polres = await polres.rung()
    await hear_each_other((now.caller, CALLER_HZ), (at_polres, POLRES_HZ))
    at_other = await join_two_calls(at_polres, polres, other, site.accounts[1][0], is_first=is_first)
    await hear_each_other((now.caller, CALLER_HZ), (at_other, OTHER_HZ))
    await at_other.hang_up()
    await now.caller.ended()
    assert_complete(await site.story(now.call))
