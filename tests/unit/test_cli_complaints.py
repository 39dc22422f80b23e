"""``siaga complaints`` while no application runs: listed, shown, filled in, closed."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ari_app.domain.facts import Fact, Json
from ari_app.flows.complaints import Complaints, Tickets
from ari_app.store.journal import Journal, read
from ari_app.store.last_ticket import last_ticket
from ari_app.store.notes import CallNotes
from tests.unit.cli_site import CliSite
from tests.unit.note_lines import line

AT = datetime(2025, 1, 31, 1, 2, 3, tzinfo=UTC)
ONE, TWO, THREE = "110-20250131-0001", "110-20250131-0002", "110-20250131-0003"
CALLER = "+6281234567890"
FIELDS = [
    "ticket", "call", "opened_at", "opened_by", "name", "number", "place", "category", "description", "plate",
    "validity", "emergency", "polres", "status", "reason", "changed_at", "changed_by", "closed_at", "closed_by",
    "missing",
]  # fmt: skip


def story(call: str, ticket: str, *, after: int = 0, caller: str | None = CALLER, desk: str = "1001") -> list[Fact]:
    """A call that is answered ``after`` so many seconds; it lives."""
    at = AT + timedelta(seconds=after)
    data: dict[str, Json] = {"ticket": ticket, "number": caller, "desk": desk}
    return [
        Fact("caller", "call.received", call, {"caller": caller, "dialled": "110"}, at),
        Fact("operator:7001", "call.answered", call, {"desk": desk}, at),
        Fact("operator:7001", "complaint.opened", call, data, at),
    ]


def more(call: str, action: str, actor: str = "operator:7001", /, **data: Json) -> Fact:
    return Fact(actor, action, call, data, AT + timedelta(seconds=60))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    monkeypatch.setenv("SIAGA_SUPERVISOR", "budi")
    return CliSite(tmp_path / "state", monkeypatch, capfd)


@pytest.fixture
def full(site: CliSite) -> CliSite:
    """One that came back from its Polres, one that is closed, one whose call still lives."""
    site.tell(
        [
            *story("1.1", ONE),
            more("1.1", "call.classified", kind="valid"),
            more("1.1", "call.transfer_started", polres="01", desk="1001", desks=["2001"]),
            more("1.1", "call.taken_back", polres="01", desk="1001", reason="no_answer"),
            more("1.1", "call.ended", by="desk", outcome="answered"),
            *story("1.2", TWO, after=100),
            more("1.2", "call.classified", kind="prank"),
            more("1.2", "complaint.closed", ticket=TWO),
            more("1.2", "call.ended", by="desk", outcome="answered"),
            *story("1.3", THREE, after=86_460, caller=None, desk="1002"),
        ]
    )
    return site


def tickets(site: CliSite, *options: str) -> list[str]:
    return [each["ticket"] for each in site.run("complaints", "list", "--json", *options).json()]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [THREE, TWO, ONE]),
        (["--status", "open"], [THREE, ONE]),
        (["--status", "closed"], [TWO]),
        (["--polres", "01"], [ONE]),
        (["--number", "0812-3456-7890"], [TWO, ONE]),
        (["--number", "0811"], []),
        (["--status", "open", "--number", CALLER, "--polres", "01"], [ONE]),
        (["-n", "1"], [THREE]),
        (["-n", "0"], [THREE, TWO, ONE]),
        (["--today"], []),
    ],
)
def test_list(full: CliSite, options: list[str], expected: list[str]) -> None:
    assert tickets(full, *options) == expected


def test_today_is_the_sites_own_day(site: CliSite) -> None:
    """Just before and after midnight at the site, which is seven hours ahead."""
    midnight = datetime.now(UTC) + timedelta(hours=7)
    midnight = midnight.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(hours=7)
    for call, ticket, seconds in (("1.1", ONE, -1), ("1.2", TWO, 0)):
        site.tell(story(call, ticket, after=round((midnight - AT).total_seconds()) + seconds))
    assert tickets(site, "--today") in ([TWO], [])  # the second one: it has struck midnight meanwhile


def test_list_as_text_has_no_names_and_numbers(full: CliSite) -> None:
    full.run("complaints", "edit", ONE, "--name", "Reza")
    text = full.run("complaints", "list").out
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(rf"{ONE}\s+2025-01-31 08:02:03\s+open\s+01\s+-\s+valid", text)
    assert "Reza" not in text
    assert CALLER not in text
    assert "no such" in full.run("complaints", "list", "--status", "handling").out


def test_list_as_json(full: CliSite) -> None:
    one = full.run("complaints", "list", "--json").json()[2]
    assert list(one) == FIELDS
    assert (one["call"], one["number"], one["polres"], one["reason"]) == ("1.1", CALLER, "01", "no_answer")
    assert one["missing"] == ["name", "place", "plate"]
    assert one["emergency"] is False


def test_show(full: CliSite) -> None:
    shown = full.run("complaints", "show", TWO, "--json").json()
    assert list(shown)[: len(FIELDS)] == FIELDS
    assert shown["call_details"]["id"] == "1.2"
    assert [each["id"] for each in shown["earlier_calls"]] == ["1.1"]
    assert [each["action"] for each in shown["history"]] == [
        "complaint.opened", "call.classified", "complaint.closed",
    ]  # fmt: skip
    first = full.run("complaints", "show", ONE, "--json").json()
    assert first["earlier_calls"] == [], "only those before it"
    assert full.run("complaints", "show", THREE, "--json").json()["earlier_calls"] == [], (
        "withheld numbers are nobody's"
    )


def test_show_as_text(full: CliSite) -> None:
    text = full.run("complaints", "show", ONE).out
    for pattern in (rf"^ticket +{ONE}$", r"^reason +no_answer$", r"^missing +name, place, plate$", r"^emergency +no$"):
        assert re.search(pattern, text, re.MULTILINE), pattern
    assert "Call 1.1 of 2025-01-31 08:02:03: ended, answered" in text
    assert "polres=01 reason=no_answer" in text
    assert "1.1 " in full.run("complaints", "show", TWO).out


def test_show_what_is_at_a_desk(full: CliSite) -> None:
    assert full.run("complaints", "show", "--desk", "1002", "--json").json()["ticket"] == THREE
    assert "1001" in full.run("complaints", "show", "--desk", "1001").refused()


def test_numbers_of_more_than_a_day_ago(site: CliSite) -> None:
    site.tell([*story("1.1", ONE), *story("1.2", TWO, after=86_400), *story("1.3", THREE, after=86_401)])
    for ticket, calls in ((TWO, ["1.1"]), (THREE, ["1.2"])):
        shown = site.run("complaints", "show", ticket, "--json").json()
        assert [each["id"] for each in shown["earlier_calls"]] == calls


def test_edit(full: CliSite) -> None:
    done = full.run(
        "complaints", "edit", ONE, "--name", "Reza", "--number", "0811-222-333", "--place", "Jl. Gatot Subroto",
        "--category", "kecelakaan", "--description", "dua  mobil", "--plate", "bk 1 x", "--polres", "01",
        "--status", "handling", "--validity", "valid", "--emergency",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert ONE in done.out
    shown = full.run("complaints", "show", ONE, "--json").json()
    expected = {
        "name": "Reza", "number": "+62811222333", "place": "Jl. Gatot Subroto", "category": "kecelakaan",
        "description": "dua mobil", "plate": "BK 1 X", "polres": "01", "status": "handling", "validity": "valid",
        "emergency": True, "missing": [], "changed_by": "supervisor:budi",
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == expected
    edited = shown["history"][-1]
    assert (edited["actor"], edited["action"]) == ("supervisor:budi", "complaint.edited")
    assert "validity" not in edited["data"], "it was valid already"
    before = sum(1 for _ in read(full.state.journal))
    assert "as it was" in full.run("complaints", "edit", ONE, "--name", "Reza").out
    assert full.run("complaints", "edit", ONE, "--no-emergency", "--plate", "", "--place", "-").code == 0
    assert sum(1 for _ in read(full.state.journal)) == before + 1
    shown = full.run("complaints", "show", ONE, "--json").json()
    assert (shown["emergency"], shown["plate"], shown["place"]) == (False, None, "-")
    assert shown["missing"] == ["plate"]


def test_edit_what_is_at_a_desk(full: CliSite) -> None:
    assert THREE in full.run("complaints", "edit", "--desk", "1002", "--name", "Sri").out
    assert full.run("complaints", "show", THREE, "--json").json()["name"] == "Sri"
    assert "1001" in full.run("complaints", "edit", "--desk", "1001", "--name", "Sri").refused()


def test_edit_says_what_kind_of_call_a_living_one_is(full: CliSite) -> None:
    """What a supervisor enters and what `calls show` says agree (SOP V.4)."""
    assert full.run("complaints", "edit", THREE, "--emergency", "--validity", "valid").code == 0
    call = full.run("calls", "show", "1.3", "--json").json()
    assert (call["emergency"], call["kind"]) == (True, "valid")
    assert (call["actions"][-1]["actor"], call["actions"][-1]["action"]) == ("supervisor:budi", "call.classified")
    assert full.run("complaints", "edit", ONE, "--emergency").code == 0
    call = full.run("calls", "show", "1.1", "--json").json()
    assert (call["emergency"], call["actions"][-1]["action"]) == (False, "complaint.edited"), "it had ended before"


def test_who_was_answered_in_the_fallback_is_listed(site: CliSite) -> None:
    """The application did not run; its tickets go on where they were."""
    site.tell([*story("1.1", ONE), more("1.1", "call.ended", by="desk", outcome="answered")])
    journal = Journal.open(site.state.journal, timezone="Asia/Jakarta")
    tickets_ = Tickets(last_ticket(site.state.journal), lambda: date(2025, 1, 31))
    notes = CallNotes(
        site.state.journal, site.state.notes, region="ID", tell=journal.append, flush=journal.flush,
        is_living=lambda _: False, is_told=lambda _: False, opens=Complaints(journal.append, tickets_).open_as,
    )  # fmt: skip
    site.state.notes.parent.mkdir(parents=True, exist_ok=True)
    site.state.notes.write_text(f"{line('2.1')}\n{line('2.2', talked='', desk='')}\n", encoding="utf-8")
    assert notes.bring_in() == 2
    assert journal.close()
    assert tickets(site, "--status", "open") == [TWO, ONE]
    shown = site.run("complaints", "show", TWO, "--json").json()
    expected = ("2.1", CALLER, "desk:1002", "2025-01-31T08:02:09.456+07:00", False)
    assert tuple(shown[name] for name in ("call", "number", "opened_by", "opened_at", "emergency")) == expected
    assert site.run("calls", "show", "2.1", "--json").json()["ticket"] == TWO
    assert site.run("calls", "show", "2.2", "--json").json()["ticket"] is None


def test_close_and_reopen(full: CliSite) -> None:
    assert ONE in full.run("complaints", "close", ONE, "--reason", "sudah ditangani").out
    assert tickets(full, "--status", "closed") == [TWO, ONE]
    assert "closed" in full.run("complaints", "close", ONE).refused()
    assert "reopen" in full.run("complaints", "edit", ONE, "--name", "X").refused()
    assert full.run("complaints", "reopen", ONE, "--reason", "belum").code == 0
    shown = full.run("complaints", "show", ONE, "--json").json()
    assert (shown["status"], shown["reason"], shown["closed_at"]) == ("open", "belum", None)
    assert "not closed" in full.run("complaints", "reopen", ONE).refused()
    assert full.run("complaints", "close", "--desk", "1002").code == 0
    assert tickets(full, "--status", "open") == [ONE]


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["show", "110-20250131-0009"], 1, "no complaint"),
        (["show", "\x1b[31m"], 1, "no complaint"),
        (["show"], 2, "--desk"),
        (["show", ONE, "--desk", "1001"], 2, "either"),
        (["edit"], 2, "--desk"),
        (["edit", ONE], 1, "the input ended: nothing was changed"),
        (["edit", "110-20250131-0009", "--name", "X"], 1, "no complaint"),
        (["edit", ONE, "--category", "kucing"], 1, "kecelakaan"),
        (["edit", ONE, "--polres", "99"], 1, "99"),
        (["edit", ONE, "--status", "closed"], 1, "complaints close"),
        (["edit", ONE, "--name", "\x1b[31m"], 1, "shown"),
        (["close"], 2, "--desk"),
        (["close", "x"], 1, "no complaint"),
        (["reopen"], 2, "TICKET"),
        (["list", "--status", "lost"], 2, "forwarded"),
        (["list", "--number", "withheld"], 2, "no digit"),
        (["edit", TWO], 1, "reopen"),
    ],
)
def test_refused(full: CliSite, monkeypatch: pytest.MonkeyPatch, command: list[str], code: int, said: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    before = sum(1 for _ in read(full.state.journal))
    error = full.run("complaints", *command).refused(code)
    assert said in error
    assert "\x1b" not in error
    assert sum(1 for _ in read(full.state.journal)) == before


def test_answers_through_a_pipe(full: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line, as at a terminal; the last line need not be ended."""
    answers = ["Reza", "", "Jl. Sudirman", "kucing", "kebakaran", "", "-", "", "ya\r", "01"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(answers)))
    done = full.run("complaints", "edit", THREE)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == f"{THREE} changed: name, place, category, plate, emergency, polres."
    shown = full.run("complaints", "show", THREE, "--json").json()
    assert (shown["name"], shown["category"], shown["emergency"], shown["polres"]) == ("Reza", "kebakaran", True, "01")


@pytest.mark.parametrize("answers", [None, "", "Reza\n", "Reza\n\n\n\n\n\n\n\n", "Reza\n" + "kucing\n" * 8])
def test_a_pipe_that_ends_too_early(full: CliSite, monkeypatch: pytest.MonkeyPatch, answers: str | None) -> None:
    """None: standard input was closed before."""
    before = sum(1 for _ in read(full.state.journal))
    monkeypatch.setattr("sys.stdin", None if answers is None else io.StringIO(answers))
    assert "the input ended: nothing was changed" in full.run("complaints", "edit", "--desk", "1002").refused()
    assert sum(1 for _ in read(full.state.journal)) == before


def test_answers_from_another_program(full: CliSite) -> None:
    with (full.state.root / "answers").open("w+b") as file:
        file.write(b"Reza\n" + b"\n" * 8)
        file.seek(0)
        process = full.start("complaints", "edit", THREE, stdin=file)
        out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert out.endswith(f"{THREE} changed: name.\n".encode())


class Terminal(io.StringIO):
    """Somebody who types these lines."""

    def isatty(self) -> bool:
        return True


def test_asked_field_by_field(full: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter keeps a value; what cannot be is asked again."""
    answers = ["Reza", "", "Jl. Sudirman", "kucing", "kebakaran", "", "-", "", "maybe", "ya", "99", "01"]
    monkeypatch.setattr("sys.stdin", Terminal("\n".join(answers) + "\n"))
    done = full.run("complaints", "edit", "--desk", "1002")
    assert done.code == 0, done.err
    assert "kecelakaan" in done.out
    assert "there is no Polres" in done.out
    shown = full.run("complaints", "show", THREE, "--json").json()
    expected = {
        "name": "Reza", "number": None, "place": "Jl. Sudirman", "category": "kebakaran", "description": None,
        "plate": "-", "validity": None, "emergency": True, "polres": "01",
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == expected


def test_asked_and_left(full: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("Reza\n"))
    assert "nothing was changed" in full.run("complaints", "edit", ONE).refused()
    monkeypatch.setattr("sys.stdin", Terminal("Reza\n"))
    assert "reopen" in full.run("complaints", "edit", TWO).refused()
    monkeypatch.setattr("sys.stdin", Terminal("\n" * 9))
    assert "Nothing was changed" in full.run("complaints", "edit", ONE).out
    assert full.run("complaints", "show", ONE, "--json").json()["name"] is None


def test_without_a_journal(site: CliSite) -> None:
    assert site.run("complaints", "list", "--json").json() == []
    assert site.run("complaints", "list").code == 0
    assert "no complaint" in site.run("complaints", "show", ONE).refused()
    assert "1001" in site.run("complaints", "show", "--desk", "1001").refused()
    assert not site.state.journal.exists()
    assert "no complaint" in site.run("complaints", "close", ONE).refused()


def test_nothing_a_caller_sends_reaches_the_terminal(site: CliSite) -> None:
    nasty = "\x1b]0;title\x07\x9b31m\u202e[red]\n\r"
    site.tell(story("1.1", ONE, caller=nasty))
    site.tell([more("1.1", "complaint.edited", ticket=ONE, name=nasty, category=nasty)])
    for arguments in (["list"], ["show", ONE]):
        out = site.run("complaints", *arguments).out
        assert not set(out) & set("\x1b\x07\x9b\u202e\r")
        assert "[red]" in out


def test_a_call_shows_its_ticket(full: CliSite) -> None:
    call = full.run("calls", "show", "1.1", "--json").json()
    assert (call["ticket"], call["polres"], call["kind"]) == (ONE, "01", "valid")
    assert re.search(rf"^ticket +{ONE}$", full.run("calls", "show", "1.1").out, re.MULTILINE)
