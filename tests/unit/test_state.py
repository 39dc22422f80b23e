"""The state directory, the files in it, and the secrets."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ari_app.site.secrets import ARI_USERS, MQTT_USERS, generate, load, load_or_create
from ari_app.site.settings import Settings
from ari_app.site.state import StateDir, StateError, owner, write_private
from tests.unit.full_config import FULL

SETTINGS = Settings.model_validate(tomllib.loads(FULL))
"""Desk 1001 has the secret ``rahasia-1001``, desk 1002 has none."""


# ---- the directory


def test_naming_it_touches_nothing(tmp_path: Path) -> None:
    StateDir(tmp_path / "state")
    assert not (tmp_path / "state").exists()


def test_made_for_the_owner_only(tmp_path: Path) -> None:
    state = StateDir(tmp_path / "a" / "state")
    state.create()
    state.create()
    folders = [state.root, state.recordings, state.sounds, state.log, state.run, state.broker, state.asterisk / "etc"]
    for folder in folders:
        assert folder.stat().st_mode & 0o777 == 0o700, folder
    assert state.notes.parent.is_dir()
    state.check()


def test_an_open_directory_is_closed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    StateDir(tmp_path / "state").create()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_relative_directory_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    state = StateDir(Path("var"))
    monkeypatch.chdir("/")
    assert state.secrets == tmp_path / "var" / "secrets.json"


def test_a_file_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("x")
    with pytest.raises(StateError, match="is not a directory"):
        StateDir(tmp_path / "state").create()
    with pytest.raises(StateError, match=r"there is no state directory .*: --state or SIAGA_STATE names another"):
        StateDir(tmp_path / "state").check()
    with pytest.raises(StateError, match="cannot be made: Not a directory"):
        StateDir(tmp_path / "state" / "below").create()


def test_not_writable(state: StateDir, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may do everything, so the question is answered for it.
    monkeypatch.setattr(os, "access", lambda path, _mode: path != state.log)
    with pytest.raises(StateError, match=f"may not write in {state.log}"):
        state.create()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StateError, match=f"may not be read by this user: run siaga as {owner(state.root)}$"):
        state.check()


def test_database(state: StateDir) -> None:
    assert state.database_url(SETTINGS) == f"sqlite:///{state.root}/siaga.sqlite3"
    other = Settings.model_validate(tomllib.loads(FULL.replace('url = ""', 'url = "postgresql://base/siaga"')))
    assert state.database_url(other) == "postgresql://base/siaga"


# ---- its files


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_private_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    before = os.umask(umask)
    try:
        write_private(path, "bär\n")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text(encoding="utf-8") == "bär\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_private(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StateError, match=f"{path} cannot be written: No space left on device"):
            write_private(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    write_private(path, "new")
    assert path.read_text() == "new"


def test_what_is_written_already_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_private(path, "bär\n")
    before = path.stat()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    write_private(path, "bär\n")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    with pytest.raises(StateError, match="No space left"):
        write_private(path, "bar\n")


@pytest.mark.parametrize("is_link", [True, False])
def test_one_that_others_could_read_is_written_anew(tmp_path: Path, *, is_link: bool) -> None:
    path, elsewhere = tmp_path / "file", tmp_path / "elsewhere"
    write_private(elsewhere, "text")
    if is_link:
        path.symlink_to(elsewhere)
    else:
        elsewhere.rename(path)
        path.chmod(0o640)
    write_private(path, "text")
    assert not path.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_a_crash_left_is_no_obstacle_and_no_trap(tmp_path: Path) -> None:
    """A link that somebody put where the new file is made must not be followed."""
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / ".file.new").symlink_to(victim)
    write_private(tmp_path / "file", "new")
    assert victim.read_text() == "untouched"
    assert (tmp_path / "file").read_text() == "new"
    assert not (tmp_path / "file").is_symlink()


def test_no_folder_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be written: No such file or directory"):
        write_private(tmp_path / "missing" / "file", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StateError, match="cannot be written: Is a directory"):
        write_private(tmp_path / "folder", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


# ---- secrets


def kept(state: StateDir) -> Any:
    return json.loads(state.secrets.read_text())


def keep(state: StateDir, content: object) -> None:
    state.secrets.write_text(json.dumps(content))


def test_generated_once(state: StateDir) -> None:
    first = load_or_create(state, SETTINGS)
    before = state.secrets.stat()
    assert load_or_create(state, SETTINGS) == load(state, SETTINGS) == first
    assert (state.secrets.stat().st_mtime_ns, state.secrets.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert before.st_mode & 0o777 == 0o600
    assert (set(first.ari), set(first.mqtt), set(first.desks)) == (set(ARI_USERS), set(MQTT_USERS), {"1001", "1002"})
    made = [*first.ari.values(), *first.mqtt.values(), first.desks["1002"]]
    assert len(set(made)) == len(made)
    assert all(len(secret) == 43 and secret.isalnum() for secret in made)


def test_generated_ones_differ() -> None:
    assert len({generate() for _ in range(100)}) == 100


def test_the_configurations_secret_wins(state: StateDir) -> None:
    keep(state, {"desks": {"1001": "kept-1001", "1002": "kept-1002"}})
    secrets = load_or_create(state, SETTINGS)
    assert secrets.desks == {"1001": "rahasia-1001", "1002": "kept-1002"}
    assert kept(state)["desks"] == {"1001": "kept-1001", "1002": "kept-1002"}


def test_configured_secrets_are_not_copied(state: StateDir) -> None:
    load_or_create(state, SETTINGS)
    assert "rahasia-1001" not in state.secrets.read_text()


def test_completed(state: StateDir) -> None:
    first = load_or_create(state, SETTINGS)
    content = kept(state)
    del content["ari"]["guard"]
    content["mqtt"]["wallboard"] = ""
    content["desks"]["1002"] = 5
    content["desks"]["1003"] = "of a desk that left"
    content["later"] = {"sms": "x"}
    keep(state, content)
    second = load_or_create(state, SETTINGS)
    assert second.ari["siaga110"] == first.ari["siaga110"]
    assert all(len(text) == 43 for text in (second.ari["guard"], second.mqtt["wallboard"], second.desks["1002"]))
    assert kept(state)["later"] == {"sms": "x"}
    assert load(state, SETTINGS) == second


def test_a_desk_that_comes_back_has_its_secret(state: StateDir) -> None:
    first = load_or_create(state, SETTINGS)
    fewer = tomllib.loads(FULL)
    fewer["desk"].pop()
    assert set(load_or_create(state, Settings.model_validate(fewer)).desks) == {"1001"}
    assert load_or_create(state, SETTINGS) == first


@pytest.mark.parametrize("group", [None, [], "text", 5])
def test_a_damaged_group_is_made_anew(state: StateDir, group: object) -> None:
    first = load_or_create(state, SETTINGS)
    keep(state, kept(state) | {"mqtt": group})
    with pytest.raises(StateError, match="is not complete"):
        load(state, SETTINGS)
    second = load_or_create(state, SETTINGS)
    assert second.ari == first.ari
    assert set(second.mqtt) == set(MQTT_USERS)


def test_a_kept_secret_cannot_add_to_a_file(state: StateDir) -> None:
    keep(state, {"mqtt": {"wallboard": "x\napplication:y"}, "desks": {"1002": "a\n[evil]"}})
    with pytest.raises(StateError, match="is not complete"):
        load(state, SETTINGS)
    secrets = load_or_create(state, SETTINGS)
    assert "\n" not in secrets.mqtt["wallboard"] + secrets.desks["1002"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"\xff", b"null"])
def test_a_damaged_file_is_refused_and_left_alone(state: StateDir, content: bytes) -> None:
    state.secrets.write_bytes(content)
    for read in (load, load_or_create):
        with pytest.raises(StateError, match="is damaged: move it away"):
            read(state, SETTINGS)
    assert state.secrets.read_bytes() == content


def test_there_are_none(state: StateDir) -> None:
    with pytest.raises(StateError, match="cannot be read: No such file"):
        load(state, SETTINGS)
    state.secrets.mkdir()
    with pytest.raises(StateError, match="cannot be read: Is a directory"):
        load_or_create(state, SETTINGS)
