"""``siaga calls`` on a living call, ``monitor``, ``queue`` and ``desks register-status``: usage, and without a flow."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from ari_app.domain.facts import Fact
from tests.unit.cli_site import CliSite, story
from tests.unit.test_contacts import KEPT

ORDERS = (
    ("calls", "transfer", "c1", "01"),
    ("calls", "take-back", "c1"),
    ("calls", "hold", "c1"),
    ("calls", "resume", "c1"),
    ("calls", "hangup", "c1", "--reason", "salah sambung"),
    ("calls", "classify", "c1", "valid"),
    ("calls", "note", "c1", "Pelapor panik"),
    ("monitor", "listen", "c1", "--desk", "1002"),
    ("monitor", "whisper", "c1", "--desk", "1002"),
    ("monitor", "barge", "c1", "--desk", "1002"),
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    return CliSite(tmp_path / "state", monkeypatch, capfd)


@pytest.mark.parametrize("arguments", ORDERS)
def test_orders_need_the_application(site: CliSite, arguments: tuple[str, ...]) -> None:
    site.tell(story("c1", ended=False))
    assert "does not run: see scripts/run or siaga.target" in site.run(*arguments).refused()


@pytest.mark.parametrize(
    "arguments",
    [
        ("calls", "transfer", "c1"), ("calls", "hold"), ("calls", "hangup", "c1"), ("calls", "classify", "c1", "x"),
        ("calls", "note", "c1"), ("calls", "tail"), ("monitor", "listen", "c1"), ("monitor", "barge", "--desk", "1002"),
    ],
)  # fmt: skip
def test_wrong_usage(site: CliSite, arguments: tuple[str, ...]) -> None:
    site.run(*arguments).refused(2)


def test_a_call_that_is_over_is_followed_to_its_end(site: CliSite) -> None:
    site.tell([*story("c1"), *story("c2", ended=False), Fact("supervisor:rahma", "call.noted", "c1", {"text": "x"})])
    done = site.run("calls", "tail", "c1")
    assert [line.split()[2] for line in done.out.splitlines() if not line.startswith("---")] == [
        "call.received", "call.offered", "call.answered", "call.ended", "call.noted",
    ]  # fmt: skip
    lines = site.run("calls", "tail", "c1", "--json").out.splitlines()
    assert [json.loads(line)["call"] for line in lines] == ["c1"] * 5
    assert "there is no call c9" in site.run("calls", "tail", "c9").refused()


def test_a_living_call_is_followed_until_it_ends(site: CliSite) -> None:
    site.tell(story("c1", ended=False))
    following = site.start("calls", "tail", "c1")
    assert following.stdout is not None
    for _ in range(4):
        assert following.stdout.readline()
    site.tell([Fact("system", "call.held", "c2", {}), *story("c1")[-1:]])
    out, err = following.communicate(timeout=20)
    assert (following.returncode, err) == (0, b"")
    assert [line.split()[2] for line in out.decode().splitlines()] == ["call.ended"]


def test_following_ends_quietly_by_ctrl_c(site: CliSite) -> None:
    site.tell(story("c1", ended=False))
    following = site.start("calls", "tail", "c1")
    assert following.stdout is not None
    for _ in range(4):
        assert following.stdout.readline()
    following.send_signal(2)
    assert following.communicate(timeout=20) == (b"", b"")
    assert following.returncode == 130


def test_a_note_is_shown(site: CliSite) -> None:
    site.tell([*story("c1"), Fact("supervisor:rahma", "call.noted", "c1", {"text": "Ambulans tiba"})])
    assert "Ambulans tiba" in site.run("calls", "show", "c1").out
    shown = site.run("calls", "show", "c1", "--json").json()
    assert (shown["state"], shown["outcome"], shown["actions"][-1]["action"]) == ("ended", "answered", "call.noted")


def test_the_queue(site: CliSite) -> None:
    empty = site.run("queue", "show")
    assert empty.out == "Nobody waits.\n\nNo desk of the Polda is ready.\n"
    assert site.run("queue", "show", "--json").json() == {"waiting": [], "ready_desks": []}
    site.tell([
        Fact("asterisk", "desk.registered", data={"desk": "1002"}),
        Fact("asterisk", "desk.registered", data={"desk": "2001"}),
        *story("c1", ended=False),
        Fact("asterisk", "call.received", "c2", {"caller": None, "dialled": "110"}),
        Fact("system", "call.blocked", "c2"), Fact("system", "call.queued", "c2", {"priority": "verification"}),
        Fact("asterisk", "call.received", "c3", {"caller": "+6281234567890", "dialled": "110"}),
        Fact("system", "call.queued", "c3", {"priority": "normal"}),
        Fact("supervisor:rahma", "call.classified", "c3", {"emergency": True}),
    ])  # fmt: skip
    shown = site.run("queue", "show", "--json").json()
    assert [(row["call"], row["priority"], row["blocked"], row["emergency"]) for row in shown["waiting"]] == [
        ("c3", "emergency", False, True), ("c2", "verification", True, False),
    ]  # fmt: skip
    out = site.run("queue", "show").out
    assert out.index("+6281234567890") < out.index("withheld")


def test_where_the_phones_are_registered(site: CliSite) -> None:
    unknown = site.run("desks", "register-status", "--json").json()
    assert [(desk["registered"], desk["since"], desk["phones"]) for desk in unknown] == [(False, None, [])] * 3
    site.tell([Fact("asterisk", "desk.registered", data={"desk": "1001"})])
    site.state.phones.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(site.state.phones) as database:
        database.execute("CREATE TABLE astdb(key, value)")
        database.execute("INSERT INTO astdb VALUES ('/registrar/contact/1001;@1', ?)", (json.dumps(KEPT),))
    (desk,) = site.run("desks", "register-status", "1001", "--json").json()
    assert desk["phones"] == [
        {"address": "127.0.0.5:5062", "user_agent": "MicroSIP/3.21", "expires_at": "2026-11-27T02:13:27+07:00"}
    ]
    out = site.run("desks", "register-status").out
    assert "MicroSIP/3.21" in out
    assert "unregistered" in out
    assert "there is no desk 9999" in site.run("desks", "register-status", "9999").refused()
