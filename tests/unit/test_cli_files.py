"""Files that commands write for a person: whole, and never in the place of one of the installation's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli_site import CliSite, story

COMMANDS = (
    ("block", "export"),
    ("journal", "export", "--output"),
    ("report", "day", "2025-01-31", "--csv"),
    ("report", "day", "2025-01-31", "--pdf"),
)
LYING_THERE = (
    "pins.json", "published.json", "orders.lock", "witness/asterisk.tsv", "recordings/1.1.wav", "log/application.log",
    "run/asterisk.pid",
)  # fmt: skip
OWN = (
    "journal.sqlite3", "siaga.toml", "secrets.json", *LYING_THERE,
    "journal.sqlite3-wal", "journal.sqlite3.reserve", "not-there-yet", "recordings/not-there-yet.wav",
)  # fmt: skip
"""Of the last ones there is none, but there may be."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    """A call, and all that lies in a state directory; its recordings are on another disk."""
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    site.state.recordings.rmdir()
    (tmp_path / "large").mkdir()
    site.state.recordings.symlink_to(tmp_path / "large")
    site.tell(story("1.1"))
    for name in LYING_THERE:
        (site.state.root / name).write_text(name, encoding="utf-8")
    return site


def content(root: Path) -> dict[str, bytes]:
    """All of it but the tables, which a command brings up with the journal, and what SQLite has beside a file."""
    files = (each for each in root.rglob("*") if each.is_file())
    return {
        str(each.relative_to(root)): each.read_bytes()
        for each in files
        if not each.name.startswith("siaga.sqlite3") and not each.name.endswith(("-wal", "-shm"))
    }


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_state_directorys_own_files_are_spared(site: CliSite, tmp_path: Path, command: tuple[str, ...]) -> None:
    before = content(tmp_path)
    for name in OWN:
        file = site.state.root / name
        assert site.run(*command, str(file)).refused() == (
            f"siaga: {file} would be among the installation's own files: name a place outside of {site.state.root}\n"
        )
        assert content(tmp_path) == before, name


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_they_are_spared_by_whatever_name(
    site: CliSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    (tmp_path / "link").symlink_to(site.state.journal)
    (tmp_path / "by-another-way").symlink_to(site.state.root)
    before = content(tmp_path)
    monkeypatch.chdir(site.state.log)
    linked = str(tmp_path / "large" / "1.1.wav")
    for name in ("../journal.sqlite3", "../../link", "../../by-another-way/pins.json", linked):
        assert f"siaga: {name} would be among" in site.run(*command, name).refused()
    assert content(tmp_path) == before


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_beside_the_state_directory_it_is_written(site: CliSite, tmp_path: Path, command: tuple[str, ...]) -> None:
    for file in (tmp_path / "new", tmp_path / "state.csv"):
        assert site.run(*command, str(file)).code == 0
        assert file.stat().st_size
        assert file.stat().st_mode & 0o777 == 0o600
    assert site.run(*command, "/dev/null").code == 0
    assert not list(tmp_path.glob(".*")), "nothing is left behind"
