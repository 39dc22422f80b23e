"""How the radio nets stand is known however long ago it was told, and to everybody alike."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ari_app.domain.facts import Fact
from ari_app.domain.floor import Floor
from ari_app.domain.transmissions import NetRow, net_rows
from ari_app.store import nets, reader, tail
from ari_app.store.nets import net_records
from ari_app.store.tail import JournalTail
from tests.unit.cli_site import CliSite
from tests.unit.conftest import OpenJournal
from tests.unit.doctor_site import results, running

AGES_AGO = [
    Fact("asterisk", "radio.gateway_down", data={"net": "300", "cause": 0}),
    Fact("asterisk", "radio.gateway_up", data={"net": "300"}),
    Fact("asterisk", "radio.gateway_up", data={"net": "301"}),
    Fact("asterisk", "radio.gateway_down", data={"net": "301", "cause": 0}),
    Fact("asterisk", "radio.gateway_up", data={"net": "302"}),
    Fact("asterisk", "radio.gateway_idle", data={"net": "302"}),
    Fact("desk:1001", "radio.joined", data={"net": "300", "desk": "1001"}),
    Fact("desk:1002", "radio.joined", data={"net": "300", "desk": "1002"}),
    Fact("desk:1001", "radio.left", data={"net": "300", "desk": "1001"}),
]
SINCE = [Fact("caller", "call.received", f"c{number}") for number in range(20)]
STANDS = {"300": ("up", ("1002",)), "301": ("down", ()), "302": ("idle", ())}


def stands(rows: dict[str, NetRow]) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {net: (row.line, row.desks) for net, row in rows.items()}


def as_the_command_says(path: Path) -> dict[str, NetRow]:
    return net_rows(net_records(path))


def as_the_publisher_says(path: Path) -> dict[str, NetRow]:
    floor = Floor({}, dict.fromkeys(STANDS, ""))
    reader = JournalTail(path)
    for record in reader.history("2025-01-01"):
        floor.fold(record)
    reader.close()
    return {net: known.row for net, known in floor.nets.items()}


@pytest.mark.parametrize("known", [as_the_command_says, as_the_publisher_says])
@pytest.mark.parametrize("window", [5, len(SINCE) + 3, 1000])
def test_what_was_told_ages_ago_is_known(
    path: Path,
    open_journal: OpenJournal,
    monkeypatch: pytest.MonkeyPatch,
    known: Callable[[Path], dict[str, NetRow]],
    window: int,
) -> None:
    monkeypatch.setattr(reader, "LOOK_BACK", window)
    monkeypatch.setattr(tail, "WINDOW", window)
    journal = open_journal()
    for fact in (*AGES_AGO, *SINCE):
        journal.append(fact)
    assert journal.flush()
    assert stands(known(path)) == STANDS


@pytest.mark.parametrize("known", [as_the_command_says, as_the_publisher_says])
def test_nobody_who_comes_and_goes_pushes_a_line_out(
    path: Path, open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch, known: Callable[[Path], dict[str, NetRow]]
) -> None:
    monkeypatch.setattr(reader, "LOOK_BACK", 5)
    monkeypatch.setattr(tail, "WINDOW", 5)
    monkeypatch.setattr(nets, "MOST", 10)
    journal = open_journal()
    for fact in (*AGES_AGO, *AGES_AGO[-1:] * 20, *SINCE):
        journal.append(fact)
    assert journal.flush()
    assert {net: row.line for net, row in known(path).items()} == {net: line for net, (line, _) in STANDS.items()}


def test_a_damaged_line_of_ages_ago_is_passed_over(
    path: Path, open_journal: OpenJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "LOOK_BACK", 5)
    journal = open_journal()
    for fact in (*AGES_AGO, *SINCE):
        journal.append(fact)
    assert journal.close()
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER journal_is_append_only_update")
    connection.execute("UPDATE journal SET data = '{' WHERE seq = 4")
    connection.commit()
    connection.close()
    assert as_the_command_says(path)["301"].line == "up"


def test_no_journal(path: Path) -> None:
    assert net_records(path) == []


def test_the_command_shows_it_and_the_doctor_warns_of_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(reader, "LOOK_BACK", 5)
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    net = '\n[[radio]]\nnet = "300"\nname = "Komando"\ngateway = "sip:300@127.0.0.4:5060"\n'
    running(site, 28088, more=net).close()
    site.tell([*AGES_AGO, *SINCE])
    (row,) = site.run("radio", "nets", "--json").json()
    assert (row["line"], row["desks"]) == ("up", ["1002"])
    assert results(site)["gateways"] == "ok"
