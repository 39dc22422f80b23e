"""``siaga journal reconcile``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli_site import CliSite
from tests.unit.two_witnesses import Both, Played, Talk, both

CALL = Played("1738285200.0", 0, 60, (Talk("1001", 5, 40),))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    return CliSite(tmp_path / "state", monkeypatch, capfd)


def write(site: CliSite, found: Both) -> None:
    site.tell(found.facts)
    site.state.witness_file.write_text("".join(f"{each}\n" for each in found.lines), encoding="utf-8")


def test_they_agree(site: CliSite) -> None:
    write(site, both([CALL]))
    done = site.run("journal", "reconcile")
    assert done.code == 0
    assert done.err == ""
    assert done.out.startswith(
        "journal and Asterisk agree: 1 call compared, 0 living and 0 recent ones left out, begun"
    )
    found = site.run("journal", "reconcile", "--json").json()
    assert (found["calls"], found["living"], found["recent"], found["differences"]) == (1, 0, 0, [])
    assert found["since"] == "2025-01-31T08:00:00+07:00"


def test_a_difference(site: CliSite) -> None:
    found = both([CALL])
    write(site, Both(found.lines, found.facts[:-1]))
    done = site.run("journal", "reconcile")
    assert done.refused() == "siaga: journal and Asterisk do not agree: 1 difference\n"
    first, second = done.out.splitlines()
    expected = "it ended at 2025-01-31 08:01:00, cause 16 in Asterisk, the journal has no end"
    assert first == f"2025-01-31 08:01:00 {CALL.id}: {expected}"
    assert second.startswith("1 call compared, ")
    done = site.run("journal", "reconcile", "--json")
    assert done.code == 1
    assert '"kind": "no_end_in_journal"' in done.out
    assert '"asterisk": "2025-01-31 08:01:00, cause 16"' in done.out


@pytest.mark.parametrize(
    ("options", "calls"),
    [
        (("--since", "2025-01-31T08:00"), 1),
        (("--since", "2025-01-31T08:01"), 0),
        (("--until", "2025-01-31T01:00Z"), 0),
        (("--since", "2025-01-31", "--until", "2025-02-01"), 1),
    ],
)
def test_only_some_calls(site: CliSite, options: tuple[str, ...], calls: int) -> None:
    write(site, both([CALL]))
    assert site.run("journal", "reconcile", *options, "--json").json()["calls"] == calls


def test_what_is_no_time(site: CliSite) -> None:
    write(site, both([CALL]))
    assert "'yesterday' is not a time such as" in site.run("journal", "reconcile", "--since", "yesterday").refused(2)


def test_nothing_of_asterisk(site: CliSite) -> None:
    site.tell(both([CALL]).facts)
    assert "Asterisk has written down nothing" in site.run("journal", "reconcile").refused()


def test_nothing_of_the_journal(site: CliSite) -> None:
    write(site, both([CALL]))
    site.state.journal.unlink()
    assert "there is no journal" in site.run("journal", "reconcile").refused()


def test_a_damaged_moment_in_the_journal(site: CliSite) -> None:
    import sqlite3  # noqa: PLC0415 - only to do harm

    write(site, both([CALL]))
    with sqlite3.connect(site.state.journal) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE journal SET at = 'never' WHERE seq = 2")
    connection.close()
    assert "see `siaga journal verify`" in site.run("journal", "reconcile").refused()
