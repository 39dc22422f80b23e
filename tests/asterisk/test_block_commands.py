"""``siaga block`` while the application runs: it does the work, and tells everything with the supervisor's name."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from scripts.phones import Phones
from tests.asterisk.site import Site

pytestmark = pytest.mark.anyio

NUMBER = "+6281260000001"


def done(site: Site, *arguments: str, code: int = 0) -> str:
    """What a command printed; it ended with this code."""
    found = site.siaga("block", *arguments)
    assert found.returncode == code, (found.stdout, found.stderr)
    return found.stdout + found.stderr


async def test_block_unblock_and_look(site: Site) -> None:
    after = site.head()
    assert f"{NUMBER} is blocked" in done(site, "add", "081260000001", "--note", "Surat 12")
    assert "already" in done(site, "add", NUMBER, code=1)
    found = site.siaga_json("block", "check", "6281260000001")
    assert (found["number"], found["blocked"], found["marks"], found["note"]) == (NUMBER, True, 0, "Surat 12")
    assert NUMBER in {each["number"] for each in site.siaga_json("block", "list")}
    done(site, "remove", NUMBER)
    assert site.siaga_json("block", "check", NUMBER)["blocked"] is False
    told = [(each.actor.partition(":")[0], each.action) for each in site.records(after=after)]
    told = [each for each in told if each[0] != "system"]  # that it has started may reach the disk only now
    assert told == [("supervisor", "number.blocked"), ("supervisor", "number.unblocked")]
    history = site.siaga_json("block", "show", NUMBER)["history"]
    assert [each["action"] for each in history] == ["number.blocked", "number.unblocked"]


async def test_a_call_that_is_over_is_marked_and_unmarked(site: Site, phones: Phones) -> None:
    after = site.head()
    caller = await phones.citizen(number="081260000002")
    await asyncio.sleep(0.5)
    await caller.hang_up()
    call = await site.new_call(after)
    await site.story(call)
    assert "is marked." in done(site, "mark", call)
    assert "already" in done(site, "mark", call, code=1)
    assert site.siaga_json("block", "check", "081260000002")["marks"] == 1
    done(site, "unmark", call, "--reason", "salah")
    assert site.siaga_json("block", "check", "081260000002")["marks"] == 0


async def test_import_with_bad_lines(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    lines = [f"0812700{number:05d},Surat" for number in range(2500)]
    file.write_text("number,note\n" + "\n".join([*lines[:9], "kosong", *lines[9:]]) + "\n", encoding="utf-8")
    said = done(site, "import", str(file), "--dry-run", code=1)
    assert "2500 numbers would be blocked" in said
    after = site.head()
    said = done(site, "import", str(file), code=1)
    assert "2500 numbers are blocked, 0 blocked already or there twice, 1 bad line." in said
    assert "line 11: 'kosong' is no telephone number" in said
    assert len(site.records(after=after)) == 2500
    assert site.siaga_json("block", "check", "081270002499")["blocked"] is True
