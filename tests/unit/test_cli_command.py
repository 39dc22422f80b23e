"""The `siaga` command as a command: usage, exit codes, output that nobody reads, configuration."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.install.python_env import _add_ourselves
from tests.unit.cli_site import CONFIG, REPO, CliSite, story


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
        (["calls", "list", "--limit", "5", "--desk", "1001"], {"sqlalchemy", "alembic", "jinja2", "pydantic"}),
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


@pytest.mark.parametrize("command", ["scripts/siaga", ".deps/venv/bin/siaga"])
def test_what_lies_where_it_is_typed_is_no_part_of_it(tmp_path: Path, command: str) -> None:
    """By sudo it runs as another user, and so would a ``cli`` that somebody has put there."""
    for folder in ("scripts", ".deps/venv/bin", ".deps/venv/lib/python3/site-packages", "there/cli"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "there" / "cli" / "__init__.py").touch()
    (tmp_path / "there" / "cli" / "__main__.py").write_text("print('not ours')")
    python = tmp_path / ".deps" / "venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{REPO}" exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    shutil.copy(REPO / "scripts" / "siaga", tmp_path / "scripts")
    _add_ourselves(REPO, tmp_path / ".deps", tmp_path / ".deps" / "venv")
    done = subprocess.run(
        [tmp_path / command, "--help"], cwd=tmp_path / "there", capture_output=True, text=True, timeout=60, check=True
    )
    assert "emergency call centre" in done.stdout
