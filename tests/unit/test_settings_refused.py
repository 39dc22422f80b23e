"""What is refused in ``siaga.toml``, and in which words: file, key and reason, in one line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.full_config import FULL, changed, refusal

SECTIONS = ("site", "asterisk", "mqtt", "database", "queue", "transfer", "block", "emergency")
TABLES = {"trunk": "pstn", "polres": "01", "desk": "1001", "radio": "300"}


@pytest.mark.parametrize("section", SECTIONS)
def test_unknown_key_in_a_section(tmp_path: Path, section: str) -> None:
    (tmp_path / "siaga.toml").write_text(changed(f"[{section}]\n", f"[{section}]\nkunci = 1\n"), encoding="utf-8")
    assert refusal(tmp_path / "siaga.toml") == f"{section}.kunci: unknown key"


@pytest.mark.parametrize(("table", "name"), TABLES.items())
def test_unknown_key_in_a_table(tmp_path: Path, table: str, name: str) -> None:
    path = tmp_path / "siaga.toml"
    path.write_text(changed(f"[[{table}]]\n", f"[[{table}]]\nkunci = 1\n"), encoding="utf-8")
    assert refusal(path) == f"{table}[1] ({name}).kunci: unknown key"


def test_unknown_sections(tmp_path: Path) -> None:
    path = tmp_path / "siaga.toml"
    path.write_text(f'kunci = 1\n"a\\nb" = 2\n{FULL}[lain]\n', encoding="utf-8")
    assert refusal(path) == "kunci: unknown key (and 2 more)"
    path.write_text(f'"a\\nb" = 2\n{FULL}', encoding="utf-8")
    assert refusal(path) == r"'a\nb': unknown key"


DESK = '[[desk]]\nextension = "1002"\n'
WRONG = [
    # twice
    (DESK, DESK + DESK, "desk.extension: 1002 is there twice"),
    (DESK, DESK * 3, "desk.extension: 1002 is there 3 times"),
    ("[[desk]]", '[[polres]]\ncode = "01"\nname = "Lain"\n[[desk]]', "polres.code: 01 is there twice"),
    ("[[polres]]", '[[trunk]]\nname = "pstn"\nmatch = ["10.0.0.1"]\ncontact = "sip:x"\n[[polres]]', "trunk.name: pstn"),
    ("[[polres]]", '[[trunk]]\nname = "b"\nmatch = ["127.0.0.2"]\ncontact = "sip:x"\n[[polres]]', "trunk.match: 127.0"),
    ('["127.0.0.2"]', '["127.0.0.2", "127.0.0.2/32"]', "trunk.match: 127.0.0.2 is there twice"),
    ("[[radio]]", '[[radio]]\nnet = "300"\nname = "B"\ngateway = "sip:300@x"\n[[radio]]', "radio.net: 300 is there tw"),
    ('["110"]', '["110", "110"]', "site.emergency_numbers: 110 is there twice"),
    ('http = "127.0.0.1:8088"', 'http = "127.0.0.1:5060"', "asterisk.http: 127.0.0.1:5060 is asterisk.sip already"),
    ("127.0.0.1:1883", "0.0.0.0:8088", "mqtt.listen: 0.0.0.0:8088 is asterisk.http already"),
    # dialled for two things
    (DESK, '[[desk]]\nextension = "110"\n', "desk.extension: 110 is dialled for site.emergency_numbers already"),
    ('\nnet = "300"', '\nnet = "1002"', "radio.net: 1002 is dialled for desk.extension already"),
    (DESK, '[[desk]]\nextension = "201"\n', "polres.code: 201 is dialled for desk.extension already"),
    ('name = "pstn"', 'name = "1001"', "trunk.name: 1001 is a number that can be dialled"),
    ('name = "pstn"', 'name = "radio-300"', "trunk.name: radio-300 is what the gateway of a radio net is called"),
    # units
    (DESK, DESK + 'unit = "02"\n', "desk.unit: desk 1002 is of the unknown unit '02'"),
    ('unit = "polda"', 'unit = "Polda"', "desk.unit: desk 1001 is of the unknown unit 'Polda'"),
    (
        f'unit = "polda"\nsecret = "rahasia-1001"\nlogin = true\n\n{DESK}',
        'unit = "01"\n',
        "desk.unit: no desk has unit",
    ),
    # missing
    ('[site]\nname = "Polda Uji"\n', "[site]\n", "site.name: is missing"),
    ('match = ["127.0.0.2"]\n', "", "trunk[1] (pstn).match: is missing"),
    ('["127.0.0.2"]', "[]", "trunk[1] (pstn).match: "),
    ('["110"]', "[]", "site.emergency_numbers: "),
    ("latitude = 3.5\n", "", "polres[1] (01): latitude and longitude go together"),
    # wrong types
    ('name = "Polda Uji"', "name = 5", "site.name: "),
    ('["110"]', '"110"', "site.emergency_numbers: is not a list"),
    ('["110"]', "[110]", "site.emergency_numbers[1]: "),
    ("ring_seconds = 12", 'ring_seconds = "12"', "queue.ring_seconds: "),
    ("ring_seconds = 12", "ring_seconds = 12.0", "queue.ring_seconds: "),
    ("ring_seconds = 12", "ring_seconds = 0", "queue.ring_seconds: "),
    ("overflow_seconds = 30", "overflow_seconds = 1979-05-27", "queue.overflow_seconds: "),
    ("answer_seconds = 5", "answer_seconds = -5", "transfer.answer_seconds: "),
    ("pranks = 5", "pranks = inf", "block.pranks: "),
    ("[10000, 14999]", '["10000", "14999"]', "asterisk.rtp[1]: "),
    ("[10000, 14999]", "[10000.0, 14999.0]", "asterisk.rtp[1]: "),
    ("[10000, 14999]", "10000", "asterisk.rtp: is not a list"),
    ('sip = "127.0.0.1:5060"', "sip = 5060", "asterisk.sip: 5060 is not HOST:PORT"),
    ('"127.0.0.1:5060"', '{ host = "127.0.0.1", port = 5060 }', "asterisk.sip: {"),
    ("login = true", 'login = "yes"', "desk[1] (1001).login: "),
    ("login = true", "login = 1", "desk[1] (1001).login: "),
    ("latitude = 3.5", 'latitude = "3.5"', "polres[1] (01).latitude: "),
    ("latitude = 3.5", "latitude = nan", "polres[1] (01).latitude: "),
    ("latitude = 3.5", "latitude = 91", "polres[1] (01).latitude: "),
    ("longitude = 98", "longitude = -180.5", "polres[1] (01).longitude: "),
    ('extension = "1002"', "extension = 1002", "desk[2].extension: "),
    ('code = "01"', 'code = "1"', "polres[1] (1).code: '1' is not allowed here"),
    ('ptt = "vox"', 'ptt = "VOX"', "radio[1] (300).ptt: "),
    ('key_down = "*"', 'key_down = "T"', "radio[1] (300).key_down: 'T' is not allowed here"),
    ('match = ["127.0.0.4"]', 'match = ["gateway"]', "radio[1] (300).match[1]: 'gateway' is not an IPv4"),
    ("lead_in_ms = 300", "lead_in_ms = 1001", "radio[1] (300).lead_in_ms: "),
    ('operator_ptt = "key"', 'operator_ptt = "dtmf"', "radio[1] (300).operator_ptt: "),
    ('call_code = "*110"', 'call_code = "1"', "radio[1] (300).call_code: '1' is not allowed here, only 2 to 8"),
    ('call_code = "*110"', 'call_code = ""', "radio[1] (300).call_code: '' is not allowed here"),
    ('call_code = "*110"', 'call_code = "110;"', "radio[1] (300).call_code: '110;' is not allowed here"),
    (
        'ptt = "vox"\nkey_down = "*"',
        'ptt = "dtmf"\nkey_down = "*110"',
        "radio.call_code: *110 of net 300 is in what we",
    ),
    ('ptt = "vox"\nkey_down = "*"\nkey_up = "#"', 'ptt = "dtmf"\nkey_down = "*1"\nkey_up = "10"', "radio.call_code: "),
    ('announce_net = "300"', 'announce_net = "301"', "emergency.announce_net: there is no radio net 301"),
    ('announce_net = "300"', 'announce_net = "HT"', "emergency.announce_net: 'HT' is not allowed here, only 2 to 8 d"),
    ("[[trunk]]", "[trunk]", "trunk: is not a list"),
    ("[transfer]", "[[transfer]]", "transfer: is not a table"),
    # booleans where numbers are wanted
    ("ring_seconds = 12", "ring_seconds = true", "queue.ring_seconds: "),
    ("wrapup_seconds = 15", "wrapup_seconds = false", "queue.wrapup_seconds: "),
    ("answer_seconds = 5", "answer_seconds = true", "transfer.answer_seconds: "),
    ("pranks = 5", "pranks = true", "block.pranks: "),
    ("timeout_seconds = 60", "timeout_seconds = true", "radio[1] (300).timeout_seconds: "),
    ("latitude = 3.5", "latitude = true", "polres[1] (01).latitude: "),
    ("longitude = 98", "longitude = false", "polres[1] (01).longitude: "),
    ("[10000, 14999]", "[true, 14999]", "asterisk.rtp[1]: "),
    # addresses
    ('"127.0.0.2"]', '"trunk.example"]', "trunk[1] (pstn).match[1]: 'trunk.example' is not an IPv4"),
    ('"127.0.0.2"]', '"::1"]', "trunk[1] (pstn).match[1]: '::1' is not an IPv4"),
    ('"127.0.0.2"]', '"0.0.0.0/0"]', "trunk[1] (pstn).match[1]: the whole world"),
    ('"127.0.0.2"]', '"10.0.0.0/33"]', "trunk[1] (pstn).match[1]: "),
    ("sip:127.0.0.2:5060", "127.0.0.2:5060", "trunk[1] (pstn).contact: is not sip:"),
    ("sip:127.0.0.2:5060", "sips:127.0.0.2:5061", "trunk[1] (pstn).contact: begins with sips:, and SIP is"),
    ("sip:300@127.0.0.4:5060", "SIPS:300@127.0.0.4", "radio[1] (300).gateway: begins with sips:, and SIP is"),
    ("sip:127.0.0.2:5060", "sip:127.0.0.2:65536", "trunk[1] (pstn).contact: is not sip:"),
    ("sip:127.0.0.2:5060", "sip:127.0.0.2:0", "trunk[1] (pstn).contact: is not sip:"),
    ("sip:127.0.0.2:5060", "sip:127.0.0.256", "trunk[1] (pstn).contact: is not sip:"),
    ("sip:300@127.0.0.4:5060", "sip:300@@127.0.0.4", "radio[1] (300).gateway: is not sip:"),
    ("127.0.0.1:8088", "0.0.0.0:8088", "asterisk.http: 0.0.0.0:8088 is not a loopback address"),
    ("127.0.0.1:8088", "192.168.1.5:8088", "asterisk.http: 192.168.1.5:8088 is not a loopback"),
    ("127.0.0.1:8088", "127.example.org:8088", "asterisk.http: 127.example.org:8088 is not a loopback"),
    ('listen = "127.0.0.1:1883"', 'listen = "127.0.0.1:1883"\nurl = "mqtt://b"', "mqtt: listen and url exclude each"),
    ('listen = "127.0.0.1:1883"', 'url = "https://broker"', "mqtt.url: "),
    ('listen = "127.0.0.1:1883"', 'url = "mqtts://b"\nca = "ca.pem"', "mqtt.ca: 'ca.pem' must begin with /"),
    ('listen = "127.0.0.1:1883"', 'url = "mqtts://b"\nca = true', "mqtt.ca: True must begin with /"),
    ('listen = "127.0.0.1:1883"', 'url = "mqtt://b"\nca = "/ca.pem"', "mqtt: ca, certificate and key are for"),
    ('listen = "127.0.0.1:1883"', 'listen = "127.0.0.1:1883"\nca = "/ca"', "mqtt: ca, certificate and key are for"),
    ('listen = "127.0.0.1:1883"', 'url = "mqtts://b"\nkey = "/k"', "mqtt: key goes with a certificate"),
    # RTP
    ("[10000, 14999]", "[5000, 14999]", "asterisk.rtp: [5000, 14999] takes in the SIP port 5060"),
    ("[10000, 14999]", "[14999, 10000]", "asterisk.rtp: [14999, 10000] leaves no room"),
    ("[10000, 14999]", "[10000, 10002]", "asterisk.rtp: [10000, 10002] leaves no room"),
    ("[10000, 14999]", "[1023, 14999]", "asterisk.rtp[1]: "),
    ("[10000, 14999]", "[10000, 65536]", "asterisk.rtp[2]: "),
    ("[10000, 14999]", "[10000, 12000, 14999]", "asterisk.rtp: "),
    # time zone, region
    ("Asia/Jakarta", "Asia/Atlantis", "site.timezone: there is no time zone 'Asia/Atlantis'"),
    ("Asia/Jakarta", "../../etc/passwd", "site.timezone: "),
    ("Asia/Jakarta", "", "site.timezone: "),
    ('region = "ID"', 'region = "id"', "site.region: there is no region 'id'"),
    ('region = "ID"', 'region = "XX"', "site.region: "),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[said for _, _, said in WRONG])
def test_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "siaga.toml"
    path.write_text(changed(old, new), encoding="utf-8")
    assert refusal(path).startswith(said)


ADDRESSES = [
    "127.0.0.1", "127.0.0.1:", ":5060", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:5060 ",
    "127.0.0.1:99999999999", "127.0.0.1:٥٠٦٠", "127.0.0.1:5060:5060", "127.1:5060", "1.2.3.4.5:5060",
    "[::1]:5060", "a b:5060", "a..b:5060", f"{'a' * 64}:5060", "", "tcp://127.0.0.1:5060",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("key", ["asterisk.sip", "asterisk.http", "mqtt.listen"])
def test_bad_address(tmp_path: Path, key: str, address: str) -> None:
    name = key.split(".")[1]
    text = re.sub(rf"^{name} = .*$", f'{name} = "{address}"', FULL, flags=re.MULTILINE)
    (tmp_path / "siaga.toml").write_text(text, encoding="utf-8")
    assert refusal(tmp_path / "siaga.toml") == f"{key}: {address!r} is not HOST:PORT"


@pytest.mark.parametrize("section", ["site", "trunk", "desk"])
def test_missing_section(tmp_path: Path, section: str) -> None:
    kept = [part for part in re.split(r"(?m)^(?=\[)", FULL) if not part.startswith((f"[{section}]", f"[[{section}]]"))]
    (tmp_path / "siaga.toml").write_text("".join(kept), encoding="utf-8")
    assert refusal(tmp_path / "siaga.toml") == f"{section}: is missing"


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "siaga.toml").write_text("", encoding="utf-8")
    assert refusal(tmp_path / "siaga.toml") == "site: is missing (and 2 more)"


@pytest.mark.parametrize(
    "text",
    [
        "[site", "site = ", '[site]\nname = "a\nb"', "[site]\n[site]", "x = 2020-13-01", '"', "\0",
        f"x = {'[' * 5000}", f"x = {'9' * 5000}",
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_not_toml(tmp_path: Path, text: str) -> None:
    (tmp_path / "siaga.toml").write_text(text, encoding="utf-8")
    assert refusal(tmp_path / "siaga.toml").startswith("not TOML: ")


def test_not_a_text_file(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes('[site]\nname = "Simalungun né"'.encode("latin-1"))
    assert refusal(tmp_path / "latin") == "not UTF-8 text"
    assert refusal(tmp_path) == "cannot be read: Is a directory"
    assert refusal(tmp_path / "missing.toml") == "cannot be read: No such file or directory"
    assert refusal(tmp_path / "latin" / "siaga.toml") == "cannot be read: Not a directory"


def test_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)  # root may read everything, so no mode would do
    assert refusal(tmp_path) == "cannot be read: Permission denied"
