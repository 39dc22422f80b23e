"""The `siaga` command as a command: usage, exit codes, output that nobody reads, configuration, doctor."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from ari_app.domain.facts import Fact
from ari_app.domain.witness import Difference
from ari_app.store.journal import Journal
from ari_app.store.journal_file import JournalFile
from ari_app.store.witness import LastResult
from cli import checks
from tests.unit.cli_site import CONFIG, NOWHERE, REPO, CliSite, story
from tests.unit.trouble import locked, until


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    return CliSite(tmp_path / "state", monkeypatch, capfd)


@pytest.mark.parametrize(
    "arguments",
    [
        "bogus", "calls bogus", "calls list --bogus", "calls list --limit x", "calls list --limit -1", "calls show",
        "calls list --limit 99999999999999999999", "calls list surplus", "calls list --living --ended",
        "calls list --state",
        "calls list --state=", "journal tail -n", "journal tail -n -1", "journal verify x", "conf check a b", "--json",
        "calls show \udcff", "doctor x", "watch x",
    ],
)  # fmt: skip
def test_wrong_usage(site: CliSite, arguments: str) -> None:
    done = site.run(*arguments.split(" "))
    assert done.out == ""
    done.refused(2)


@pytest.mark.parametrize("arguments", ["", "phones", "calls", "desks", "journal", "conf"])
def test_without_a_command_the_help_is_shown(site: CliSite, arguments: str) -> None:
    done = site.run(*arguments.split())
    assert done.code == 2
    assert "Commands" in done.out
    assert done.err == ""


@pytest.mark.parametrize(
    "command",
    [
        "", "phones list", "calls list", "calls show", "desks list", "journal tail", "journal verify", "journal export",
        "conf check", "conf render", "doctor", "watch",
    ],
)  # fmt: skip
def test_help(site: CliSite, command: str) -> None:
    done = site.run(*command.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert "--state" in done.out
    assert "SIAGA_STATE" in done.out


@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], {"sqlalchemy", "alembic", "ari_app.store.reader", "jinja2"}),
        (["journal", "tail"], {"sqlalchemy", "alembic", "jinja2", "phonenumbers"}),
        (["conf", "check", "--help"], {"sqlalchemy", "alembic", "jinja2"}),
    ],
)
def test_starts_light(site: CliSite, arguments: list[str], heavy: set[str]) -> None:
    run = f"import sys; sys.argv[1:] = {arguments!r}; from cli.main import main; main()"
    code = f"{run}; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60, check=True
    )
    assert not heavy & set(done.stderr.split())


@pytest.mark.parametrize("command", [["calls", "list"], ["journal", "export"], ["--help"], ["doctor"]])
def test_nobody_reads(site: CliSite, command: list[str]) -> None:
    site.tell(fact for number in range(500) for fact in story(f"{number}.1"))
    running = site.start(*command)
    assert running.stdout is not None
    running.stdout.close()
    assert running.stderr is not None
    with running.stderr as stderr:
        assert stderr.read() == b""
    assert running.wait(30) == 141


def test_full_disk(site: CliSite) -> None:
    site.tell(story("1.1"))
    with Path("/dev/full").open("wb") as full:
        running = site.start("calls", "list", stdout=full)
        _, err = running.communicate(timeout=30)
    assert running.returncode == 1
    assert err == b"siaga: the output cannot be written: No space left on device\n"


def test_ctrl_c_is_quiet(site: CliSite) -> None:
    site.tell(story("1.1"))
    running = site.start("journal", "tail", "--follow")
    assert running.stdout is not None
    running.stdout.readline()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (130, b"")


# ---- conf


def test_conf_check(site: CliSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert str(site.state.config) in site.run("conf", "check").out
    other = tmp_path / "other.toml"
    other.write_text(CONFIG, encoding="utf-8")
    assert "2 Polda desks" in site.run("conf", "check", str(other)).out
    (tmp_path / "siaga.toml").write_text(CONFIG.replace("1002", "1001"), encoding="utf-8")
    said = site.run("conf", "check").refused()
    assert said.startswith("siaga: siaga.toml: ")
    assert "1001" in said


@pytest.mark.parametrize(
    "content", ["", "[site", "x = 1\n", CONFIG + "[queue]\nring_second = 1\n", CONFIG.replace('"01"', '"1"')]
)
def test_conf_check_refuses(site: CliSite, tmp_path: Path, content: str) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(content, encoding="utf-8")
    assert f"{wrong}: " in site.run("conf", "check", str(wrong)).refused()
    assert f"{wrong}: " in site.run("conf", "render", "--config", str(wrong)).refused()


@pytest.fixture
def asterisk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rendering needs to know where Asterisk is installed; it need not be."""
    monkeypatch.setenv("SIAGA_DEPS", str(tmp_path / "deps"))
    (tmp_path / "deps").mkdir()
    lines = ("ASTERISK_MODULES_DIR=/usr/lib/asterisk/modules", "ASTERISK_DATA_DIR=/usr/share/asterisk")
    (tmp_path / "deps" / "asterisk.env").write_text("\n".join(lines), encoding="utf-8")


def test_conf_render(site: CliSite, asterisk: None) -> None:
    done = site.run("conf", "render")
    assert (done.code, done.err) == (0, "")
    assert str(site.state.asterisk / "etc") in done.out
    assert "rahasia-1001" in (site.state.asterisk / "etc" / "pjsip.conf").read_text(encoding="utf-8")


def test_conf_render_elsewhere(site: CliSite, tmp_path: Path, asterisk: None) -> None:
    output = tmp_path / "look"
    for _ in range(2):  # what it wrote itself may be written again
        assert str(output) in site.run("conf", "render", "--output", str(output)).out
    assert (output / "asterisk.conf").exists()
    assert not list((site.state.asterisk / "etc").iterdir())


def test_conf_render_removes_nothing_of_others(site: CliSite, tmp_path: Path, asterisk: None) -> None:
    precious = tmp_path / "root" / "etc" / "resolv.conf"
    precious.parent.mkdir(parents=True)
    precious.write_text("nameserver", encoding="utf-8")
    site.run("conf", "render", "--output", str(tmp_path / "root")).refused()
    site.run("conf", "render", "--output", str(precious)).refused()
    site.run("conf", "render", "--output", str(precious.parent)).refused()
    (precious.parent / "asterisk.conf").write_text("", encoding="utf-8")
    site.run("conf", "render", "--output", str(precious.parent)).refused()
    assert precious.read_text(encoding="utf-8") == "nameserver"


def test_conf_render_for_a_new_state(site: CliSite, tmp_path: Path, asterisk: None) -> None:
    fresh = tmp_path / "fresh"
    done = site.run("conf", "render", "--config", str(site.state.config), "--state", str(fresh))
    assert str(fresh / "asterisk" / "etc") in done.out
    assert fresh.stat().st_mode & 0o077 == 0
    site.run("conf", "render", "--state", str(tmp_path / "nothing")).refused()
    assert not (tmp_path / "nothing").exists()


def test_conf_render_without_asterisk(site: CliSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIAGA_DEPS", str(tmp_path / "nothing"))
    assert "Asterisk" in site.run("conf", "render").refused()


# ---- doctor


@contextmanager
def answering(status: int) -> Iterator[int]:
    """An HTTP server that gives everybody this status; its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers.get("Authorization") is None
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def results(site: CliSite) -> dict[str, str]:
    done = site.run("doctor")
    assert done.code == (1 if "failed" in done.out else 0)
    return {line.split()[1]: line.split()[0] for line in done.out.splitlines()}


@pytest.fixture
def broker() -> Iterator[str]:
    """Somebody who listens; where."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def running(site: CliSite, port: int, broker: str = NOWHERE) -> JournalFile:
    site.configure(CONFIG.replace("28088", str(port)).replace(NOWHERE, broker))
    site.tell(story("1.1"))
    site.run("calls", "list")
    return JournalFile(site.state.journal)


@pytest.fixture
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LITTLE_SPACE", 0)
    monkeypatch.setattr(checks, "NO_SPACE", 0)


def test_doctor_healthy(site: CliSite, roomy: None, broker: str) -> None:
    with answering(401) as port:
        file = running(site, port, broker)
        try:
            assert set(results(site).values()) == {"ok"}
            assert [each["result"] for each in site.run("doctor", "--json").json()] == ["ok"] * 11
        finally:
            file.close()


def test_doctor_on_standby(site: CliSite, roomy: None) -> None:
    with answering(401) as port:
        file = running(site, port)
        site.state.run.mkdir(parents=True, exist_ok=True)
        site.state.replaced.touch()
        try:
            assert {check for check, result in results(site).items() if result == "warning"} == {"application"}
        finally:
            file.close()


def test_doctor_stopped(site: CliSite, roomy: None) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        running(site, unused.getsockname()[1]).close()
        found = results(site)
    assert {check for check, result in found.items() if result == "failed"} == {"application", "asterisk", "broker"}
    assert "3 checks of 11" in site.run("doctor").refused()


def test_doctor_something_else_answers(site: CliSite, roomy: None) -> None:
    with answering(200) as port:
        running(site, port).close()
        assert results(site)["asterisk"] == "failed"


@pytest.mark.parametrize("content", [b"", b"garbage\r\n\r\n"])
def test_doctor_no_http(site: CliSite, content: bytes) -> None:
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


def test_doctor_before_the_first_start(site: CliSite, roomy: None) -> None:
    found = results(site)
    assert found["journal"] == found["database"] == "warning"
    assert found["application"] == "failed"
    assert not site.state.database.exists()


def test_doctor_damage(site: CliSite) -> None:
    running(site, 28088).close()
    site.state.config.write_text("[site", encoding="utf-8")
    site.state.journal.write_bytes(b"nothing of a journal " * 500)
    site.state.root.chmod(0o755)
    found = results(site)
    assert (found["configuration"], found["journal"], found["state"]) == ("failed", "failed", "warning")
    site.configure(CONFIG)
    site.state.database.write_bytes(b"nothing of a database " * 500)
    assert results(site)["database"] == "failed"


def test_doctor_journal_in_trouble(site: CliSite) -> None:
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


def test_doctor_second_witness(site: CliSite) -> None:
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


def test_doctor_clock(site: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    site.tell([Fact("system", "x.y", at=datetime.now(UTC) + timedelta(seconds=30))])
    assert results(site)["clock"] == "ok"
    site.tell([Fact("system", "x.y", at=datetime.now(UTC) + timedelta(hours=1))])
    assert results(site)["clock"] == "warning"
    monkeypatch.setattr(checks, "OLDEST_NOW", datetime.now(UTC) + timedelta(days=1))
    assert results(site)["clock"] == "failed"


def test_doctor_disk(site: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LITTLE_SPACE", 10**18)
    monkeypatch.setattr(checks, "NO_SPACE", 0)
    assert results(site)["disk"] == "warning"
    monkeypatch.setattr(checks, "NO_SPACE", 10**18)
    assert results(site)["disk"] == "failed"
