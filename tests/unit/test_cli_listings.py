"""What the listings of the `siaga` command show."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest

from ari_app.domain.facts import Fact, Json
from tests.unit.cli_site import CONFIG, CliSite, story

FIRST, SECOND = "1738285323.12", "1738285399.13"
FIELDS = {
    "id", "caller", "dialled", "state", "kind", "emergency", "operator", "desk", "polres", "outcome",
    "received_at", "answered_at", "ended_at",
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    return CliSite(tmp_path / "state", monkeypatch, capfd)


@pytest.fixture
def full(site: CliSite) -> CliSite:
    site.tell([Fact("asterisk", "desk.registered", data={"desk": desk}) for desk in ("1001", "1002")])
    site.tell([*story(FIRST), *story(SECOND, caller=None, desk="1002", ended=False)])
    return site


def test_phones(site: CliSite) -> None:
    phones = site.run("phones", "list", "--json").json()
    assert [phone["extension"] for phone in phones] == ["1001", "1002", "2001"]
    assert phones[0] == {
        "extension": "1001", "username": "1001", "secret": "rahasia-1001", "server": "127.0.0.1:25060", "unit": "polda",
    }  # fmt: skip
    assert len(phones[1]["secret"]) > 20
    assert phones[2]["unit"] == "01"


def test_phones_text_fits_80_columns_and_has_whole_secrets(site: CliSite) -> None:
    secret = site.run("phones", "list", "--json").json()[1]["secret"]
    text = site.run("phones", "list").out
    assert secret in text
    assert max(map(len, text.splitlines())) <= 80


def test_phones_follow_a_changed_configuration(site: CliSite) -> None:
    site.configure(CONFIG.replace("rahasia-1001", "rahasia-baru"))
    assert site.run("phones", "list", "--json").json()[0]["secret"] == "rahasia-baru"


def test_calls_newest_first(full: CliSite) -> None:
    calls = full.run("calls", "list", "--json").json()
    assert [call["id"] for call in calls] == [SECOND, FIRST]
    assert all(call.keys() >= FIELDS for call in calls)
    second, first = calls
    assert (first["caller"], first["dialled"], first["state"], first["outcome"]) == (
        "+6281234567890", "110", "ended", "answered",
    )  # fmt: skip
    assert (second["caller"], second["state"], second["desk"], second["ended_at"]) == (None, "talking", "1002", None)
    assert first["emergency"] is False
    for name in ("received_at", "answered_at", "ended_at"):
        assert datetime.fromisoformat(first[name]).utcoffset() is not None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--living"], [SECOND]),
        (["--ended"], [FIRST]),
        (["--limit", "1"], [SECOND]),
        (["-n", "0"], [SECOND, FIRST]),
        (["--desk", "1001"], [FIRST]),
        (["--caller", "+6281234567890"], [FIRST]),
        (["--caller", "0812-3456-7890"], [FIRST]),
        (["--caller", "0811"], []),
    ],
)
def test_calls_filters(full: CliSite, options: list[str], expected: list[str]) -> None:
    assert [call["id"] for call in full.run("calls", "list", "--json", *options).json()] == expected


def test_a_number_without_a_digit_is_nobodys(full: CliSite) -> None:
    assert "digit" in full.run("calls", "list", "--caller", "withheld").refused(2)


def test_calls_catch_up_with_the_journal(full: CliSite) -> None:
    full.run("calls", "list")
    full.tell([Fact("caller", "call.ended", SECOND, {"by": "caller", "outcome": "answered"})])
    assert full.run("calls", "list", "--living", "--json").json() == []


def test_calls_text(full: CliSite) -> None:
    text = full.run("calls", "list").out
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert re.search(rf"{re.escape(FIRST)}\s+2025-01-31 08:02:03\s+\+6281234567890\s+ended\s+1001\s+answered", text)
    assert "withheld" in text


def test_call_with_its_actions(full: CliSite) -> None:
    call = full.run("calls", "show", FIRST, "--json").json()
    assert call.keys() >= FIELDS
    assert [action["action"] for action in call["actions"]] == [
        "call.received", "call.offered", "call.answered", "call.ended",
    ]  # fmt: skip
    assert [action["seq"] for action in call["actions"]] == [3, 4, 5, 6]
    assert call["actions"][2] == {
        "seq": 5,
        "at": "2025-01-31T08:02:03.456+07:00",
        "actor": "desk:1001",
        "action": "call.answered",
        "data": {"desk": "1001", "waited_ms": 1200},
    }


def test_call_as_text(full: CliSite) -> None:
    text = full.run("calls", "show", FIRST).out
    assert re.search(r"^caller +\+6281234567890$", text, re.MULTILINE)
    assert re.search(r"^emergency +no$", text, re.MULTILINE)
    assert "desk=1001 waited_ms=1200" in text


@pytest.mark.parametrize("call", ["no-such-call", "", "'; DROP TABLE calls", "%", "\x1b[31m"])
def test_unknown_call(full: CliSite, call: str) -> None:
    assert "\x1b" not in full.run("calls", "show", call).refused()


def test_desks(full: CliSite) -> None:
    desks = full.run("desks", "list", "--json").json()
    assert [(desk["extension"], desk["state"], desk["registered"], desk["call"]) for desk in desks] == [
        ("1001", "no_operator", True, None), ("1002", "talking", True, SECOND), ("2001", "unregistered", False, None),
    ]  # fmt: skip
    assert desks[2]["unit_name"] == "Polrestabes Uji"
    text = full.run("desks", "list").out
    assert max(map(len, text.splitlines())) <= 80
    assert "unregistered" in text


def test_desks_and_their_people(full: CliSite) -> None:
    def desk() -> tuple[str, str | None, str | None]:
        first = full.run("desks", "list", "--json").json()[0]
        return first["state"], first["operator"], first["reason"]

    full.tell([Fact("operator:7001", "operator.logged_in", data={"operator": "7001", "desk": "1001"})])
    assert desk() == ("ready", "7001", None)
    full.tell(
        [Fact("operator:7001", "operator.not_ready", data={"operator": "7001", "desk": "1001", "reason": "meal"})]
    )
    assert desk() == ("not_ready", "7001", "meal")
    text = full.run("desks", "list").out
    assert "not_ready (meal)" in text
    assert max(map(len, text.splitlines())) <= 80
    full.tell([Fact("operator:7001", "operator.logged_out", data={"operator": "7001", "desk": "1001"})])
    assert desk() == ("no_operator", None, None)
    full.configure(CONFIG.replace('extension = "1001"', 'extension = "1001"\nlogin = false'))
    assert desk() == ("ready", None, None), "a desk without login needs no operator"


def test_desks_in_a_transfer(full: CliSite) -> None:
    """SOP V.6: one transfers, the other rings; V.7: the other has the caller, and the first is free."""

    def states() -> list[tuple[str, str | None]]:
        desks = full.run("desks", "list", "--json").json()
        return [(desk["state"], desk["call"]) for desk in desks[1:]]

    started: dict[str, Json] = {"polres": "01", "desk": "1002", "desks": ["2001"]}
    full.tell([Fact("desk:1002", "call.transfer_started", SECOND, started)])
    assert states() == [("transferring", SECOND), ("ringing", SECOND)]
    full.tell([Fact("desk:2001", "call.transfer_answered", SECOND, {"polres": "01", "desk": "2001"})])
    assert states() == [("no_operator", None), ("talking", SECOND)]
    call = full.run("calls", "show", SECOND, "--json").json()
    assert (call["state"], call["desk"], call["polres"]) == ("talking", "2001", "01")


def test_without_a_journal(site: CliSite) -> None:
    assert site.run("calls", "list", "--json").json() == []
    assert site.run("calls", "list").code == 0
    assert {desk["state"] for desk in site.run("desks", "list", "--json").json()} == {"unregistered"}
    assert site.run("journal", "tail").out == ""
    assert site.run("journal", "export").out == ""
    assert "no call" in site.run("calls", "show", FIRST).refused()
    assert "no journal" in site.run("journal", "verify").refused()
    assert not site.state.journal.exists()


def test_empty_state_directory(site: CliSite, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    state = f"--state={tmp_path / 'empty'}"
    assert site.run("calls", "list", "--json", state).json() == []
    assert site.run("desks", "list", "--json", state).json() == []
    assert "scripts/run" in site.run("phones", "list", state).refused()
    assert list((tmp_path / "empty").iterdir()) == []


@pytest.mark.parametrize(
    "command", ["phones list", "calls list", "calls show 1", "desks list", "journal tail", "doctor"]
)
def test_no_state_directory(site: CliSite, tmp_path: Path, command: str) -> None:
    missing = tmp_path / "missing"
    assert str(missing) in site.run(*command.split(), "--state", str(missing)).refused()
    assert not missing.exists()


def test_state_before_and_behind_each_word(full: CliSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIAGA_STATE", str(tmp_path / "missing"))
    here = ["--state", str(full.state.root)]
    for words in (["calls", "list", *here], ["calls", *here, "list"], [*here, "calls", "list"]):
        assert len(full.run(*words, "--json").json()) == 2
    other = ["--state", str(tmp_path / "missing")]
    assert len(full.run(*other, "calls", "list", *here, "--json").json()) == 2
    full.run(*here, "calls", "list", *other).refused()


def test_state_defaults_to_var(full: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    full.state.root.rename(full.state.root.with_name("var"))
    monkeypatch.chdir(full.state.root.parent)
    monkeypatch.delenv("SIAGA_STATE")
    assert len(full.run("calls", "list", "--json").json()) == 2


def test_nothing_a_caller_sends_reaches_the_terminal(site: CliSite) -> None:
    nasty = "\x1b]0;title\x07\x9b31m\u202e[red]\n\r"
    site.tell([Fact(nasty, "call.received", f"1.1{nasty}", {"caller": nasty, "dialled": "110", nasty: nasty})])
    shown = [site.run("calls", "list"), site.run("journal", "tail"), site.run("calls", "show", f"1.1{nasty}")]
    for done in shown:
        assert done.code == 0
        assert "[red]" in done.out
        assert not set(done.out) & set("\x1b\x07\x9b\u202e\r")
    assert len(shown[1].out.splitlines()) == 2


def test_damaged_configuration(full: CliSite) -> None:
    full.state.config.write_text("[site", encoding="utf-8")
    assert str(full.state.config) in full.run("calls", "list").refused()
    full.state.config.unlink()
    assert "configuration" in full.run("phones", "list").refused()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff"])
def test_damaged_secrets(full: CliSite, content: bytes) -> None:
    full.state.secrets.write_bytes(content)
    assert str(full.state.secrets) in full.run("phones", "list").refused()


@pytest.mark.parametrize("name", ["journal", "database"])
def test_damaged_files(full: CliSite, name: str) -> None:
    full.run("calls", "list")
    path: Path = getattr(full.state, name)
    path.write_bytes(b"this is no database at all " * 400)
    assert str(path) in full.run("calls", "list").refused()
    assert str(path) in full.run("desks", "list").refused()


def test_database_that_cannot_be_written(full: CliSite) -> None:
    full.state.database.mkdir()
    assert str(full.state.database) in full.run("calls", "list").refused()


def test_impossible_database(full: CliSite) -> None:
    full.configure(CONFIG + '[database]\nurl = "postgresql://siaga:rahasia@127.0.0.1/siaga"\n')
    said = full.run("calls", "list").refused()
    assert "database" in said
    assert "rahasia" not in said
