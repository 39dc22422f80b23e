"""The broker's files: who may do what, who may read them, and what is kept for whom is away."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ari_app.bus.broker import Broker
from ari_app.site.secrets import MQTT_USERS, Secrets, load_or_create
from ari_app.site.settings import Settings
from ari_app.site.state import StateDir
from ari_app.site.values import Address
from scripts.stack import StackError, broker
from scripts.stack.prepare import program
from tests.unit.full_config import FULL

LISTEN = Address(host="127.0.0.1", port=1883)


@pytest.fixture
def secrets(state: StateDir) -> Secrets:
    return load_or_create(state, Settings.model_validate(tomllib.loads(FULL)))


@pytest.fixture
def config(state: StateDir, secrets: Secrets) -> list[str]:
    """The lines of the broker's configuration."""
    return broker.write(state, LISTEN, secrets, program("mosquitto_passwd")).read_text(encoding="utf-8").splitlines()


def rights(state: StateDir) -> dict[str, list[str]]:
    """The access list by user."""
    found: dict[str, list[str]] = {}
    user = ""
    for line in filter(None, (state.broker / "rights").read_text(encoding="utf-8").splitlines()):
        kind, _, rest = line.partition(" ")
        if kind == "user":
            user = rest
            found[user] = []
        else:
            assert kind == "topic", line
            assert user, "a right for everybody, even the anonymous"
            found[user].append(rest)
    return found


def test_one_listener_and_nobody_without_a_password(state: StateDir, config: list[str]) -> None:
    listens = [line for line in config if line.startswith(("listener", "port", "bind"))]
    assert listens == ["listener 1883 127.0.0.1"]
    assert "allow_anonymous false" in config
    assert f"password_file {state.broker}/passwords" in config
    assert f"acl_file {state.broker}/rights" in config


def test_nothing_that_waits_is_lost(state: StateDir, config: list[str]) -> None:
    settings = dict(line.split(" ", 1) for line in config if not line.startswith("log_type"))
    assert settings["persistence_location"] == f"{state.broker}/"
    # Not Mosquitto's own file, which is written anew as a whole, however much waits in it.
    assert settings["global_plugin"].endswith("/mosquitto_persist_sqlite.so")
    assert settings["plugin_opt_flush_period"] == "1"
    assert int(settings["max_queued_messages"]) >= 1_000_000


def test_rights(state: StateDir, config: list[str]) -> None:
    assert rights(state) == {
        "application": ["readwrite siaga110/#"],
        "supervisor": [
            "read siaga110/status/#",
            "read siaga110/alarms",
            "read siaga110/queue",
            "read siaga110/calls/#",
            "read siaga110/desks/#",
            "read siaga110/radio/#",
            "read siaga110/journal/#",
            "write siaga110/command/#",
            "readwrite siaga110/reply/supervisor/#",
        ],
        "wallboard": [
            "read siaga110/status",
            "read siaga110/status/publisher",
            "read siaga110/queue",
            "read siaga110/desks/#",
            "read siaga110/radio/#",
        ],
    }
    assert set(rights(state)) == set(MQTT_USERS)


def test_passwords_are_hashed_and_nobody_elses(state: StateDir, secrets: Secrets, config: list[str]) -> None:
    lines = (state.broker / "passwords").read_text(encoding="utf-8").splitlines()
    assert [line.split(":")[0] for line in lines] == list(MQTT_USERS)
    for line, password in zip(lines, secrets.mqtt.values(), strict=True):
        assert line.split(":")[1].startswith("$"), "not hashed"
        assert password not in line
    for name in ("passwords", "rights", "mosquitto.conf"):
        assert (state.broker / name).stat().st_mode & 0o077 == 0, name


def test_written_again(state: StateDir, secrets: Secrets, config: list[str]) -> None:
    """The second start of a state directory."""
    again = broker.write(state, LISTEN, secrets, program("mosquitto_passwd"))
    assert again.read_text(encoding="utf-8").splitlines() == config
    assert len((state.broker / "passwords").read_text(encoding="utf-8").splitlines()) == len(MQTT_USERS)


def test_passwords_that_cannot_be_hashed_leave_the_old_ones(
    state: StateDir, secrets: Secrets, config: list[str], tmp_path: Path
) -> None:
    before = (state.broker / "passwords").read_bytes()
    failing = tmp_path / "mosquitto_passwd"
    failing.write_text('#!/bin/sh\n: > "$2"\necho "no room" >&2\nexit 1\n')
    failing.chmod(0o755)
    with pytest.raises(StackError, match="mosquitto_passwd failed: no room"):
        broker.write(state, LISTEN, secrets, failing)
    assert (state.broker / "passwords").read_bytes() == before
    assert sorted(path.name for path in state.broker.iterdir()) == ["mosquitto.conf", "passwords", "rights"]


def test_a_user_without_a_name(state: StateDir, secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container the user often has a number only."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    written = broker.write(state, LISTEN, secrets, program("mosquitto_passwd"))
    assert "user root" in written.read_text(encoding="utf-8").splitlines()


def test_mosquitto_passwd_fails(state: StateDir, secrets: Secrets, tmp_path: Path) -> None:
    failing = tmp_path / "mosquitto_passwd"
    failing.write_text("#!/bin/sh\necho tidak bisa >&2\nexit 1\n")
    failing.chmod(0o755)
    with pytest.raises(StackError, match="mosquitto_passwd failed: tidak bisa"):
        broker.write(state, LISTEN, secrets, failing)


def test_a_client_id_that_only_who_has_the_password_can_know() -> None:
    """Whoever connects with our id drops our connection."""
    ours, other = Broker("h", 1883, "application", "rahasia"), Broker("h", 1883, "application", "lain")
    assert ours.identifier("publisher") == ours.identifier("publisher")
    assert len({ours.identifier("publisher"), ours.identifier("application"), other.identifier("publisher")}) == 3
    assert "rahasia" not in ours.identifier("publisher")
