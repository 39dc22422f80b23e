"""What was said on the nets, and the ends that were never told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.assembly import MONITORING
from ari_app.domain.facts import Fact, Record
from ari_app.domain.transmissions import PAIRS, Transmission, idle_lines, net_rows, transmissions, unfinished
from ari_app.store.journal import Journal
from ari_app.store.radio import radio_records


def record(seq: int, action: str, call: str | None = None, **data: str | int) -> Record:
    return Record(seq, f"2026-01-01T00:00:{seq:02}+07:00", "operator:91001", action, call, data, "")


def test_a_transmission_from_its_beginning_to_its_end() -> None:
    who = {"net": "300", "transmission": "300-1", "by": "desk", "desk": "1001"}
    told = [record(1, "radio.keyed", "c1", **who), record(2, "radio.released", "c1", **who, ms=900, reason="unkeyed")]
    began = Transmission("300-1", "300", "desk", "1001", "operator:91001", "c1", "2026-01-01T00:00:01+07:00")
    assert transmissions(told[:1]) == [began]
    (ended,) = transmissions(told)
    assert (ended.ms, ended.reason) == (900, "unkeyed")


_ids = st.sampled_from("abc")
_stories = st.lists(st.tuples(st.sampled_from([*PAIRS, *PAIRS.values()]), _ids), max_size=30)


@given(_stories)
def test_what_was_begun_is_ended_once(story: list[tuple[str, str]]) -> None:
    told = [record(seq, action, None, net=id_, transmission=id_) for seq, (action, id_) in enumerate(story)]
    ends = unfinished(told)
    for begin, end in PAIRS.items():
        for id_ in "abc":
            last = [action for action, about in story if about == id_ and action in {begin, end}][-1:]
            missing = [fact for fact in ends if fact.action == end and fact.data["net"] == id_]
            assert len(missing) == (last == [begin])
    after = [*told, *(Record(99, "", fact.actor, fact.action, fact.call, fact.data, "") for fact in ends)]
    assert unfinished(after) == []


@pytest.mark.parametrize("end", ["radio.call_answered", "radio.call_given_up", None])
def test_an_officers_call_has_one_end(end: str | None) -> None:
    told = [record(0, "radio.called", None, net="300"), record(1, "radio.call_offered", None, net="300", desk="1001")]
    if end is not None:
        told.append(record(2, end, None, net="300", desk="1001"))
    ends = unfinished(told)
    assert [(fact.action, fact.data["reason"]) for fact in ends] == (
        [] if end else [("radio.call_given_up", "application_lost")]
    )


def test_a_sentence_that_was_ordered_has_one_end() -> None:
    """Two of the same words, the application died before the second; of another one its end alone is told."""
    told = [
        record(seq, action, None, net="300", id=id_, text="Uji")
        for seq, (action, id_) in enumerate(
            [("radio.say_ordered", "a"), ("radio.say_ordered", "b"), ("radio.said", "a"), ("radio.said", "c")]
        )
    ]
    (end,) = unfinished(told)
    assert (end.action, end.actor) == ("radio.said", "system")
    assert end.data == {"net": "300", "id": "b", "text": "Uji", "said": False, "reason": "application_lost"}
    before = [record(0, "radio.said", None, net="300", text="Uji", said=True)]
    assert unfinished(before) == []


def test_lines_on_demand_that_ended_with_the_application() -> None:
    """Only those that were up: what is down stays so until it is tried again."""
    lines = ("300", "up"), ("301", "up"), ("301", "down"), ("302", "up"), ("302", "idle"), ("303", "up")
    told = [record(seq, f"radio.gateway_{state}", None, net=net) for seq, (net, state) in enumerate(lines)]
    assert {net: row.line for net, row in net_rows(told).items()} == {
        "300": "up", "301": "down", "302": "idle", "303": "up",
    }  # fmt: skip
    (end,) = idle_lines(told, ["300", "301", "302", "304"])
    assert (end.action, end.data) == ("radio.gateway_idle", {"net": "300", "reason": "application_lost"})


def test_they_are_read_from_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    assert radio_records(path) == []
    journal = Journal.open(path, timezone="UTC")
    for action in ("call.received", "radio.keyed", "radio.gateway_up", "call.ended"):
        journal.append(Fact("system", action, "c1", {"net": "300", "transmission": "x"}))
    assert journal.close()
    found = radio_records(path)
    assert [each.action for each in found] == ["radio.keyed", "radio.gateway_up"]
    assert [(fact.action, fact.call) for fact in unfinished(found)] == [("radio.released", "c1")]
    assert radio_records(path, look_back=1) == []


def test_supervisors_who_listened_when_the_application_died() -> None:
    """By call and desk: the one who had changed the mode is still there, the other one was gone."""

    def told(seq: int, action: str, desk: str, mode: str) -> Record:
        return Record(seq, "", "supervisor:r", action, "c1", {"desk": desk, "mode": mode}, "")

    records = [
        told(1, "monitor.started", "1003", "listen"), told(2, "monitor.ended", "1003", "listen"),
        told(3, "monitor.started", "1003", "barge"), told(4, "monitor.started", "1002", "listen"),
        told(5, "monitor.ended", "1002", "listen"),
    ]  # fmt: skip
    (end,) = unfinished(records, MONITORING)
    assert (end.action, end.call, end.data["desk"], end.data["mode"]) == ("monitor.ended", "c1", "1003", "barge")
    assert end.data["reason"] == "application_lost"
