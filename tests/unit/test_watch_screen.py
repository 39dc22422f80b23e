"""What ``siaga watch`` shows, on any terminal: it fits, and what counts is on it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ari_app.bus import topics
from ari_app.bus.board import call_state, desk_state, net_state, queue_state
from ari_app.bus.payloads import Alarm, Alarms, Payload, Status
from ari_app.bus.view import FloorView
from ari_app.domain.facts import Fact
from ari_app.domain.floor import Floor
from ari_app.domain.operators import DeskPlace
from cli.watch_screen import Frame, screen
from tests.unit.cli_site import CliSite
from tests.unit.stories import facts
from tests.unit.test_floor import BEGIN, at, fact, records

POLRES = {"01": "Polrestabes Medan", "02": "Polres Pelabuhan Belawan"}
ONLINE = Status(state="online", since=at(0))

WORK = [
    fact("desk.registered", desk="1001"),
    fact("desk.registered", desk="1002"),
    fact("operator.logged_in", operator="87020001", desk="1001"),
    fact("operator.not_ready", operator=None, desk="1002", reason="prayer"),
    fact("call.received", "c", caller="+6281234567890"),
    fact("call.queued", "c", priority="normal"),
    fact("call.answered", "c", "operator:87020001", desk="1001"),
    fact("call.classified", "c", kind="valid"),
    fact("call.transfer_started", "c", desk="1001", polres="01", desks=["2001"]),
    fact("call.received", "d", caller="+6285550001111"),
    fact("call.queued", "d", priority="emergency"),
    fact("call.classified", "d", emergency=True),
]


def view_of(
    told: Iterable[Fact], places: Sequence[str] = ("1001", "1002", "2001"), nets: Sequence[str] = ()
) -> FloorView:
    """What a client is told of a floor, through the messages themselves."""
    desks = {name: DeskPlace("01" if name.startswith("2") else "polda", login=False) for name in places}
    floor = Floor(desks, {net: f"Jaringan {net}" for net in nets})
    for record in records(told):
        floor.fold(record)
    view = FloorView()

    def tell(topic: str, payload: Payload) -> None:
        view.take(topic, payload.model_dump_json().encode())

    for id_, call in floor.calls.items():
        tell(topics.call(id_), call_state(call))
    for name, desk in floor.desks.items():
        tell(topics.desk(name), desk_state(desk))
    for name, net in floor.nets.items():
        tell(topics.net(name), net_state(net))
    tell(topics.QUEUE, queue_state(floor, at(1)[:10]))
    tell(topics.STATUS, ONLINE)
    tell(topics.PUBLISHER_STATUS, ONLINE)
    return view


def shown(
    view: FloorView | None, *, trouble: str | None = None, width: int = 80, height: int = 24, seconds: float = 75
) -> list[str]:
    """The lines of the screen, as a terminal shows them."""
    now = BEGIN + timedelta(seconds=seconds)
    console = Console(file=io.StringIO(), width=width, height=height, highlight=False, force_terminal=False)
    frame = Frame("Polda Sumatera Utara", POLRES, view, trouble, now, width, height)
    console.print(screen(frame))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def line_with(lines: list[str], text: str) -> str:
    found = [line for line in lines if text in line]
    assert len(found) == 1, lines
    return found[0]


def test_at_80_columns() -> None:
    lines = shown(view_of(WORK))
    assert lines[0].startswith("Polda Sumatera Utara")
    assert lines[0].endswith(f"{BEGIN + timedelta(seconds=75):%H:%M:%S}")
    assert lines[1] == "Today: 2 calls, 1 answered, 1 (100 %) within 10 s, 0 abandoned. 0 desks ready."
    waiting = line_with(lines, "+6285550001111")
    assert waiting.split() == ["1:05", "+6285550001111", "emergency", "waiting", "EMERGENCY"]
    call = line_with(lines, "+6281234567890")
    assert call.split() == [
        "1:06", "+6281234567890", "transferring", "1001", "valid", "01", "Polrestabes", "Medan",
    ]  # fmt: skip
    desks = line_with(lines, "1001 transferring")
    assert desks.split() == ["1001", "transferring", "1:06", "1002", "prayer", "1:11", "2001", "ringing", "1:06"]
    assert "── Waiting (1) " in "\n".join(lines)


def test_nothing_yet_and_nothing_at_all() -> None:
    assert shown(None, trouble="")[1:] == ["Connecting to the broker"]
    assert shown(None, trouble="refused")[1:] == ["NO LINK to the broker: refused"]
    lines = shown(view_of([], places=()))
    assert [line.strip() for line in lines if not line.startswith(("──", "Polda", "Today"))] == [
        "nobody",
        "none",
        "none",
    ]


@pytest.mark.parametrize("trouble", ["", "[Errno 111] Connection refused"])
def test_a_lost_link_is_said_and_what_was_there_stays(trouble: str) -> None:
    lines = shown(view_of(WORK), trouble=trouble)
    assert lines[1].startswith("LINK LOST, what is shown is old")
    assert trouble in lines[1]
    assert line_with(lines, "+6281234567890")


def test_what_is_wrong_comes_first() -> None:
    view = view_of(WORK)
    offline = Status(state="offline").model_dump_json().encode()
    view.take(topics.STATUS, offline)
    view.take(topics.PUBLISHER_STATUS, offline)
    alarm = Alarm(name="journal", text="the journal cannot be written: disk full", since=at(0))
    view.take(topics.ALARMS, Alarms(alarms=(alarm,)).model_dump_json().encode())
    lines = shown(view)
    assert lines[1] == "STANDS STILL, what is shown is old: nobody publishes, see `siaga doctor`"
    assert lines[2].startswith("THE APPLICATION IS NOT THERE")
    assert lines[3] == "ALARM journal: the journal cannot be written: disk full"


def test_what_is_too_much_is_counted() -> None:
    places = [str(number) for number in range(1001, 1101)]
    told = [fact("call.received", f"c{number}", caller=f"+62812000{number:05}") for number in range(200)]
    told += [fact("call.answered", f"c{number}", desk="1001") for number in range(100)]
    lines = shown(view_of(told, places))
    assert len(lines) == 24
    assert len([line for line in lines if " more" in line]) == 3
    assert "── Waiting (100) " in "\n".join(lines)
    assert "── Calls (100) " in "\n".join(lines)
    assert "── Desks (100) " in "\n".join(lines)
    assert line_with(lines, "+6281200000100"), "who waits longest is there"


@given(
    st.lists(facts, max_size=40), st.integers(20, 200), st.integers(1, 60), st.sampled_from((None, "", "lost\x1b[2J"))
)
def test_it_fits_whatever_was_told(told: list[Fact], width: int, height: int, trouble: str | None) -> None:
    lines = shown(view_of(told), trouble=trouble, width=width, height=height)
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines), lines
    assert "\x1b" not in "".join(lines)


def test_a_caller_commands_no_terminal() -> None:
    lines = shown(view_of([fact("call.received", "c", caller="\x1b[2J\u202e0812")]))
    assert "\x1b" not in "".join(lines)
    assert "\\x1b[2J" in "".join(lines)


# ---- the view


def test_what_is_cleared_is_gone_and_what_cannot_be_read_is_said() -> None:
    view = view_of(WORK)
    view.take(topics.call("c"), b"")
    view.take(topics.desk("1002"), b"")
    assert set(view.calls) == {"d"}
    assert set(view.desks) == {"1001", "2001"}
    view.take(topics.QUEUE, b'{"version":2}')
    assert view.queue is not None, "the last that could be read"
    assert any("older than what runs" in line for line in shown(view))
    view.take(topics.QUEUE, b"")
    assert not view.unread


def test_moments_that_are_still_to_come() -> None:
    """Whose clock is behind the site's sees a time that stands, not a wrong one."""
    assert "0:00" in line_with(shown(view_of(WORK), seconds=-100), "+6285550001111")
    assert datetime.fromisoformat(at(0)) == BEGIN


RADIO = [
    fact("radio.gateway_up", net="300"),
    fact("radio.gateway_up", net="301"),
    fact("radio.joined", net="300", desk="1002"),
    fact("radio.patched", "c", net="300", desk="1001"),
    fact("radio.keyed", "c", net="300", by="desk", desk="1001", transmission="300-1"),
    fact("radio.keyed", net="301", by="officer", transmission="301-1"),
    fact("radio.gateway_down", net="302", cause=0),
]


def test_the_radio_nets() -> None:
    """Who transmits, for how long already, who is there, and which gateway is away."""
    lines = shown(view_of([*WORK, *RADIO], nets=("300", "301", "302")))
    assert line_with(lines, "Jaringan 300").split() == [
        "300",
        "Jaringan",
        "300",
        "desk",
        "1001",
        "0:58",
        "1002",
        "1001",
    ]
    assert line_with(lines, "Jaringan 301").split() == ["301", "Jaringan", "301", "officer", "0:57"]
    assert line_with(lines, "Jaringan 302").split() == ["302", "Jaringan", "302", "gateway", "down", "0:56"]
    assert "Radio (3)" in lines[-4]


def test_many_nets_leave_room_for_callers() -> None:
    """And without nets there is no word of them."""
    lines = shown(view_of([*WORK, *RADIO], nets=[str(300 + number) for number in range(20)]))
    assert len(lines) < 24
    assert line_with(lines, "+6285550001111")
    assert line_with(lines, "more")
    assert not any("Radio" in line for line in shown(view_of(WORK)))


def test_for_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """All that is on the screen, and what could not be read."""
    view = view_of([*WORK, *RADIO], nets=("301", "300"))
    for topic in (topics.desk("2001"), topics.ALARMS):
        view.take(topic, b'{"version":2}')

    async def look(_: object) -> FloorView:
        return view

    monkeypatch.setattr("cli.watch._look", look)
    found = CliSite(tmp_path / "state", monkeypatch, capfd).run("watch", "--json").json()
    assert [call["id"] for call in found["calls"]] == ["c", "d"]
    assert [desk["extension"] for desk in found["desks"]] == ["1001", "1002", "2001"]
    assert [(net["net"], net["floor"], net["desks"]) for net in found["nets"]] == [
        ("300", "desk", ["1002", "1001"]), ("301", "officer", []),
    ]  # fmt: skip
    assert found["unread"] == ["siaga110/alarms", "siaga110/desks/2001"]
