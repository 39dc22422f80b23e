"""``siaga instructions``: what the Perwira Piket ordered is part of the call's story (SOP VII.b)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.domain.facts import Fact
from ari_app.store.journal import read
from tests.unit.cli_site import CliSite, story

CALL, OTHER, TICKET = "1738285323.12", "1738285399.13", "110-20250131-0001"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    monkeypatch.setenv("SIAGA_SUPERVISOR", "budi")
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    site.tell([*story(CALL), Fact("desk:1001", "complaint.opened", CALL, {"ticket": TICKET}), *story(OTHER)])
    return site


def test_an_order_on_a_complaint_and_one_on_a_call(site: CliSite) -> None:
    site.run("instructions", "add", TICKET, "Kirim dua  unit\nke TKP", "--from", "AKP Harahap")
    site.run("instructions", "add", OTHER, "Hubungi lagi")
    second, first = site.run("instructions", "list", "--json").json()
    assert (first["call"], first["ticket"], first["text"], first["officer"], first["actor"]) == (
        CALL, TICKET, "Kirim dua unit ke TKP", "AKP Harahap", "supervisor:budi",
    )  # fmt: skip
    assert (second["call"], second["ticket"], second["officer"]) == (OTHER, None, None)
    for which in (TICKET, CALL):
        assert [each["call"] for each in site.run("instructions", "list", which, "--json").json()] == [CALL]
    assert len(site.run("instructions", "list", "--today", "--json").json()) == 2
    assert len(site.run("instructions", "list", "-n", "1", "--json").json()) == 1
    for shown in (("calls", "show", CALL), ("complaints", "show", TICKET), ("instructions", "list")):
        text = site.run(*shown).out
        assert "AKP Harahap" in text
        assert "Kirim dua unit ke TKP" in text
    told = [each for each in read(site.state.journal) if each.action == "instruction.added"]
    assert [each.call for each in told] == [CALL, OTHER]


def test_only_todays(site: CliSite) -> None:
    long_ago = story(CALL)[0].at
    site.tell([Fact("supervisor:x", "instruction.added", CALL, {"text": "lama"}, long_ago)])
    assert site.run("instructions", "list", "--today").out == "No instructions.\n"
    assert "lama" in site.run("instructions", "list").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("110-20250131-0009", "x"), "no complaint"),
        (("no-such-call", "x"), "no call"),
        ((CALL, "  "), "no text"),
        ((CALL, "x" * 1001), "1000 characters"),
        ((CALL, "\x1b[31m"), "printable"),
        ((CALL, "x", "--from", "y" * 81), "80 characters"),
    ],
)
def test_refused(site: CliSite, arguments: tuple[str, ...], said: str) -> None:
    assert said in site.run("instructions", "add", *arguments).refused()
    assert not [each for each in read(site.state.journal) if each.action == "instruction.added"]


def test_of_what_is_not_there(site: CliSite) -> None:
    for which in ("110-20250131-0009", "no-such-call"):
        assert "no call or complaint" in site.run("instructions", "list", which).refused()
