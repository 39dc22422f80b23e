"""Complaints while the application runs: opened, changed, closed; and found again in the journal."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.domain.commands import CommandRefused
from ari_app.domain.complaint_fields import FieldRules
from ari_app.domain.complaints import ComplaintRow, ticket
from ari_app.domain.facts import Fact, Json
from ari_app.flows.complaints import Complaints, Tickets, complaint_commands
from ari_app.store import last_ticket as module
from ari_app.store.complaints import ComplaintLookup, living_complaints, read_complaint
from ari_app.store.journal import Journal, JournalReader, read
from ari_app.store.last_ticket import call_of_ticket, last_ticket
from tests.unit.conftest import OpenJournal

DAY = date(2025, 1, 31)
ONE, TWO = "110-20250131-0001", "110-20250131-0002"
BUDI = "supervisor:budi"
NUMBER = "+6281234567890"


Find = Callable[[str], ComplaintRow | None]


class Book:
    """Complaints on a journal, as the application has them."""

    def __init__(self, journal: Journal, path: Path, *, find: Find | None = None) -> None:
        self.path = path
        self.journal = journal
        self.desks: dict[str, str] = {}
        self.classified: list[tuple[str, bool | None, str | None]] = []
        self.complaints = Complaints(self.tell, Tickets(last_ticket(path), lambda: DAY), living_complaints(path))
        self.lookup = ComplaintLookup(path, journal.flush)
        self.commands = complaint_commands(
            self.complaints,
            find=find or self.lookup,
            at_desk=lambda desk: self.complaints.ticket_of(self.desks.get(desk)),
            rules=FieldRules("ID", {"01"}),
            classified=lambda *what: self.classified.append(what),
        )

    def tell(self, fact: Fact) -> None:
        self.journal.append(fact)
        self.complaints.note(fact)

    def begin(self, call: str, *, desk: str = "1001") -> str:
        """A call comes and is answered."""
        self.journal.append(Fact("caller", "call.received", call))
        self.journal.append(Fact(f"desk:{desk}", "call.answered", call, {"desk": desk}))
        self.desks[desk] = call
        return self.complaints.open(call, NUMBER, f"desk:{desk}", desk=desk, operator=None)

    def end(self, call: str) -> None:
        self.tell(Fact("caller", "call.ended", call))

    def order(self, command: str, /, **arguments: Json) -> Any:
        return anyio.run(self.commands[command], arguments, BUDI)

    def refused(self, command: str, /, **arguments: Json) -> str:
        with pytest.raises(CommandRefused) as refused:
            self.order(command, **arguments)
        return str(refused.value)

    def row(self, ticket_: str = ONE) -> ComplaintRow:
        row = self.lookup(ticket_)
        assert row is not None
        return row

    def told(self) -> list[str]:
        assert self.journal.flush()
        return [each.action for each in read(self.path) if each.action.startswith("complaint.")]


@pytest.fixture
def book(open_journal: OpenJournal, path: Path) -> Book:
    return Book(open_journal(), path)


def test_one_complaint_a_call(book: Book) -> None:
    assert book.begin("a") == ONE
    assert book.complaints.open("a", NUMBER, "desk:1002") == ONE, "a call that comes back takes up its complaint"
    assert book.begin("b", desk="1002") == TWO
    assert book.complaints.ticket_of("b") == TWO
    assert book.complaints.ticket_of(None) is book.complaints.ticket_of("c") is None
    row = book.row()
    assert (row.call, row.number, row.opened_by) == ("a", NUMBER, "desk:1001")
    assert book.told() == ["complaint.opened"] * 2
    (first, _) = read(book.path, actions=["complaint.opened"])
    assert first.data == {"ticket": ONE, "number": NUMBER, "desk": "1001"}


def test_closed_by_the_flow_once(book: Book) -> None:
    book.begin("a")
    for _ in range(2):
        book.complaints.close("a", "operator:7001")
    book.complaints.close("nobody", "operator:7001")
    assert book.told() == ["complaint.opened", "complaint.closed"]
    assert book.row().closed_by == "operator:7001"
    assert "reopen" in book.refused("complaints.edit", ticket=ONE, fields={"name": "X"})
    book.order("complaints.reopen", ticket=ONE, reason="salah")
    book.complaints.close("a", "operator:7001")
    assert book.row().status == "closed"


def test_what_was_told_of_a_living_calls_complaint_is_known(open_journal: OpenJournal, path: Path) -> None:
    """By whichever application; and it is as the journal has it, but for the times."""
    journal = open_journal()
    for book in (Book(journal, path), Book(journal, path)):
        book.begin("a")
        book.complaints.classified("a", "operator:7001", emergency=True, kind=None)
        for action in ("call.transfer_started", "call.taken_back", "call.transfer_started"):
            book.tell(Fact("operator:7001", action, "a", {"polres": "01", "reason": "busy"}))
        known = book.complaints.row_of("a")
        assert known is not None
        told = replace(book.row(), first_seq=0, opened_at="", changed_at="")
        assert replace(known, first_seq=0, opened_at="", changed_at="") == told
        assert (known.emergency, known.status, known.polres) == (True, "forwarded", "01")
    book.end("a")
    assert book.complaints.row_of("a") is None


def test_edit(book: Book) -> None:
    book.begin("a")
    done = book.order("complaints.edit", ticket=ONE, fields={"name": "Budi", "number": NUMBER, "emergency": True})
    assert done == {"ticket": ONE, "changed": {"name": "Budi", "emergency": True}}
    (edited,) = read(book.path, actions=["complaint.edited"]) if book.journal.flush() else []
    assert (edited.actor, edited.call) == (BUDI, "a")
    assert edited.data == {"ticket": ONE, "name": "Budi", "emergency": True}
    assert book.order("complaints.edit", desk="1001", fields={"name": "Budi"})["changed"] == {}
    assert book.told() == ["complaint.opened", "complaint.edited"], "what stays as it was is not told"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"emergency": True}, {"emergency": True}),
        ({"validity": "not_valid"}, {"kind": "not_valid"}),
        ({"emergency": True, "validity": "valid", "name": "Sri"}, {"emergency": True, "kind": "valid"}),
    ],
)
def test_what_kind_of_call_it_is_is_told_of_a_living_call(
    book: Book, fields: dict[str, Json], said: dict[str, Json]
) -> None:
    """As an operator's key does it (SOP V.4): calls and complaints agree."""
    book.begin("a")
    book.order("complaints.edit", ticket=ONE, fields=fields)
    (told,) = read(book.path, actions=["call.classified"]) if book.journal.flush() else []
    assert (told.actor, told.call, told.data) == (BUDI, "a", said)
    assert book.classified == [("a", said.get("emergency"), said.get("kind"))]
    book.order("complaints.edit", ticket=ONE, fields=fields)
    book.order("complaints.edit", ticket=ONE, fields={"place": "Medan", "validity": ""})
    assert len(book.classified) == 1, "what is as it was is no news, and an emptied field says nothing of the call"
    row = book.row()
    assert (row.emergency, row.validity) == (said.get("emergency", False), None)


def test_what_kind_of_call_it_was_is_not_told_of_one_that_is_over(book: Book) -> None:
    book.begin("a")
    book.end("a")
    book.order("complaints.edit", ticket=ONE, fields={"emergency": True})
    assert book.classified == []
    assert book.row().emergency
    assert list(read(book.path, actions=["call.classified"])) == []


def test_close_and_reopen_when_the_call_is_over(book: Book) -> None:
    book.begin("a")
    book.end("a")
    assert book.complaints.ticket_of("a") is None
    assert "desk '1001'" in book.refused("complaints.close", desk="1001")
    book.order("complaints.close", ticket=ONE, reason=" sudah  ditangani ")
    assert (book.row().status, book.row().reason) == ("closed", "sudah ditangani")
    assert "reopen" in book.refused("complaints.close", ticket=ONE)
    book.order("complaints.reopen", ticket=ONE)
    assert "not closed" in book.refused("complaints.reopen", ticket=ONE)
    assert book.told() == ["complaint.opened", "complaint.closed", "complaint.reopened"]


@pytest.mark.parametrize(
    ("command", "arguments", "why"),
    [
        ("complaints.edit", {"fields": {"name": "X"}}, "a ticket or a desk"),
        ("complaints.edit", {"ticket": ONE, "desk": "1001", "fields": {"name": "X"}}, "a ticket or a desk"),
        ("complaints.edit", {"ticket": ONE}, "fields is missing"),
        ("complaints.edit", {"ticket": ONE, "fields": {}}, "nothing"),
        ("complaints.edit", {"ticket": ONE, "fields": {"name": 7}}, "fields.name"),
        ("complaints.edit", {"ticket": ONE, "fields": {"colour": "red"}}, "no field"),
        ("complaints.edit", {"ticket": TWO, "fields": {"name": "X"}}, "no complaint"),
        ("complaints.edit", {"ticket": "\x1b", "fields": {"name": "X"}}, "no complaint '.x1b'"),
        ("complaints.edit", {"desk": "1009", "fields": {"name": "X"}}, "at desk '1009'"),
        ("complaints.close", {"ticket": 7}, "ticket"),
        ("complaints.close", {"ticket": ONE, "reason": "x" * 500}, "200"),
        ("complaints.reopen", {"desk": "1001"}, "missing|argument"),
    ],
)
def test_refused(book: Book, command: str, arguments: dict[str, Json], why: str) -> None:
    book.begin("a")
    with pytest.raises(CommandRefused, match=why):
        book.order(command, **arguments)
    assert book.told() == ["complaint.opened"]


def test_after_a_restart_the_living_calls_keep_their_complaints(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    before = Book(journal, path)
    for call in ("a", "b", "c"):
        before.begin(call)
    before.complaints.close("b", "desk:1001")
    before.end("c")
    assert journal.close()
    book = Book(open_journal(), path)
    assert book.complaints.open("a", None, "desk:1002") == ONE
    book.complaints.close("b", "desk:1001")
    assert book.complaints.ticket_of("c") is None
    assert book.told() == [*["complaint.opened"] * 3, "complaint.closed"]
    assert book.begin("d") == "110-20250131-0004"


def test_closed_by_the_flow_while_a_supervisor_edits(open_journal: OpenJournal, path: Path) -> None:
    """The journal was read before the operator closed it: the edit is refused all the same."""

    def find(ticket_: str) -> ComplaintRow | None:
        row = desk_book.lookup(ticket_)
        desk_book.complaints.close("a", "desk:1001")
        desk_book.end("a")
        return row

    desk_book = Book(open_journal(), path, find=find)
    desk_book.begin("a")
    assert "closed" in desk_book.refused("complaints.edit", ticket=ONE, fields={"name": "X"})
    assert desk_book.told() == ["complaint.opened", "complaint.closed"]


def test_commands_at_the_same_time(book: Book) -> None:
    """Each sees what the one before has told."""
    book.begin("a")
    results: list[str] = []

    async def close() -> None:
        try:
            await book.commands["complaints.close"]({"ticket": ONE}, BUDI)
            results.append("done")
        except CommandRefused:
            results.append("refused")

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(close)

    anyio.run(both)
    assert sorted(results) == ["done", "refused", "refused"]
    assert book.told() == ["complaint.opened", "complaint.closed"]


def test_the_journal_cannot_be_written(path: Path, open_journal: OpenJournal) -> None:
    journal = open_journal()
    book = Book(journal, path, find=ComplaintLookup(path, lambda _: False))
    book.begin("a")
    assert "cannot be written" in book.refused("complaints.close", ticket=ONE)


def test_the_journal_cannot_be_read(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"x" * 4096)
    with pytest.raises(CommandRefused, match="cannot be read"):
        ComplaintLookup(damaged, lambda _: True)(ONE)


# ---- tickets in the journal


def test_no_ticket_yet(path: Path, open_journal: OpenJournal) -> None:
    assert last_ticket(path) is None
    assert living_complaints(path) == {}
    journal = open_journal()
    assert last_ticket(path) is None
    journal.append(Fact("system", "call.received", "a"))
    assert journal.flush()
    assert last_ticket(path) is None
    assert living_complaints(path) == {}


def test_damaged_tickets_are_passed_over(path: Path, open_journal: OpenJournal) -> None:
    journal = open_journal()
    journal.append(Fact("system", "complaint.opened", "a", {"ticket": ONE}))
    damaged: list[dict[str, Json]] = [{}, {"ticket": 7}, {"ticket": "110-20259999-0001"}, {"ticket": "1"}]
    for data in damaged:
        for _ in range(module.PAGE):
            journal.append(Fact("system", "complaint.opened", "b", data))
    assert journal.flush()
    assert last_ticket(path) == (DAY, 1)
    with JournalReader(path) as reader:
        assert call_of_ticket(reader, ONE) == "a"
        assert call_of_ticket(reader, "1") is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.integers(1, 3))
def test_every_ticket_is_found(gaps: list[int], near: int) -> None:
    """However much lies between them."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "NEAR", near)
        path = Path(folder, "journal.sqlite3")
        journal = Journal.open(path, timezone="UTC")
        for number, gap in enumerate(gaps, 1):
            for _ in range(gap):
                journal.append(Fact("system", "desk.registered", data={"desk": "1001"}))
            journal.append(Fact("system", "complaint.opened", f"c{number}", {"ticket": ticket(DAY, number)}))
        assert journal.close()
        assert last_ticket(path) == (DAY, len(gaps))
        with JournalReader(path) as reader:
            for number in range(len(gaps) + 2):
                expected = f"c{number}" if 0 < number <= len(gaps) else None
                assert call_of_ticket(reader, ticket(DAY, number)) == expected
            row = read_complaint(reader, "c1")
            assert row is not None
            assert row.ticket == ticket(DAY, 1)


def test_quick_in_a_long_journal(path: Path, open_journal: OpenJournal) -> None:
    """Half of it is from before there were complaints."""
    journal = open_journal()
    for number in range(20_000):
        journal.append(Fact("system", "call.queued", f"c{number}", {"priority": "normal"}))
    for number in range(1, 20_001):
        journal.append(Fact("system", "complaint.opened", f"c{number}", {"ticket": ticket(DAY, number)}))
    assert journal.flush(60)
    began = time.perf_counter()
    assert last_ticket(path) == (DAY, 20_000)
    with JournalReader(path) as reader:
        assert call_of_ticket(reader, ticket(DAY, 12_345)) == "c12345"
        plans = [
            reader.select(f"EXPLAIN QUERY PLAN {module._BACKWARDS}", (9, 9)),
            reader.select(f"EXPLAIN QUERY PLAN {module._FORWARDS}", (0, 9, 9)),
        ]
    assert time.perf_counter() - began < 0.5
    for plan in plans:
        (step,) = plan
        assert "SEARCH journal USING INTEGER PRIMARY KEY" in step[3], "no sorting, no other index"
