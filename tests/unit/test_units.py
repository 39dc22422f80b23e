"""systemd's units for the site: rendered, taken by systemd, and as narrow as they can be."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ari_app.site.settings import load_settings
from ari_app.site.state import StateDir, StateError
from ari_app.site.units import render_logrotate, render_units
from cli.app import run
from scripts.stack.watchdog import SILENT_SECONDS
from tests.asterisk.site import REPO

EXAMPLE = REPO / "siaga.example.toml"
SERVICES = {"prepare", "broker", "asterisk", "guard", "application", "tables", "publisher"}
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")


def units(folder: Path, config: Path = EXAMPLE, user: str = "siaga") -> dict[str, str]:
    """The text of each unit by its short name."""
    written = render_units(
        load_settings(config), StateDir(Path("/var/lib/siaga110")), folder, config=Path("/etc/siaga.toml"), user=user
    )
    return {path.name.removeprefix("siaga-").partition(".")[0]: path.read_text() for path in written}


def changed(tmp_path: Path, before: str, after: str) -> Path:
    """The example with another value."""
    text = EXAMPLE.read_text()
    assert before in text
    config = tmp_path / "siaga.toml"
    config.write_text(text.replace(before, after, 1))
    return config


def test_every_process_of_the_launcher_has_one(tmp_path: Path) -> None:
    made = units(tmp_path)
    assert set(made) == SERVICES | {"siaga"}
    for name in SERVICES:
        assert f"siaga-{name}.service" in made["siaga"]
        assert "User=siaga\n" in made[name]
        assert "ProtectSystem=strict\n" in made[name]
        assert "{" not in made[name]


def test_all_come_back_at_once_and_for_ever(tmp_path: Path) -> None:
    for name, text in units(tmp_path).items():
        if name not in {"siaga", "prepare"}:
            assert "Restart=always\n" in text, name
            assert "StartLimitIntervalSec=0\n" in text, name
        assert "\nRequires=" not in text, "one that fails must not take another one with it"
        assert "\nBindsTo=" not in text


def test_a_frozen_application_is_replaced_as_by_the_launcher(tmp_path: Path) -> None:
    text = units(tmp_path)["application"]
    assert f"WatchdogSec={SILENT_SECONDS * 1000:.0f}ms\n" in text
    assert "WatchdogSignal=SIGKILL\n" in text, "it would not hear another one"
    assert "guard.py --state /var/lib/siaga110 --now\n" in text


def test_the_application_can_have_a_sentence_spoken(tmp_path: Path) -> None:
    """For the radio nets, as by the launcher."""
    assert f'"SIAGA_SPEAK={sys.executable} -m scripts.stack.speak"\n' in units(tmp_path)["application"]


def test_asterisk_broker_and_tables_see_no_secrets(tmp_path: Path) -> None:
    made = units(tmp_path)
    for name in ("asterisk", "broker", "tables"):
        assert "InaccessiblePaths=-/var/lib/siaga110/secrets.json\n" in made[name], name
        assert "InaccessiblePaths=-/var/lib/siaga110/pins.json\n" in made[name], name


def test_who_keeps_recordings_from_the_last_space_sees_their_disk(tmp_path: Path) -> None:
    """A folder that is hidden from a process has another disk for it."""
    made = units(tmp_path)
    assert "siaga110/recordings\n" not in made["tables"]
    assert "InaccessiblePaths=-/var/lib/siaga110/recordings\n" in made["publisher"]


def test_the_clock_is_right_before_phones_register(tmp_path: Path) -> None:
    text = units(tmp_path)["asterisk"]
    assert "\nWants=time-sync.target\n" in text
    assert re.search(r"\nAfter=.*\btime-sync\.target\b", text)


def test_what_depends_on_the_configuration(tmp_path: Path) -> None:
    """Another broker, low ports, a phone network: each unit may do what it must, and no more."""
    plain = units(tmp_path / "1")
    assert "IPAddressDeny=any" in plain["application"]
    assert "IPAddressDeny" not in plain["asterisk"]
    assert "CAP_NET_BIND_SERVICE" not in "".join(plain.values())

    far = units(tmp_path / "2", changed(tmp_path, 'listen = "127.0.0.1:1883"', 'url = "mqtts://broker.example:8883"'))
    assert "broker" not in far
    assert "siaga-broker" not in far["siaga"]
    assert "IPAddressDeny" not in far["application"]
    assert "IPAddressDeny=any" in far["guard"]

    low = units(tmp_path / "3", changed(tmp_path, 'sip = "127.0.0.1:5060"', 'sip = "127.0.0.1:506"'))
    assert "\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n" in low["asterisk"]
    assert "\nAmbientCapabilities=\n" in low["application"]


@pytest.mark.parametrize("user", ["root; reboot", "", "a\nb", "%n"])
def test_a_user_that_cannot_be(tmp_path: Path, user: str) -> None:
    with pytest.raises(StateError, match="is not the name of a user"):
        units(tmp_path, user=user)


def test_a_path_that_systemd_would_read_otherwise(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="blank"):
        render_units(load_settings(EXAMPLE), StateDir(Path("/var/lib/%n x")), tmp_path, config=None, user="siaga")


@needs_systemd
def test_the_command_has_them_checked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["--state", str(tmp_path / "state"), "conf", "render", "--config", str(EXAMPLE), "--systemd"]
    assert run([*arguments, str(tmp_path / "units")]) == 0
    assert "no complaint" in capfd.readouterr().out
    assert not (tmp_path / "state").exists()


@needs_systemd
@pytest.mark.parametrize("name", sorted(SERVICES))
def test_exposure(tmp_path: Path, name: str) -> None:
    """``systemd-analyze security``: 0 is nothing, 10 everything; a service that does nothing about it has 9.6."""
    units(tmp_path)
    path = tmp_path / f"siaga-{name}.service"
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=16", "--no-pager", str(path)]  # tenths
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def rotated(folder: Path, user: str = "siaga") -> str:
    """What logrotate is given."""
    render_logrotate(StateDir(Path("/var/lib/siaga110")), folder / "siaga110", user=user)
    return (folder / "siaga110").read_text()


def test_every_log_is_kept_short(tmp_path: Path) -> None:
    """Those of the launcher are emptied where they lie, as it keeps them open; Asterisk opens its own anew."""
    launcher, asterisk = (part.split() for part in rotated(tmp_path).split("copytruncate"))
    written = re.findall(r'"([\w-]+\.(?:log|out))"', (REPO / "scripts/stack/stack.py").read_text())
    assert len(written) == 6
    assert {word for word in launcher if word.startswith("/")} == {f"/var/lib/siaga110/log/{name}" for name in written}
    own = re.findall(r"^([\w.]+) => ", (REPO / "asterisk_conf/logger.conf").read_text(), re.MULTILINE)
    assert len(own) == 2
    named = [word for word in asterisk if word.startswith("/var/lib/siaga110/log/")]
    assert named == [f"/var/lib/siaga110/log/{name}" for name in own]
    assert '-C /var/lib/siaga110/asterisk/etc/asterisk.conf -rx "logger reload"' in " ".join(asterisk)
    assert "nocreate" in asterisk, "Asterisk makes them with its own rights"


def test_whose_logs_they_are(tmp_path: Path) -> None:
    assert rotated(tmp_path, user="polri").count("su polri polri\n") == 2
    with pytest.raises(StateError, match="is not the name of a user"):
        rotated(tmp_path, user="root; reboot")
    with pytest.raises(StateError, match="blank"):
        render_logrotate(StateDir(Path("/var/lib/x y")), tmp_path / "siaga110", user="siaga")
    with pytest.raises(StateError, match="cannot be written"):
        rotated(tmp_path / "not-there")


def test_the_command_writes_it_beside_the_units_or_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "siaga110"
    arguments = ["--state", str(tmp_path / "state"), "conf", "render", "--config", str(EXAMPLE)]
    assert run([*arguments, "--logrotate", str(file)]) == 0
    assert f"{file} has logrotate keep the logs short" in capfd.readouterr().out
    assert file.stat().st_mode & 0o777 == 0o644
    assert not (tmp_path / "state").exists()
    file.unlink()
    run([*arguments, "--systemd", str(tmp_path / "units"), "--logrotate", str(file)])
    assert (tmp_path / "units" / "siaga.target").exists()
    assert file.exists()


@pytest.mark.parametrize("option", ["--systemd", "--logrotate"])
def test_the_command_writes_nothing_over_the_states_own_files(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], option: str
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "journal.sqlite3").write_text("ours")
    arguments = ["--state", str(state), "conf", "render", "--config", str(EXAMPLE)]
    assert run([*arguments, option, str(state / "journal.sqlite3")]) != 0
    assert "the installation's own files" in capfd.readouterr().err
    assert (state / "journal.sqlite3").read_text() == "ours"
