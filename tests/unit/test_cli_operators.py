"""``siaga operators`` while no application runs: the command does it itself, in the journal."""

from __future__ import annotations

import fcntl
import io
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from ari_app.site.pins import Pins, pins_file
from ari_app.store.journal import Journal, read
from cli import asking
from tests.unit.cli_site import CONFIG, REPO, CliSite

KEYS = ["nrp", "name", "unit", "desk", "state", "reason", "since"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    monkeypatch.setenv("SIAGA_SUPERVISOR", "budi")
    return CliSite(tmp_path / "state", monkeypatch, capfd)


@pytest.fixture
def staffed(site: CliSite) -> CliSite:
    for nrp, name, unit in (("11111", "Bripda Ani", "polda"), ("33333", "Bripka Sri", "01")):
        done = site.run("operators", "add", nrp, "--name", name, "--unit", unit, "--pin", "1234")
        assert (done.code, done.err) == (0, "")
    return site


def listed(site: CliSite) -> dict[str, dict[str, Any]]:
    return {each["nrp"]: each for each in site.run("operators", "list", "--json").json()}


def stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_before_the_first_start(site: CliSite) -> None:
    assert site.run("operators", "list", "--json").json() == []
    assert "No operators" in site.run("operators", "list").out
    done = site.run("operators", "add", "87654321", "--name", "Bripda Ani", "--pin", "9753")
    assert done.code == 0, done.err
    assert "87654321" in done.out
    assert "9753" not in done.out
    (operator,) = site.run("operators", "list", "--json").json()
    assert list(operator) == KEYS
    assert (operator["nrp"], operator["name"], operator["unit"]) == ("87654321", "Bripda Ani", "polda")
    assert (operator["desk"], operator["state"], operator["reason"]) == (None, "logged_out", None)
    assert operator["since"].endswith("+07:00")
    (record,) = read(site.state.journal)
    assert (record.actor, record.action) == ("supervisor:budi", "operator.added")
    assert Pins(pins_file(site.state)).verify("87654321", "9753")


def test_a_shift(staffed: CliSite) -> None:
    assert staffed.run("operators", "login", "11111", "1001").code == 0
    assert listed(staffed)["11111"]["state"] == "ready"
    assert listed(staffed)["11111"]["desk"] == "1001"
    assert staffed.run("operators", "not-ready", "11111", "--reason", "prayer").code == 0
    assert (listed(staffed)["11111"]["state"], listed(staffed)["11111"]["reason"]) == ("not_ready", "prayer")
    assert "not ready: prayer" in staffed.run("operators", "list").out
    assert staffed.run("operators", "ready", "--desk", "1001").code == 0
    assert staffed.run("operators", "login", "11111", "--desk", "1002").code == 0
    assert listed(staffed)["11111"]["desk"] == "1002"
    assert staffed.run("operators", "not-ready", "--desk", "1002").code == 0
    assert listed(staffed)["11111"]["reason"] == "supervisor"
    assert "desk 1002 (operator 11111): logged out" in staffed.run("operators", "logout", "11111").out
    assert listed(staffed)["11111"]["state"] == "logged_out"
    assert staffed.run("operators", "remove", "11111").code == 0
    assert list(listed(staffed)) == ["33333"]
    assert not Pins(pins_file(staffed.state)).verify("11111", "1234")


def test_the_name_may_be_the_second_argument(site: CliSite) -> None:
    assert site.run("operators", "add", "11111", "Bripda Ani", "--pin", "1234").code == 0
    assert listed(site)["11111"]["name"] == "Bripda Ani"
    site.run("operators", "add", "22222", "Ani", "--name", "Ani", "--pin", "1234").refused(2)
    site.run("operators", "add", "22222", "--pin", "1234").refused(2)


@pytest.mark.parametrize(("line", "pin"), [(b"5678\n", "5678"), (b"5678\r\nmore", "5678"), (b"56781234", "56781234")])
def test_the_pin_from_standard_input(staffed: CliSite, monkeypatch: pytest.MonkeyPatch, line: bytes, pin: str) -> None:
    stdin(monkeypatch, line)
    assert staffed.run("operators", "pin", "11111").code == 0
    assert Pins(pins_file(staffed.state)).verify("11111", pin)


def test_the_pin_at_a_terminal(staffed: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["5678", "5678", "5678", "5679"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("cli.operators.getpass", lambda _: next(typed))
    assert staffed.run("operators", "pin", "11111").code == 0
    assert Pins(pins_file(staffed.state)).verify("11111", "5678")
    assert "not the same PIN" in staffed.run("operators", "pin", "11111").refused()


@pytest.mark.parametrize("line", [b"", b"\n", b"123\n", b"123456789\n", b"12a4\n", b"\xff\xff\xff\xff\n", b" 1234\n"])
def test_what_is_no_pin(staffed: CliSite, monkeypatch: pytest.MonkeyPatch, line: bytes) -> None:
    stdin(monkeypatch, line)
    assert "4 to 8 digits" in staffed.run("operators", "pin", "11111").refused()
    assert Pins(pins_file(staffed.state)).verify("11111", "1234")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "11111", "--name", "Ani", "--pin", "1234"], "there is an operator 11111 already"),
        (["add", "123", "--name", "Ani", "--pin", "1234"], "4 to 18 digits"),
        (["add", "44444", "--name", "Ani\n", "--pin", "1234"], "printable"),
        (["add", "44444", "--name", "", "--pin", "1234"], "name"),
        (["add", "44444", "--name", "Ani", "--unit", "99", "--pin", "1234"], "there is no unit '99'"),
        (["login", "11111", "2001"], "unit"),
        (["login", "99999", "1001"], "there is no operator 99999"),
        (["login", "11111", "9999"], "there is no desk 9999"),
        (["logout", "11111"], "not logged in"),
        (["logout", "--desk", "1001"], "nobody is logged in"),
        (["ready", "--desk", "1001"], "nobody is logged in"),
        (["not-ready", "11111"], "not logged in"),
        (["remove", "99999"], "there is no operator 99999"),
    ],
)
def test_refused(staffed: CliSite, arguments: list[str], said: str) -> None:
    before = len(list(read(staffed.state.journal)))
    assert said in staffed.run("operators", *arguments).refused()
    assert len(list(read(staffed.state.journal))) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["login", "11111"],
        ["login", "11111", "1001", "--desk", "1001"],
        ["logout"],
        ["logout", "11111", "--desk", "1001"],
        ["not-ready", "11111", "--reason", "no_answer"],
        ["not-ready", "11111", "--reason", "tidur"],
        ["add"],
        ["dance"],
    ],
)
def test_wrong_usage(staffed: CliSite, arguments: list[str]) -> None:
    staffed.run("operators", *arguments).refused(2)


def test_no_configuration(site: CliSite) -> None:
    site.state.config.unlink()
    text = site.run("operators", "add", "11111", "Ani", "--pin", "1234").refused()
    assert "no configuration" in text
    assert "siaga.target" in text
    assert not site.state.journal.exists()
    assert not pins_file(site.state).exists()


def test_no_state_directory(site: CliSite, tmp_path: Path) -> None:
    missing = str(tmp_path / "nowhere")
    for command in (["list"], ["add", "11111", "Ani", "--pin", "1234"]):
        assert "no state directory" in site.run("--state", missing, "operators", *command).refused()


@pytest.mark.parametrize("name", ["a b", "x" * 65, "budi\n", "é", "a:b"])
def test_a_name_that_would_be_none_in_the_journal(staffed: CliSite, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SIAGA_SUPERVISOR", name)
    assert "SIAGA_SUPERVISOR" in staffed.run("operators", "login", "11111", "1001").refused()
    assert listed(staffed)["11111"]["state"] == "logged_out"


def test_the_name_of_the_unix_user(staffed: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIAGA_SUPERVISOR")
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: "sri")
    assert staffed.run("operators", "login", "11111", "1001").code == 0
    assert list(read(staffed.state.journal))[-1].actor == "supervisor:sri"


def test_a_user_without_a_name(staffed: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIAGA_SUPERVISOR")
    monkeypatch.delenv("SUDO_USER", raising=False)

    def nobody() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nobody)
    assert "SIAGA_SUPERVISOR" in staffed.run("operators", "login", "11111", "1001").refused()


@pytest.mark.parametrize(
    ("user", "number", "name"),
    [
        ("sri", "54321", "sri"),
        ("sri", str(os.getuid()), "siaga"),  # nobody else had this run: a shell has kept the name
        ("sri", "", "siaga"),
        ("sri", "x", "siaga"),
        ("", "54321", "siaga"),
    ],
)
def test_who_ran_sudo(staffed: CliSite, monkeypatch: pytest.MonkeyPatch, user: str, number: str, name: str) -> None:
    """With systemd everybody's orders come by ``sudo -u siaga``, which gives the process that user's name."""
    monkeypatch.setenv("SUDO_USER", user)
    monkeypatch.setenv("SUDO_UID", number)
    monkeypatch.setattr("getpass.getuser", lambda: "siaga")
    assert staffed.run("operators", "login", "11111", "1001").code == 0
    assert list(read(staffed.state.journal))[-1].actor == "supervisor:budi", "SIAGA_SUPERVISOR comes first"
    monkeypatch.delenv("SIAGA_SUPERVISOR")
    assert staffed.run("operators", "logout", "11111").code == 0
    assert list(read(staffed.state.journal))[-1].actor == f"supervisor:{name}"


def test_a_name_of_sudo_that_would_be_none_in_the_journal(staffed: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIAGA_SUPERVISOR")
    monkeypatch.setenv("SUDO_USER", "sri@polri.go.id")
    monkeypatch.setenv("SUDO_UID", "54321")
    assert "SIAGA_SUPERVISOR" in staffed.run("operators", "login", "11111", "1001").refused()


def test_a_pins_file_that_is_damaged_is_not_written_over(staffed: CliSite) -> None:
    pins_file(staffed.state).write_text("{")
    assert "pins.json is damaged" in staffed.run("operators", "pin", "11111", "--pin", "1234").refused()
    assert pins_file(staffed.state).read_text() == "{"


def test_logged_in_at_a_desk_that_left_the_configuration(staffed: CliSite) -> None:
    staffed.run("operators", "login", "11111", "1002")
    staffed.configure(CONFIG.replace('[[desk]]\nextension = "1002"\n', ""))
    staffed.run("operators", "login", "11111", "1001")
    actions = [record.action for record in read(staffed.state.journal)]
    assert actions[-3:] == ["operator.logged_in", "operator.logged_out", "operator.logged_in"]


def test_no_pin_and_no_hash_in_the_journal_or_the_output(staffed: CliSite) -> None:
    staffed.run("operators", "pin", "11111", "--pin", "98765432")
    whole = b"".join(file.read_bytes() for file in staffed.state.root.glob("journal.sqlite3*"))
    for secret in (b"98765432", b"argon2"):
        assert secret not in whole


def test_somebody_has_the_journal_and_no_broker_answers(staffed: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """An application that runs must be asked; it is never written beside it."""
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.3)
    journal = Journal.open(staffed.state.journal, timezone="UTC")
    try:
        text = staffed.run("operators", "login", "11111", "1001").refused()
    finally:
        journal.close()
    assert "cannot be reached" in text
    assert listed(staffed)["11111"]["state"] == "logged_out"


def test_another_order_has_the_journal_for_a_moment(staffed: CliSite) -> None:
    journal = Journal.open(staffed.state.journal, timezone="UTC")
    later = threading.Timer(0.5, journal.close)
    later.start()
    began = time.monotonic()
    assert staffed.run("operators", "login", "11111", "1001").code == 0
    assert time.monotonic() - began < 4
    later.join()


def test_others_have_the_journal_for_longer_than_an_answer_takes(
    staffed: CliSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are orders, each of them for a moment: no application that does not answer."""
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.3)
    journal = Journal.open(staffed.state.journal, timezone="UTC")
    with staffed.state.orders.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        later = threading.Timer(1.0, journal.close)
        later.start()
        assert staffed.run("operators", "login", "11111", "1001").code == 0
    later.join()


def test_many_at_once_all_get_in(site: CliSite) -> None:
    """A script that adds the whole roster in parallel: nobody is lost, no PIN either."""
    nrps = [f"5000{number}" for number in range(4)]
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "cli", "operators", "add", nrp, "Nama", "--pin", "1234"],
            cwd=REPO,
            stderr=subprocess.PIPE,
            text=True,
        )
        for nrp in nrps
    ]
    for process in started:
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
    assert sorted(listed(site)) == nrps
    assert sorted(json.loads(pins_file(site.state).read_text())) == nrps
