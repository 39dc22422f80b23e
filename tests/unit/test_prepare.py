"""What a HUP makes of a configuration that is odd."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path
from typing import cast

import pytest

from ari_app.site.render import asterisk_dirs, render
from ari_app.site.secrets import load_or_create
from ari_app.site.settings import ConfigError, load_settings
from ari_app.site.state import StateDir, write_private
from scripts.stack import StackError, command
from scripts.stack.prepare import Prepared, read_again
from scripts.stack.sample import make_sample
from scripts.stack.stack import Stack

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
