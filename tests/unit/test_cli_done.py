"""What an order came to, for programs: what is answered over MQTT, the same in every language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli_site import CliSite, story

CALL = "1738285323.12"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    site.tell(story(CALL))
    return site


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("block add 081234567890", {"number": "+6281234567890"}),
        (f"block mark {CALL}", {"call": CALL, "living": False, "blocked": False}),
        ("operators add 7001 Rina --pin 1234", {}),
    ],
)
def test_orders_as_json(site: CliSite, arguments: str, expected: dict[str, Any]) -> None:
    answered = site.run(*arguments.split(), "--json", "--lang", "id").json()
    assert {key: answered[key] for key in expected} == expected


def test_an_order_that_is_refused_has_no_json(site: CliSite) -> None:
    site.run("operators", "add", "7001", "Rina", "--pin", "1234")
    done = site.run("operators", "remove", "7009", "--json", "--lang", "id")
    assert done.out == ""
    assert "tidak ada operator 7009" in done.refused()
    assert isinstance(site.run("operators", "remove", "7001", "--json").json(), dict)
