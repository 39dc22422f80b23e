"""What root's commands write is the service's: it could not read root's own files, and would not start."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ari_app.ownership import make_private
from ari_app.site.state import StateDir, owner, write_private
from tests.unit.cli_site import CliSite

SERVICE = 65534
"""A user who is not root."""

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is not root's, whoever runs the tests."""
    folder = tmp_path / "folder"
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, SERVICE, SERVICE)
    return folder


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Whom root gives files to: user and group; nothing is really given."""
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _, user, group: given.append((user, group)))
    return given


def test_root_writes_for_the_folders_owner(folder: Path, given: list[tuple[int, int]]) -> None:
    write_private(folder / "file", "text")
    make_private(folder / "empty")
    whose = folder.stat()
    assert given == [(whose.st_uid, whose.st_gid)] * 2
    write_private(folder / "look", "text", for_owner=False)
    assert len(given) == 2


def test_whoever_is_not_root_gives_nothing_away(
    folder: Path, given: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    write_private(folder / "file", "text")
    make_private(folder / "empty")
    assert given == []


def test_what_is_there_is_neither_given_nor_changed(folder: Path, given: list[tuple[int, int]]) -> None:
    """Nor what a link leads to: the folder's owner could have root give them any file."""
    (folder / "file").write_text("kept")
    (folder / "link").symlink_to(folder / "elsewhere")
    make_private(folder / "file")
    make_private(folder / "link")
    assert given == []
    assert (folder / "file").read_text() == "kept"
    assert not (folder / "elsewhere").exists()


def test_what_cannot_be_given_is_written_all_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", refused)
    write_private(folder / "file", "text")
    make_private(folder / "empty")
    assert (folder / "file").read_text() == "text"
    assert (folder / "empty").exists()


@needs_root
def test_a_folder_that_root_makes_anew(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "state")
    state.create()
    assert {owner(path) for path in state.root.rglob("*")} == {"root"}, "all of it is root's own"
    give(state.root)
    shutil.rmtree(state.asterisk)
    state.create()
    assert {path.stat().st_uid for path in state.root.rglob("*")} == {SERVICE}


@needs_root
def test_after_roots_commands_nothing_is_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Before the first start, and while the application is down, the command itself writes."""
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    monkeypatch.setenv("SIAGA_SUPERVISOR", "budi")
    monkeypatch.setenv("SIAGA_DEPS", str(tmp_path))  # Asterisk's files can be rendered without it
    (tmp_path / "asterisk.env").write_text("ASTERISK_MODULES_DIR=/modules\nASTERISK_DATA_DIR=/data\n")
    give(site.state.root)
    for command in (
        "operators add 11111 Ani --pin 1234",
        "operators pin 11111 --pin 4321",
        "block add 081234567890 --note iseng",
        "conf render",
        "calls list",
        "complaints list",
        "journal verify",
        "journal reconcile",
        "doctor",
    ):
        site.run(*command.split())
    written = {str(path.relative_to(site.state.root)): path.stat() for path in site.state.root.rglob("*")}
    assert {name for name, each in written.items() if (each.st_uid, each.st_gid) != (SERVICE, SERVICE)} == set()
    assert {
        "journal.sqlite3", "journal.sqlite3.lock", "journal.sqlite3.reserve", "orders.lock", "pins.json",
        "siaga.sqlite3", "asterisk/etc/pjsip.conf", "witness/lock",
    } <= written.keys()  # fmt: skip


def give(folder: Path) -> None:
    """Everything below a folder is the service's, as it is with systemd."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, SERVICE, SERVICE)
