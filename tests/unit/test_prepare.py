"""What a start and a HUP make of a configuration that is odd, and of a disk that takes nothing."""

from __future__ import annotations

import errno
import io
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from ari_app.site.render import asterisk_dirs, render
from ari_app.site.secrets import load_or_create
from ari_app.site.settings import ConfigError, load_settings
from ari_app.site.state import StateDir, StateError, write_private
from scripts.stack import StackError, command, former
from scripts.stack import prepare as module
from scripts.stack.prepare import Prepared, prepare, read_again
from scripts.stack.sample import make_sample
from scripts.stack.stack import Stack

FULL_DISK = "No space left on device"
WAIT, LONGER = "wrapup_seconds = 0", "wrapup_seconds = 7"


@pytest.fixture
def site(tmp_path: Path) -> Prepared:
    """What a start has left: everything but the sounds."""
    text = make_sample(desks=2).text
    config, state = tmp_path / "siaga.toml", StateDir(tmp_path / "state")
    config.write_text(text, encoding="utf-8")
    state.create()
    state.lock.touch()
    write_private(state.config, text)
    settings = load_settings(config)
    secrets = load_or_create(state, settings)
    modules_dir, data_dir = asterisk_dirs()
    render(settings, state, secrets, modules_dir=modules_dir, data_dir=data_dir)
    write_private(state.broker / "mosquitto.conf", "listener 1883\n")
    return Prepared(settings, config, state, secrets, None, io.StringIO(), "")


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def change(site: Prepared, old: str = WAIT, new: str = LONGER) -> str:
    """Another configuration; its text."""
    text = site.config.read_text(encoding="utf-8")
    assert old in text
    site.config.write_text(text.replace(old, new), encoding="utf-8")
    return text.replace(old, new)


# ---- a HUP


@pytest.mark.parametrize("damage", ["damaged", "gone", "not text"])
def test_the_copy_is_put_right(site: Prepared, damage: str) -> None:
    """Whatever somebody has done to it: it is what the start made of the configuration that counts."""
    site.state.config.unlink()
    if damage != "gone":
        site.state.config.write_bytes(b"[site" if damage == "damaged" else b"\xff\xfe")
    read_again(site)
    assert site.state.config.read_text(encoding="utf-8") == site.config.read_text(encoding="utf-8")


def test_another_one_is_in_force(site: Prepared) -> None:
    text = change(site)
    read_again(site)
    read_again(site)
    assert site.state.config.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("content", [b"[site", b"\xff\xfe", None], ids=["not toml", "not text", "gone"])
def test_one_that_cannot_be_used_changes_nothing(site: Prepared, content: bytes | None) -> None:
    kept = site.state.config.read_bytes()
    site.config.unlink()
    if content is not None:
        site.config.write_bytes(content)
    with pytest.raises(StackError, match="stays as it was"):
        read_again(site)
    assert site.state.config.read_bytes() == kept


def test_what_asterisk_was_started_on_stays(site: Prepared) -> None:
    """Also when the copy says otherwise by now."""
    change(site, 'name = "pstn"', 'name = "other"')
    write_private(site.state.config, site.config.read_text(encoding="utf-8"))
    with pytest.raises(StackError, match="trunk: what has changed there needs a full start"):
        read_again(site)


@pytest.mark.parametrize("trouble", [StackError("no"), ConfigError("no"), RuntimeError("no"), OSError(5, "no")])
def test_nothing_that_goes_wrong_ends_the_instance(trouble: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def renew(self) -> None:
            raise trouble

    command._renew(cast("Stack", Broken()))
    said = capsys.readouterr().err
    assert said.strip().startswith("SIGHUP: ")
    assert "no" in said


def test_a_mark_at_the_beginning_is_not_copied(site: Prepared) -> None:
    """Notepad begins a file with one, and TOML does not know it."""
    text = change(site)
    site.config.write_text(text, encoding="utf-8-sig")
    read_again(site)
    assert site.state.config.read_text(encoding="utf-8") == text
    tomllib.loads(site.state.config.read_text(encoding="utf-8"))


# ---- a start on a disk that takes nothing


def all_files(site: Prepared) -> dict[Path, tuple[int, bytes]]:
    files = [path for path in site.state.root.rglob("*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files if path != site.state.lock}


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(former, "refusal", lambda _: FULL_DISK)


@pytest.mark.usefixtures("full")
def test_it_starts_on_the_files_of_the_start_before(site: Prepared) -> None:
    before = all_files(site)
    begun = prepare(site.config, site.state.root)
    begun.lock.close()
    assert begun.is_former
    assert (begun.settings, begun.secrets) == (site.settings, site.secrets)
    assert begun.broker_config == site.state.broker / "mosquitto.conf"
    assert FULL_DISK in begun.warning
    assert "changed" not in begun.warning
    assert all_files(site) == before


@pytest.mark.usefixtures("full")
def test_without_what_has_changed_since(site: Prepared) -> None:
    change(site)
    begun = prepare(site.config, site.state.root)
    begun.lock.close()
    assert begun.settings == site.settings
    assert f"without what has changed in {site.config} since" in begun.warning


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("name", ["siaga.toml", "secrets.json", "asterisk/etc/pjsip.conf"])
def test_it_does_not_start_without(site: Prepared, name: str) -> None:
    (site.state.root / name).unlink()
    with pytest.raises(StackError, match=FULL_DISK) as refused:
        prepare(site.config, site.state.root)
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("full")
def test_it_starts_without_a_broker(site: Prepared) -> None:
    (site.state.broker / "mosquitto.conf").unlink()
    begun = prepare(site.config, site.state.root)
    begun.lock.close()
    assert begun.broker_config is None


@pytest.mark.parametrize("is_full", [True, False])
def test_a_disk_that_is_filled_meanwhile(site: Prepared, monkeypatch: pytest.MonkeyPatch, *, is_full: bool) -> None:
    """Any other reason why it cannot be written stays one."""
    answers = iter(["", FULL_DISK if is_full else ""])
    monkeypatch.setattr(former, "refusal", lambda _: next(answers))

    def fails(*_: object) -> None:
        raise StateError("x cannot be written")

    monkeypatch.setattr(module, "_write", fails)
    if is_full:
        begun = prepare(site.config, site.state.root)
        begun.lock.close()
        assert begun.is_former
    else:
        with pytest.raises(StackError, match="x cannot be written"):
            prepare(site.config, site.state.root)


def test_tables_that_a_full_disk_keeps_from_being_read_are_not_damaged(
    site: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.state.database.write_bytes(b"no database at all" * 1000)
    with monkeypatch.context() as patch:
        patch.setattr(former, "refusal", lambda _: FULL_DISK)
        assert "when it can" in module._check_database(site.settings, site.state, site.config)
    assert site.state.database.exists()
    assert "was moved to" in module._check_database(site.settings, site.state, site.config)
    assert not site.state.database.exists()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, FULL_DISK), (errno.EROFS, "Read-only file system"), (errno.EIO, "Input/output error")],
)
def test_the_disk_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: str) -> None:
    assert former.refusal(tmp_path) == ""

    def fails(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    assert former.refusal(tmp_path) == expected
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_not_the_disks_fault(tmp_path: Path) -> None:
    assert former.refusal(tmp_path / "none") == ""
