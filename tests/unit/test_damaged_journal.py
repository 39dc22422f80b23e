"""A journal of which something cannot be read any more: who starts on it serves calls with the rest."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from ari_app.assembly import last_line, make_complaints, make_roster, unfinished_monitoring
from ari_app.domain.commands import CommandRefused
from ari_app.domain.complaints import ComplaintRefused, next_ticket, ticket, ticket_key, unread_ticket
from ari_app.domain.facts import Fact
from ari_app.site.settings import load_settings
from ari_app.store import reader
from ari_app.store.complaints import ComplaintLookup, KeptLookup, living_complaints
from ari_app.store.journal import Journal, JournalError, verify
from ari_app.store.nets import net_records
from ari_app.store.orders import OrderLookup
from ari_app.store.staff import staff
from scripts.stack.family import WITH_US
from tests.unit.cli_site import CONFIG, REPO, CliSite

TICKET = "110-20250131-0001"
NET = '\n[[radio]]\nnet = "300"\nname = "Komando"\ngateway = "sip:300@127.0.0.4:5060"\n'
FACTS = [
    Fact("supervisor:r", "operator.added", data={"operator": "11111", "name": "Ani", "unit": "polda"}),
    Fact("operator:11111", "operator.logged_in", data={"operator": "11111", "desk": "1001"}),
    Fact("desk:1001", "radio.joined", data={"net": "300", "desk": "1001"}),
    Fact("desk:1001", "radio.joined", data={"net": "300", "desk": "1002"}),
    Fact("caller", "call.received", "c1", {"caller": "+628"}),
    Fact("desk:1001", "complaint.opened", "c1", {"ticket": TICKET}),
    Fact("supervisor:r", "call.noted", "c1", {"text": "x", "order": "aa01"}),
    Fact("desk:1001", "call.classified", "c1", {"kind": "valid"}),
    Fact("supervisor:r", "monitor.started", "c1", {"desk": "1002", "mode": "listen"}),
    Fact("supervisor:r", "call.noted", "c1", {"text": "y", "order": "aa02"}),
]
DAMAGE = ["{", "", "[]", "null", '{"net": []}']
SECONDS = 10.0


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    site.configure(CONFIG + NET)
    site.tell(FACTS)
    return site


def damage(path: Path, seqs: Sequence[int], data: str = "{") -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER journal_is_append_only_update")
        for seq in seqs:
            connection.execute("UPDATE journal SET data = ? WHERE seq = ?", (data, seq))
        connection.commit()


class Page:
    """The first page of an index, which can be made unreadable, and whole again."""

    def __init__(self, path: Path, index: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            (size,) = connection.execute("PRAGMA page_size").fetchone()
            (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (index,)).fetchone()
        self._path, self._place = path, (page - 1) * size
        with path.open("rb") as file:
            file.seek(self._place)
            self._content = file.read(size)

    def _write(self, content: bytes) -> None:
        with self._path.open("r+b") as file:
            file.seek(self._place)
            file.write(content)

    def spoil(self) -> None:
        self._write(b"\xff" * len(self._content))

    def mend(self) -> None:
        self._write(self._content)


# ---- one line ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", DAMAGE)
def test_how_the_nets_stand(site: CliSite, data: str) -> None:
    damage(site.state.journal, [3], data)
    assert 4 in [record.seq for record in net_records(site.state.journal)]


@pytest.mark.parametrize("data", DAMAGE)
def test_the_complaint_of_a_living_call(site: CliSite, data: str) -> None:
    damage(site.state.journal, [7], data)
    row = living_complaints(site.state.journal)["c1"]
    assert (row.ticket, row.validity) == (TICKET, "valid")
    found = ComplaintLookup(site.state.journal, lambda _: True)(TICKET)
    assert found == row


def test_no_recording_is_deleted_on_such_a_story(site: CliSite) -> None:
    damage(site.state.journal, [6])
    site.tell([Fact("caller", "call.ended", "c1")])
    with pytest.raises(ComplaintRefused, match="cannot be read"):
        KeptLookup(site.state.journal, lambda _: True)(["c1"])


def test_who_listened_to_a_call(site: CliSite) -> None:
    damage(site.state.journal, [9])
    assert unfinished_monitoring(site.state, last_line(site.state)) == []


def test_orders_of_before(site: CliSite) -> None:
    damage(site.state.journal, [7])
    assert OrderLookup(site.state.journal)("aa02")
    assert not OrderLookup(site.state.journal)("aa01")


def test_the_log_names_it_once_and_the_verification_always(site: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_named", set())
    damage(site.state.journal, [3, 7])
    with capture_logs() as logs:
        for _ in range(2):
            net_records(site.state.journal)
            living_complaints(site.state.journal)
    assert [(each["event"], each["line"]) for each in logs] == [
        ("journal.line_damaged", 3), ("journal.line_damaged", 7),
    ]  # fmt: skip
    assert {problem.seq for problem in verify(site.state.journal).problems} == {3, 7}


# ---- an index ----------------------------------------------------------------------------------------


def test_nobody_is_known_and_everybody_may_be_there(site: CliSite) -> None:
    """As the application puts it together; who does not serve calls is refused."""
    settings, told = load_settings(site.state.config), list[Fact]()
    index = Page(site.state.journal, "journal_without_call")
    index.spoil()
    with pytest.raises(JournalError):
        make_roster(settings, site.state, told.append)
    with capture_logs() as logs:
        roster = make_roster(settings, site.state, told.append, serves=True)
    assert {each["what"] for each in logs if each["log_level"] == "critical"} == {"guesses", "staff"}
    assert not roster.is_known
    assert roster.is_staffed("1001")
    assert not roster.is_ready("1001")
    with pytest.raises(CommandRefused, match="cannot be read from the journal"):
        roster.login("11111", "1001", "supervisor:r")
    index.mend()
    roster.learn(staff(site.state.journal))
    assert (roster.is_known, roster.operator_at("1001"), roster.is_ready("1001")) == (True, "11111", True)
    assert not roster.is_staffed("1002")
    assert told == []


def test_no_ticket_is_handed_out_twice(site: CliSite) -> None:
    settings, zone = load_settings(site.state.config), ZoneInfo("Asia/Jakarta")
    today = datetime.now(zone).date()
    site.tell([Fact("desk:1001", "complaint.opened", "c2", {"ticket": ticket(today, 7)})])
    index = Page(site.state.journal, "journal")
    index.spoil()
    with pytest.raises(JournalError):
        make_complaints(settings, site.state, lambda _: None)
    complaints = make_complaints(settings, site.state, lambda _: None, serves=True)
    key = ticket_key(complaints.open("c3", None, "desk:1001"))
    assert key is not None
    assert key > (today, 7)
    assert last_line(site.state) == len(FACTS) + 1


def test_tickets_after_an_unread_one_only_grow() -> None:
    now = datetime(2025, 1, 31, 0, 0, 1, tzinfo=ZoneInfo("Asia/Jakarta"))
    first, second = unread_ticket(now), unread_ticket(now + timedelta(seconds=1))
    assert (date(2025, 1, 31), 99_999) < first < second
    assert ticket_key(ticket(*second)) == second
    assert next_ticket(second, date(2025, 2, 1)) == (date(2025, 2, 1), 1)


# ---- the application ---------------------------------------------------------------------------------


ODD = '{"net": [], "transmission": {}, "desk": {}, "reason": [], "operator": [], "ticket": {}, "kind": []}'


@pytest.mark.parametrize("what", ["{", ODD, "journal_without_call", "journal_call"])
def test_the_application_starts(site: CliSite, what: str) -> None:
    """It goes on until it is ended: here it looks for an Asterisk."""
    if what.startswith("journal"):
        Page(site.state.journal, what).spoil()
    else:
        damage(site.state.journal, range(1, len(FACTS) + 1), what)
    command = [*WITH_US, sys.executable, "-m", "ari_app", "--state", str(site.state.root)]
    with subprocess.Popen(command, cwd=REPO, stderr=subprocess.PIPE, text=True) as program:
        try:
            assert program.stderr is not None
            assert any("ari.connect_failed" in line for line in program.stderr)
            program.terminate()
            program.communicate(timeout=SECONDS)
            assert program.returncode == 0
        finally:
            program.kill()


def test_it_is_written_on(site: CliSite) -> None:
    """A damaged line keeps nobody from appending to the journal."""
    damage(site.state.journal, [3])
    journal = Journal.open(site.state.journal, timezone="UTC")
    journal.append(Fact("caller", "call.ended", "c1"))
    assert journal.close()
    assert living_complaints(site.state.journal) == {}
