"""What supervisors write down and listen to while the application runs, and the day's report of real calls."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.phones import Phones
from tests.asterisk.site import Site
from tests.asterisk.talk import begin_talk

pytestmark = pytest.mark.anyio


def done(site: Site, *arguments: str, code: int = 0) -> str:
    """What a command printed; it ended with this code."""
    found = site.siaga(*arguments)
    assert found.returncode == code, (found.stdout, found.stderr)
    return found.stdout + found.stderr


async def test_orders_and_recordings_of_a_real_call(site: Site, phones: Phones) -> None:
    """SOP VII.b on a call that lives; its recording is shown, verified and deleted, each in the journal."""
    after = site.head()
    now = await begin_talk(site, phones)
    call = now.call
    done(site, "instructions", "add", call, "Kirim dua unit ke TKP", "--from", "AKP Harahap")
    await now.caller.hang_up()
    story = await site.story(call)
    ticket = next(str(each.data["ticket"]) for each in story if each.action == "complaint.opened")
    done(site, "instructions", "add", ticket, "Laporkan hasilnya")
    ordered = site.siaga_json("instructions", "list", ticket)
    assert [(each["call"], each["ticket"], each["officer"]) for each in ordered] == [
        (call, ticket, None), (call, ticket, "AKP Harahap"),
    ]  # fmt: skip
    path = Path(done(site, "recordings", "path", call).strip())
    assert path.read_bytes()[:4] == b"RIFF"
    assert "is kept" in done(site, "recordings", "delete", "--before", "2999-01-01", "--yes")
    assert path.exists(), "its complaint is open"
    done(site, "complaints", "close", ticket)
    done(site, "recordings", "delete", "--before", "2999-01-01", "--yes")
    assert not path.exists()
    assert "1 deleted" in done(site, "recordings", "verify", call)
    told = [each.action for each in site.records(after=after) if each.call == call]
    wanted = ["instruction.added", "recording.opened", "recording.deleted"]
    assert [action for action in told if action in wanted] == ["instruction.added", *wanted]


async def test_the_days_report(site: Site, phones: Phones) -> None:
    before = site.siaga_json("report", "day")["summary"]
    now = await begin_talk(site, phones)
    await now.caller.hang_up()
    await site.story(now.call)
    summary = site.siaga_json("report", "day")["summary"]
    assert summary["offered"] == before["offered"] + 1
    assert summary["answered_10"] == before["answered_10"] + 1
    assert now.call in done(site, "report", "day", "--calls", "answered_10").split()
