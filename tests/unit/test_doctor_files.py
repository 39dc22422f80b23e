"""`siaga doctor`: folders, sounds, certificates, and the programs beside the application; each fails for real."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import wave
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ari_app.domain.facts import Fact
from ari_app.site.pins import pins_file
from ari_app.site.room import rooms
from ari_app.site.secrets import load
from ari_app.site.settings import load_settings
from cli import checks_files
from cli.certificates import valid_until
from cli.checks_journal import MUCH_BEHIND
from cli.processes import UNITS, log_of
from scripts.stack.broker import write
from scripts.stack.prepare import program
from tests.unit.cli_site import CONFIG, NOWHERE, REPO, CliSite
from tests.unit.doctor_site import findings, results, running, with_room
from tests.unit.trouble import until

OPENSSL = shutil.which("openssl")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    with_room(monkeypatch)
    return CliSite(tmp_path / "state", monkeypatch, capfd)


# ---- recordings and sounds


def test_recordings_on_a_full_disk(site: CliSite) -> None:
    """A file system of its own that is full: other users of the machine have it, too."""
    assert results(site)["recordings"] == "ok"
    full = (
        f"mount -t tmpfs -o size=64k none '{site.state.recordings}' && "
        f"head -c 1M /dev/zero > '{site.state.recordings}/x' 2>/dev/null; exec '{sys.executable}' -m cli doctor"
    )
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", full], cwd=REPO, capture_output=True, text=True, timeout=60, check=False
    )
    if "doctor" not in done.stdout and "unshare" in done.stderr:
        pytest.skip("no file system of one's own can be mounted here")
    assert "No space left on device; calls go on, but are not recorded" in done.stdout


def test_no_folder_for_recordings(site: CliSite) -> None:
    site.state.recordings.rmdir()
    assert "is not there" in findings(site)["recordings"][1]


@pytest.mark.parametrize(("which", "said"), [(0, "new calls are not recorded"), (1, "the radio nets are not recorded")])
def test_no_room_for_new_recordings(site: CliSite, which: int, said: str) -> None:
    mark = rooms(site.state)[which].mark
    mark.touch()
    result, text = findings(site)["recordings"]
    assert (result, text.startswith(said)) == ("failed", True)
    assert "docs/operations.md" in text
    os.utime(mark, (0, 0))  # nobody has renewed it for long
    assert results(site)["recordings"] == "ok"


def sound(path: Path, rate: int = 8000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(bytes(1600))


@pytest.fixture
def sounding(site: CliSite) -> CliSite:
    """Every sound that is missing is made."""
    while (found := findings(site)["sounds"])[0] == "failed":
        for name in found[1].partition("mono: ")[2].partition(";")[0].split(", "):
            if not name.startswith("+"):
                sound(site.state.sounds / f"{name}.wav")
    return site


def test_sounds(sounding: CliSite) -> None:
    assert results(sounding)["sounds"] == "ok"
    some = next(sounding.state.sounds.glob("*.wav"))
    own = sounding.state.sounds / "recorded" / some.name
    sound(own, rate=16000)
    assert "else nothing starts" in findings(sounding)["sounds"][1]
    sound(own)
    assert "1 of them own" in findings(sounding)["sounds"][1]
    own.write_bytes(own.read_bytes() + b"\0\0")
    assert "from the next start on" in findings(sounding)["sounds"][1]
    own.rename(own.with_name("nobody.wav"))
    assert findings(sounding)["sounds"] == ("warning", "no sound has the name of these own recordings: nobody.wav")
    some.write_bytes(b"RIFF")
    assert some.stem in findings(sounding)["sounds"][1]
    (sounding.state.sounds / "tone.made").touch()
    assert "2 of" in findings(sounding)["sounds"][1]


# ---- PINs


@pytest.fixture
def staffed(site: CliSite, monkeypatch: pytest.MonkeyPatch) -> CliSite:
    monkeypatch.setenv("SIAGA_SUPERVISOR", "budi")
    for nrp in ("11111", "22222"):
        assert site.run("operators", "add", nrp, "Nama", "--pin", "1234").code == 0
    return site


def test_pins(staffed: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(staffed)["pins"] == ("ok", "all 2 operators have one")
    file = pins_file(staffed.state)
    with monkeypatch.context() as patch:
        patch.setattr(checks_files, "owner", lambda path: "root" if path == file else "siaga")
        assert findings(staffed)["pins"] == (
            "warning", f"{file} is root's, and siaga must be able to read it: chown siaga {file}",
        )  # fmt: skip
    kept = json.loads(file.read_text())
    file.write_text(json.dumps(kept | {"22222": "$argon2id$"}))
    result, text = findings(staffed)["pins"]
    assert (result, "1 of 2 operators" in text, "22222" in text) == ("warning", True, True)
    file.unlink()
    result, text = findings(staffed)["pins"]
    assert (result, "11111, 22222" in text) == ("failed", True)


def test_pins_that_cannot_be_read(staffed: CliSite) -> None:
    """It stops no call, so the application runs; but every login by phone is refused."""
    file = pins_file(staffed.state)
    file.write_text("{")
    result, text = findings(staffed)["pins"]
    assert (result, "pins.json is damaged" in text) == ("failed", True)
    assert text.endswith("nobody can log in by phone")
    file.unlink()
    file.mkdir()
    assert "cannot be read: Is a directory" in findings(staffed)["pins"][1]


def test_no_operator_yet(site: CliSite) -> None:
    assert findings(site)["pins"] == ("ok", "there is no operator yet")


# ---- logs


def test_where_the_logs_are(site: CliSite) -> None:
    """systemd keeps what ``scripts/run`` puts into files."""
    for name, unit in UNITS.items():
        assert (REPO / "scripts" / "systemd" / f"{unit}.service.j2").exists()
        assert log_of(site.state, name) == f"`journalctl -u {unit}`"
        file = site.state.log / f"{name}.log"
        file.touch()
        assert log_of(site.state, name) == str(file)


def test_logs_that_doctor_names(site: CliSite) -> None:
    running(site, 28088).close()
    found = findings(site)
    assert "see `journalctl -u siaga-asterisk`" in found["asterisk"][1]
    assert "see `journalctl -u siaga-broker`" in found["broker"][1]
    (site.state.log / "asterisk.log").touch()
    (site.state.log / "mosquitto.log").touch()
    found = findings(site)
    assert str(site.state.log / "asterisk.log") in found["asterisk"][1]
    assert str(site.state.log / "mosquitto.log") in found["broker"][1]
    site.tell(Fact("supervisor:budi", "number.blocked", data={"number": f"+62812{n:08}"}) for n in range(MUCH_BEHIND))
    assert "see `journalctl -u siaga-tables`" in findings(site)["database"][1]


# ---- certificates


AUTHORITY = """\
[ca]
default_ca = own
[own]
new_certs_dir = .
database = index
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, timeout=20, check=True)


def certificate(folder: Path, begin: str, end: str) -> tuple[Path, Path]:
    """A certificate that signs itself, good from then until then (``20250131000000Z``), and its key."""
    (folder / "ca.conf").write_text(AUTHORITY)
    (folder / "index").write_text("")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem"]
    openssl(folder, "req", "-new", *key, "-subj", "/CN=siaga", "-out", "request.pem")
    dates = ["-startdate", begin, "-enddate", end, "-in", "request.pem", "-out", "cert.pem"]
    openssl(folder, "ca", "-batch", "-notext", "-config", "ca.conf", "-selfsign", "-keyfile", "key.pem", *dates)
    return folder / "cert.pem", folder / "key.pem"


def with_tls(site: CliSite, file: Path, key: Path) -> None:
    keys = f'url = "mqtts://{NOWHERE}"\nca = "{file}"\ncertificate = "{file}"\nkey = "{key}"'
    site.configure(CONFIG.replace(f'listen = "{NOWHERE}"', keys))


@pytest.mark.skipif(OPENSSL is None, reason="there is no openssl")
def test_certificates(site: CliSite, tmp_path: Path) -> None:
    assert results(site)["certificates"] == "ok"
    file, key = certificate(tmp_path, "20240101000000Z", "20250131000000Z")
    assert valid_until(file) == datetime(2025, 1, 31, tzinfo=UTC)
    with_tls(site, file, key)
    assert findings(site)["certificates"] == (
        "failed", f"{file} ended on 2025-01-31: no broker takes it; put a new one there",
    )  # fmt: skip
    soon = datetime.fromtimestamp(datetime.now(UTC).timestamp() + 864_000, UTC)
    certificate(tmp_path, "20240101000000Z", f"{soon:%Y%m%d%H%M%SZ}")
    assert results(site)["certificates"] == "warning"
    certificate(tmp_path, "20240101000000Z", "20620131000000Z")
    assert findings(site)["certificates"] == ("ok", "good until 2062-01-31")
    key.write_text("no key")
    assert results(site)["certificates"] == "failed"
    file.unlink()
    assert results(site)["certificates"] == "failed"


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----", "\udcff"])
def test_no_certificate(tmp_path: Path, content: str) -> None:
    file = tmp_path / "x.pem"
    file.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(OSError, match=r"x\.pem"):
        valid_until(file)


# ---- programs and the broker


@pytest.mark.parametrize(
    ("check", "command"),
    [
        ("guard", ["-I", "-S", "scripts/guard.py"]),
        ("publisher", ["-m", "ari_app.publish"]),
        ("tables", ["-m", "ari_app.tables"]),
    ],
)
def test_a_program_that_runs_and_one_that_does_not(site: CliSite, check: str, command: list[str]) -> None:
    running(site, 28088).close()
    assert results(site)[check] == "failed"
    started = [sys.executable, *command, "--state", os.path.relpath(site.state.root, REPO)]
    with subprocess.Popen(started, cwd=REPO, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            until(lambda: results(site)[check] == "ok", "it is seen")
        finally:
            process.kill()
    assert results(site)[check] == "failed"


@pytest.fixture
def mosquitto(site: CliSite) -> Iterator[subprocess.Popen[bytes]]:
    """A broker of the site's own, that lets it in."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        where = f"127.0.0.1:{unused.getsockname()[1]}"
    running(site, 28088, where).close()
    settings = load_settings(site.state.config)
    own = settings.mqtt.own_broker
    assert own is not None
    config = write(site.state, own, load(site.state, settings), program("mosquitto_passwd"))
    command: list[str | Path] = [program("mosquitto"), "-c", config]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: results(site)["broker"] == "ok", "it answers")
            yield process
        finally:
            process.kill()


def test_a_broker_that_stops_answering_and_one_that_ends(site: CliSite, mosquitto: subprocess.Popen[bytes]) -> None:
    mosquitto.send_signal(signal.SIGSTOP)
    assert results(site)["broker"] == "failed"
    mosquitto.kill()
    mosquitto.wait()
    assert "refused" in findings(site)["broker"][1]


def test_a_broker_that_does_not_let_us_in(site: CliSite, mosquitto: subprocess.Popen[bytes]) -> None:
    site.state.secrets.write_text(site.state.secrets.read_text().replace('"supervisor": "', '"supervisor": "x'))
    assert results(site)["broker"] == "failed"


def test_how_far_the_publisher_is(site: CliSite, mosquitto: subprocess.Popen[bytes]) -> None:
    """As the broker has it: an import writes thousands of lines at once, and all of them are told a moment later."""
    assert mosquitto.poll() is None
    many = [Fact("supervisor:budi", "number.blocked", data={"number": f"+62812{n:08}"}) for n in range(MUCH_BEHIND)]
    command = [sys.executable, "-m", "ari_app.publish", "--state", str(site.state.root)]
    with subprocess.Popen(command, cwd=REPO, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            site.tell(many)
            until(lambda: results(site)["publisher"] == "ok", "it keeps up")
            process.send_signal(signal.SIGSTOP)
            site.tell(many)
            result, text = findings(site)["publisher"]
            assert result == "warning"
            assert int(text.split()[0]) >= MUCH_BEHIND
            assert "see `journalctl -u siaga-publisher`" in text
        finally:
            process.kill()


# ---- the radio's lines


def test_gateways(site: CliSite) -> None:
    net = '\n[[radio]]\nnet = "300"\nname = "Komando"\ngateway = "sip:300@127.0.0.4:5060"\n'
    running(site, 28088, more=net).close()
    assert results(site)["gateways"] == "warning"
    site.tell([Fact("system", "radio.gateway_up", data={"net": "300"})])
    assert results(site)["gateways"] == "ok"
    site.tell([Fact("system", "radio.gateway_down", data={"net": "300"})])
    result, text = findings(site)["gateways"]
    assert result == "failed"
    assert "300 (sip:300@127.0.0.4:5060, " in text


def test_a_gateway_that_nobody_needs(site: CliSite) -> None:
    """Its line is there on demand: that it is not there is no fault."""
    net = '\n[[radio]]\nnet = "300"\nname = "Komando"\ngateway = "sip:300@127.0.0.4:5060"\nconnect = "on_demand"\n'
    running(site, 28088, more=net).close()
    site.tell([Fact("system", f"radio.gateway_{state}", data={"net": "300"}) for state in ("up", "idle")])
    assert results(site)["gateways"] == "ok"
