"""`siaga backup`: what is copied, where to, and that it can be put back."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ari_app.store import asterisk_log
from ari_app.store.journal import Journal
from cli import backup
from tests.unit.cli_site import CliSite, story

FIRST, SECOND = "1738285323.12", "1738285399.13"
HALF = b"1738285323.000001\tCHAN_ST"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    """Two calls, an operator's PIN, Asterisk's records, an own recording, and a folder for copies."""
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    site.tell([*story(FIRST), *story(SECOND)])
    (site.state.root / "pins.json").write_text('{"7001": "hash"}')
    (site.state.witness / "asterisk-20250131T010000Z-0000.tsv.gz").write_bytes(b"packed")
    (site.state.witness / ".asterisk.new").write_bytes(b"half packed")
    site.state.witness_file.write_bytes(b"a line\n" + HALF)
    (site.state.sounds / "recorded").mkdir()
    (site.state.sounds / "recorded" / "izin-menunggu.wav").write_bytes(b"RIFF")
    (site.state.sounds / "izin-menunggu.wav").write_bytes(b"made at the start")
    (site.state.recordings / f"{FIRST}.wav").write_bytes(b"large")
    (tmp_path / "copies").mkdir()
    return site


def copies(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "copies").iterdir())


def test_what_is_copied(site: CliSite, tmp_path: Path) -> None:
    done = site.run("backup", str(tmp_path / "copies"))
    assert (done.code, done.err) == (0, "")
    (copy,) = copies(tmp_path)
    assert copy.name.startswith("siaga110-20")
    assert done.out.splitlines()[:-1] == [
        "journal.sqlite3", "siaga.toml", "secrets.json", "pins.json", "2 files in witness", "1 file in sounds/recorded",
    ]  # fmt: skip
    assert done.out.splitlines()[-1].startswith(f"{copy}/journal.sqlite3 is whole: 8 records, 1 to 8; the last one's")
    assert {str(each.relative_to(copy)) for each in copy.rglob("*") if each.is_file()} == {
        "journal.sqlite3", "siaga.toml", "secrets.json", "pins.json", "witness/asterisk.tsv",
        "witness/asterisk-20250131T010000Z-0000.tsv.gz", "sounds/recorded/izin-menunggu.wav",
    }  # fmt: skip
    for name in ("siaga.toml", "secrets.json", "pins.json", "sounds/recorded/izin-menunggu.wav"):
        assert (copy / name).read_bytes() == (site.state.root / name).read_bytes()
    assert (copy / "witness/asterisk.tsv").read_bytes() == b"a line\n", "no half of a line, to which others are added"


def test_it_is_the_owners_alone(site: CliSite, tmp_path: Path) -> None:
    assert site.run("backup", str(tmp_path / "copies")).code == 0
    (copy,) = copies(tmp_path)
    for each in (copy, *copy.rglob("*")):
        assert each.stat().st_mode & 0o777 == (0o700 if each.is_dir() else 0o600), each


def test_it_is_put_back(site: CliSite, tmp_path: Path) -> None:
    """As docs/operations.md has it: into a new state directory; the tables are folded anew, and it goes on."""
    calls = site.run("calls", "list", "--json").json()
    assert site.run("backup", str(tmp_path / "copies")).code == 0
    site.state.root.rename(tmp_path / "state.old")
    assert "there is no state directory" in site.run("calls", "list").refused()
    (copy,) = copies(tmp_path)
    shutil.copytree(copy, site.state.root)
    assert site.run("journal", "verify").code == 0
    assert len(calls) == 2
    assert site.run("calls", "list", "--json").json() == calls
    site.state.create()
    journal = Journal.open(site.state.journal, timezone="Asia/Jakarta")
    for fact in story("1738285400.14"):
        journal.append(fact)
    assert journal.close()
    assert len(site.run("calls", "list", "--json").json()) == 3
    assert site.run("journal", "verify", "--json").json()["records"] == 12


def test_nothing_old_is_taken_up_beside_it(site: CliSite, tmp_path: Path) -> None:
    """Put back in the place of a journal that has gone on: its log and the tables are of another one."""
    assert site.run("backup", str(tmp_path / "copies")).code == 0
    site.tell(story("1738285400.14"))
    assert len(site.run("calls", "list", "--json").json()) == 3
    (copy,) = copies(tmp_path)
    for old in site.state.root.glob("journal.sqlite3*"):
        old.unlink()
    shutil.copyfile(copy / "journal.sqlite3", site.state.journal)
    assert {call["id"] for call in site.run("calls", "list", "--json").json()} == {FIRST, SECOND}


def test_a_changed_record_is_told_and_copied(site: CliSite, tmp_path: Path) -> None:
    with closing(sqlite3.connect(site.state.journal)) as connection:
        connection.execute("DROP TRIGGER journal_is_append_only_update")
        connection.execute("UPDATE journal SET action = 'call.lost' WHERE seq = 3")
        connection.commit()
    done = site.run("backup", str(tmp_path / "copies"))
    assert "journal.sqlite3 is not as it was written: 1 problem" in done.refused()
    assert "line 3: changed" in done.out
    (copy,) = copies(tmp_path)
    assert (copy / "pins.json").exists()


@pytest.mark.parametrize("below", ["", "recordings", "sounds/recorded"])
def test_not_into_the_state_directory(site: CliSite, below: str) -> None:
    before = set(site.state.root.rglob("*"))
    folder = site.state.root / below
    assert f"{folder} would be among the installation's own files" in site.run("backup", str(folder)).refused()
    assert set(site.state.root.rglob("*")) == before


def test_what_is_refused(site: CliSite, tmp_path: Path) -> None:
    """And nothing is left behind."""
    assert "there is no directory" in site.run("backup", str(tmp_path / "not-mounted")).refused()
    (tmp_path / "file").touch()
    assert "there is no directory" in site.run("backup", str(tmp_path / "file")).refused()
    assert "DIR" in site.run("backup").refused(2)
    site.state.journal.unlink()
    assert "there is no journal at" in site.run("backup", str(tmp_path / "copies")).refused()
    assert copies(tmp_path) == []
    assert not (tmp_path / "not-mounted").exists()


def test_what_breaks_off_leaves_nothing_behind(site: CliSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site.state.root / "pins.json").unlink()
    (site.state.root / "pins.json").mkdir()
    folder = tmp_path / "copies"
    assert "pins.json cannot be read: Is a directory" in site.run("backup", str(folder)).refused()
    assert copies(tmp_path) == []

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "new_file", full)
    assert site.run("backup", str(folder)).refused() == f"siaga: {folder} cannot be written: No space left on device\n"
    assert copies(tmp_path) == []


def test_no_record_of_asterisks_is_put_away_meanwhile(site: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who puts them away waits for the next time."""
    (site.state.witness / "asterisk-20250130T010000Z-0000.tsv").write_bytes(b"a line\n")
    now = datetime(2099, 1, 1, tzinfo=UTC)
    with asterisk_log.unmoved(site.state.witness) as files:
        assert {each.name for each in files} >= {"asterisk.tsv", "asterisk-20250130T010000Z-0000.tsv"}
        assert asterisk_log.put_away(site.state.witness, now) == []
    assert asterisk_log.put_away(site.state.witness, now) != []
