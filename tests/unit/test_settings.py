"""``siaga.toml``: what loads, and that no refusal tells a secret (test_settings_refused.py has the others)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from ari_app.bus.broker import broker_of
from ari_app.site.secrets import Secrets
from ari_app.site.settings import Settings, load_settings
from ari_app.site.values import Address
from tests.unit.full_config import CONTRACT, FULL, changed, refusal

REPO = Path(__file__).parents[2]

Load = Callable[[str], Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Writes a configuration and loads it."""

    def load(text: str) -> Settings:
        path = tmp_path / "siaga.toml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path)

    return load


# ---- what loads


def test_shipped_example() -> None:
    settings = load_settings(REPO / "siaga.example.toml")
    assert settings.site.name == "Polda Sumatera Utara"
    assert [desk.unit for desk in settings.desk] == [*["polda"] * 3, "01"]
    assert len(settings.trunk) == len(settings.radio) == 1
    assert [polres.code for polres in settings.polres] == [f"{number:02}" for number in range(1, 30)]
    assert len({polres.name for polres in settings.polres}) == 29
    assert len({(polres.latitude, polres.longitude) for polres in settings.polres}) == 29
    for polres in settings.polres:
        # The province reaches from Nias Selatan's islands to the border of Aceh and to that of Riau.
        assert polres.latitude is not None, polres.name
        assert -0.7 < polres.latitude < 4.4, polres.name
        assert polres.longitude is not None, polres.name
        assert 97.0 < polres.longitude < 100.5, polres.name


def test_what_the_example_says_of_left_out_keys(load: Load) -> None:
    """'What is left out has the value that stands here, unless it says otherwise.'"""
    example = load_settings(REPO / "siaga.example.toml")
    needed = {"site": {"name": "x"}, "desk": [{"extension": "1001"}], "trunk": [example.trunk[0].model_dump()]}
    bare = Settings.model_validate(needed)
    for section in ("asterisk", "database", "queue", "prompts", "transfer", "block", "emergency"):
        assert getattr(bare, section) == getattr(example, section), section
    assert bare.mqtt.own_broker == example.mqtt.own_broker
    assert bare.site == example.site.model_copy(update={"name": "x"})
    assert bare.desk[0] == example.desk[0].model_copy(update={"login": True})


@pytest.mark.parametrize("section", ["queue", "prompts", "transfer", "block"])
def test_the_example_has_every_key_that_the_sop_is_carried_out_with(section: str) -> None:
    content = (REPO / "siaga.example.toml").read_text(encoding="utf-8")
    used = getattr(load_settings(REPO / "siaga.example.toml"), section)
    assert set(tomllib.loads(content)[section]) == set(type(used).model_fields)
    assert "not used yet" not in content


def test_contract(load: Load) -> None:
    """The configuration as CONTRACT.md has it."""
    settings = load(CONTRACT)
    assert settings.asterisk.rtp == (10000, 14999)
    assert settings.desk[0].secret == "..."
    assert (settings.queue.ring_seconds, settings.transfer.answer_seconds, settings.block.pranks) == (12, 5, 5)
    assert settings.radio[0].gateway == "sip:300@127.0.0.4:5060"


def test_full_names_every_key() -> None:
    """So that the tests below leave no section out."""
    content = tomllib.loads(FULL)
    assert set(content) == set(Settings.model_fields)
    settings = Settings.model_validate(content)
    for name, value in settings:
        keys = content[name] if isinstance(content[name], dict) else content[name][0]
        model = type(value[0] if isinstance(value, tuple) else value)
        fields = {field.alias or key for key, field in model.model_fields.items()}
        another_brokers = {"url", "ca", "certificate", "key"} if name == "mqtt" else {"url"}
        assert fields - another_brokers == set(keys) - another_brokers


def test_polda_desks_in_the_files_order(load: Load) -> None:
    text = changed('extension = "1002"', 'extension = "2001"\nunit = "01"\n[[desk]]\nextension = "1000"')
    settings = load(text)
    assert [desk.extension for desk in settings.polda_desks] == ["1001", "1000"]
    assert [desk.extension for desk in settings.desk] == ["1001", "2001", "1000"]


def test_another_broker(load: Load) -> None:
    assert load(FULL).mqtt.own_broker == Address(host="127.0.0.1", port=1883)
    settings = load(changed('listen = "127.0.0.1:1883"', 'url = "mqtts://broker:8883"'))
    assert settings.mqtt.own_broker is None
    files = 'ca = "/etc/ca.pem"\ncertificate = "/etc/siaga.pem"\nkey = "/etc/siaga.key"'
    settings = load(changed('listen = "127.0.0.1:1883"', f'url = "mqtts://broker"\n{files}'))
    broker = broker_of(settings.mqtt, Secrets({}, {"application": "rahasia"}, {}), "application")
    assert (broker.port, broker.is_tls, broker.ca, broker.certificate, broker.key) == (
        8883, True, Path("/etc/ca.pem"), Path("/etc/siaga.pem"), Path("/etc/siaga.key"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1/32", "10.0.0.1"),
        ("10.0.0.7/24", "10.0.0.0/24"),
        ("10.0.0.0/255.255.255.0", "10.0.0.0/24"),
        # To Asterisk this would be a mask, under which every x.x.x.1 is the trunk.
        ("10.0.0.1/0.0.0.255", "10.0.0.0/24"),
    ],
)
def test_networks_mean_to_asterisk_what_they_mean_here(load: Load, written: str, kept: str) -> None:
    assert load(changed('["127.0.0.2"]', f'["{written}"]')).trunk[0].match == (kept,)


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "siaga.toml"
    path.write_bytes(b"\xef\xbb\xbf" + FULL.replace("\n", "\r\n").encode())
    assert load_settings(path) == Settings.model_validate(tomllib.loads(FULL))


def test_frozen(load: Load) -> None:
    settings = load(FULL)
    parts = [settings, settings.asterisk.sip, *(value for _, value in settings)]
    models = [part[0] if isinstance(part, tuple) else part for part in parts]
    assert len(models) == 16
    for model in models:
        name = next(iter(type(model).model_fields))
        with pytest.raises(ValidationError, match="frozen"):
            setattr(model, name, getattr(model, name))
    hash(settings)  # nothing inside can be changed either: lists and dicts have no hash


@pytest.mark.parametrize(
    "table",
    [
        '[[desk]]\nsecret = "RAHASIA"\nextension = 1003\n',
        '[[desk]]\nextension = "1003"\nsecret = "RAHASIA;"\n',
        '[[desk]]\nextension = "1003"\nsecret = "RAHASIA\\nb"\n',
        '[[desk]]\nextension = "1003"\nsecret = ["RAHASIA"]\n',
        '[[desk]]\nextension = "1003"\nsecrets = "RAHASIA"\n',
        '[[desk]]\nsecret = "RAHASIA"\n',
        '[[desk]]\nsecret = "RAHASIA"\nextension = "1001"\n',
        '[[desk]]\nsecret = "RAHASIA"\nextension = "1003"\nunit = "44"\n',
        '[[trunk]]\nname = "b"\nmatch = ["10.0.0.1"]\ncontact = "sip:b:RAHASIA@10.0.0.1"\n',
        '[[radio]]\nnet = "301"\nname = "B"\ngateway = "sip:b:RAHASIA@10.0.0.1"\n',
        "[mqtt]\nurl = 'http://b:RAHASIA@broker'\n",
        "[mqtt]\nurl = ['mqtt://b:RAHASIA@broker']\n",
        "[mqtt]\nlisten = '127.0.0.1:1883'\nurl = 'mqtt://b:RAHASIA@broker'\n",
        "[database]\nurl = ['postgresql://b:RAHASIA@base/siaga']\n",
        "[[desk]]\nextension = '1003'\nsecret = 'RAHASIA\n",
    ],
)
def test_no_secret_is_told(tmp_path: Path, table: str) -> None:
    text = FULL
    for section in ("mqtt", "database"):
        if table.startswith(f"[{section}]"):
            text = re.sub(rf"(?m)^\[{section}\]\n.*\n", "", text)
    (tmp_path / "siaga.toml").write_text(text + table, encoding="utf-8")
    assert "RAHASIA" not in refusal(tmp_path / "siaga.toml")
