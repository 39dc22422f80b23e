"""Many calls, and nothing is left of them but their stories."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from scripts.phones import Behaviour, Dialling, Phones
from tests.asterisk.site import Site, eventually

pytestmark = [pytest.mark.anyio, pytest.mark.quiet]

CALLS = 500


@pytest.mark.timeout(180)
async def test_five_hundred_calls(big_site: Site, big_phones: Phones) -> None:
    """500 calls at 20 a second: all answered, no channel or bridge left, exactly 500 complete stories."""
    site, after = big_site, big_site.head()
    application = site.application()
    await big_phones.desk(site.accounts[:40], Behaviour.answers())
    result = await big_phones.load(
        Dialling(number="0812[call_number]", hang_up_ms=50), count=CALLS, rate=20, seconds=90
    )
    assert result.failed == 0
    assert result.answered == CALLS
    await site.quiet()

    def ended() -> int:
        return sum(record.action == "call.ended" for record in site.records(after=after))

    await eventually(lambda: ended() == CALLS, seconds=10, what="500 ended calls in the journal", every=0.2)
    told = Counter((record.call, record.action) for record in site.records(after=after) if record.call)
    assert len({call for call, _ in told}) == CALLS
    for action in ("call.received", "call.answered", "call.ended"):
        assert sum(count for (_, name), count in told.items() if name == action) == CALLS
    assert max(told.values()) == 1
    assert site.siaga("journal", "verify").returncode == 0
    assert site.application() == application, "the application was restarted"
    assert application is not None
    assert len(list(Path(f"/proc/{application}/fd").iterdir())) < 100
