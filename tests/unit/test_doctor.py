"""`siaga doctor`: journal, database, clock, disk, and Asterisk with what only it knows."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from ari_app.domain.facts import Fact
from ari_app.domain.witness import Difference
from ari_app.store.journal import Journal
from ari_app.store.witness import LastResult
from cli import checks_files, checks_journal
from tests.unit.cli_site import CONFIG, CliSite
from tests.unit.doctor_site import answering, findings, results, running, with_room
from tests.unit.trouble import locked, until

CHECKS = [
    "state", "configuration", "journal", "reserve", "witness", "clock", "disk", "recordings", "sounds", "pins",
    "certificates", "database", "asterisk", "modules", "application", "guard", "broker", "publisher", "tables",
    "phones", "gateways",
]  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    with_room(monkeypatch)
    return CliSite(tmp_path / "state", monkeypatch, capfd)


def test_all_is_down(site: CliSite) -> None:
    """It says so of each, and soon: Asterisk swallows what comes, the broker is not there."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        running(site, silent.getsockname()[1]).close()
        begun = time.monotonic()
        found = results(site)
        assert time.monotonic() - begun < 8
    assert list(found) == CHECKS
    failed = {check for check, result in found.items() if result == "failed"}
    assert failed == {"asterisk", "application", "guard", "broker", "publisher", "tables", "sounds"}
    assert "7 checks of 21" in site.run("doctor").refused()


def test_json_is_the_same_in_every_language(site: CliSite) -> None:
    running(site, 28088).close()
    told = [msgspec.json.decode(site.run("doctor", "--json", "--lang", each).out) for each in ("en", "id")]
    assert [each["check"] for each in told[0]] == CHECKS
    assert all(each.keys() == {"check", "result", "text"} for each in told[0])
    plain = [[each for each in found if each["check"] != "clock"] for found in told]
    assert plain[0] == plain[1]
    assert "tidak berjalan" in site.run("doctor", "--lang", "id").out


def test_serves(site: CliSite) -> None:
    with answering() as ari:
        file = running(site, ari.port)
        try:
            found = findings(site)
            assert {found[check][0] for check in ("asterisk", "modules", "application", "phones")} == {"ok"}
            assert "serves 110" in found["application"][1]
            ari.is_served = False
            result, text = findings(site)["application"]
            assert (result, "does not serve" in text) == ("failed", True)
            assert "see `journalctl -u siaga-application`" in text
            site.state.run.mkdir(parents=True, exist_ok=True)
            site.state.replaced.touch()
            assert results(site)["application"] == "warning"
        finally:
            file.close()


def test_modules_and_phones(site: CliSite) -> None:
    with answering() as ari:
        running(site, ari.port).close()
        ari.modules, ari.desks = ["res_pjsip.so"], ["1001"]
        found = findings(site)
        assert found["modules"][0] == "failed"
        assert "cel_custom.so" in found["modules"][1]
        assert found["phones"][0] == "warning"
        assert "1002, 2001" in found["phones"][1]
        ari.desks = ["2001"]
        assert results(site)["phones"] == "failed"


def test_something_else_answers(site: CliSite) -> None:
    with answering(200) as ari:
        running(site, ari.port).close()
        found = results(site)
        assert (found["asterisk"], found["modules"], found["phones"]) == ("failed", "warning", "warning")


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts this process into a time zone, named as POSIX does."""

    def put(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


def test_clock(site: CliSite, monkeypatch: pytest.MonkeyPatch, in_zone: Callable[[str], None]) -> None:
    in_zone("WIB-7")
    site.tell([Fact("system", "x.y", at=datetime.now(UTC) + timedelta(seconds=30))])
    assert results(site)["clock"] == "ok"
    site.tell([Fact("system", "x.y", at=datetime.now(UTC) + timedelta(hours=1))])
    assert results(site)["clock"] == "warning"
    monkeypatch.setattr(checks_journal, "OLDEST_NOW", datetime.now(UTC) + timedelta(days=1))
    assert results(site)["clock"] == "failed"


def test_a_machine_in_another_time_zone_than_the_site(site: CliSite, in_zone: Callable[[str], None]) -> None:
    """Its logs have another hour than journal and reports. Another name of the same time is none."""
    in_zone("UTC0")
    result, text = findings(site)["clock"]
    assert result == "warning"
    assert "it is at UTC+0000, the site at UTC+0700" in text
    assert "timedatectl set-timezone Asia/Jakarta" in text
    in_zone("WIB-7")
    assert findings(site)["clock"][1].endswith("+0700")
    site.configure(CONFIG.replace('name = "Polda Uji"', 'name = "Polda Uji"\ntimezone = "Asia/Jayapura"'))
    assert "the site at UTC+0900" in findings(site)["clock"][1]
    site.state.config.write_text('[site]\ntimezone = "Mars"\n', encoding="utf-8")
    assert results(site)["clock"] == "ok", "what is wrong with the configuration is said there"


def test_disk(site: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks_files, "LITTLE_SPACE", 10**18)
    assert results(site)["disk"] == "warning"
    monkeypatch.setattr(checks_files, "NO_SPACE", 10**18)
    assert results(site)["disk"] == "failed"


@pytest.mark.parametrize("content", [b"", b"garbage\r\n\r\n"])
def test_no_http(site: CliSite, content: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        running(site, server.getsockname()[1]).close()

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(content)

        thread = threading.Thread(target=answer)
        thread.start()
        assert results(site)["asterisk"] == "failed"
        thread.join()


def test_before_the_first_start(site: CliSite) -> None:
    found = results(site)
    assert found["journal"] == found["database"] == "warning"
    assert found["application"] == "failed"
    assert "see scripts/run or siaga.target" in site.run("doctor").out
    assert not site.state.database.exists()


def test_damage(site: CliSite) -> None:
    running(site, 28088).close()
    site.state.config.write_text("[site", encoding="utf-8")
    site.state.journal.write_bytes(b"nothing of a journal " * 500)
    site.state.root.chmod(0o755)
    found = results(site)
    assert (found["configuration"], found["journal"], found["state"]) == ("failed", "failed", "warning")
    site.configure(CONFIG)
    site.state.database.write_bytes(b"nothing of a database " * 500)
    assert results(site)["database"] == "failed"


def test_journal_in_trouble(site: CliSite) -> None:
    """The application says so while it runs; afterwards it is seen that something waits."""
    running(site, 28088).close()
    assert results(site)["journal"] == "ok"
    journal = Journal.open(site.state.journal, timezone="UTC")
    with locked(site.state.journal):
        journal.append(Fact("system", "x.y"))
        until(lambda: results(site)["journal"] == "failed", "the alarm is seen")
        assert "the journal cannot be written: database is locked" in site.run("doctor").out
        assert journal.close(timeout=0.0)
        assert results(site)["reserve"] == "warning"
        assert "or at the next start" in site.run("doctor").out
    Journal.open(site.state.journal, timezone="UTC").close()
    assert results(site)["reserve"] == results(site)["journal"] == "ok"
    site.state.journal.with_name("journal.sqlite3.reserve").unlink()
    assert results(site)["reserve"] == "warning"


def test_second_witness(site: CliSite) -> None:
    """What the hourly comparison of journal and Asterisk found, or why there was none."""
    site.state.witness.mkdir(parents=True, exist_ok=True)
    file = site.state.witness / "result.json"
    now = datetime.now(UTC)
    lost = Difference(now, "17.1", "no_end", "the journal has no end")
    for last, result in [
        (LastResult(now, calls=12), "ok"),
        (LastResult(now, calls=12, differences=(lost,)), "warning"),
        (LastResult(now, trouble="the disk is full"), "warning"),
    ]:
        file.write_bytes(msgspec.json.encode(last))
        assert results(site)["witness"] == result
    assert "the disk is full" in site.run("doctor").out
    file.write_text("{")
    assert results(site)["witness"] == "failed"
