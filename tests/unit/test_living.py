"""Which calls live, as far as the journal tells."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.domain.facts import Fact, Json
from ari_app.domain.recovery import Story
from ari_app.store import reader
from ari_app.store.journal import Journal, JournalError
from ari_app.store.living import last_action, living
from tests.unit.stories import facts


def _journal(path: Path, some: Sequence[Fact]) -> None:
    journal = Journal.open(path, timezone="UTC")
    for fact in some:
        journal.append(fact)
    assert journal.close()


def test_no_journal_and_an_empty_one(path: Path) -> None:
    assert living(path) == {}
    path.touch()
    assert living(path) == {}
    path.unlink()
    _journal(path, [])
    assert living(path) == {}


def test_a_call_that_began_before_a_block_list_was_imported(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An import writes a line a number, up to a million at once: no call is forgotten over them."""
    monkeypatch.setattr(reader, "LOOK_BACK", 1010)
    now = int(time.time())
    imported = [Fact("supervisor:budi", "number.blocked", data={"number": f"+62{n}"}) for n in range(1005)]
    calls = {name: f"{now - ago}.{n}" for n, (name, ago) in enumerate({"over": 60, "lives": 30, "old": 90_000}.items())}
    told = [Fact("caller", "call.received", call) for call in calls.values()]
    over = Fact("caller", "call.ended", calls["over"])
    _journal(path, [*told, over, *[Fact("system", "uji.fact") for _ in range(8)], *imported])
    assert set(living(path)) == {calls["lives"]}, "and not one of which the end was lost yesterday"


def test_who_was_on_a_radio_net(path: Path) -> None:
    """It says nothing of where the caller is now, and that somebody may be muted."""
    story = ("call.received", "call.answered", "radio.patched", "radio.unpatched", "call.adopted")
    told = [
        Fact("system", action, call) for action in story for call in ("c1", "c2") if (call, action) != ("c2", story[2])
    ]
    _journal(path, told)
    found = living(path)
    assert {call: (each.last, each.was_on_net) for call, each in found.items()} == {
        "c1": ("call.answered", True),
        "c2": ("call.answered", False),
    }


def test_a_file_that_is_no_journal(path: Path) -> None:
    path.write_bytes(b"x" * 4096)
    with pytest.raises(JournalError):
        living(path)


def test_living_calls_have_the_last_action_of_the_call(path: Path) -> None:
    said = ("call.classified", "call.noted", "call.adopted")
    story = ("call.received", "call.queued", "call.offered", "call.answered", *said, "call.ended")
    told = [Fact("system", action, f"c{count}") for count in range(9) for action in story[:count]]
    _journal(path, [*told, Fact("system", "call.answered", "never received"), Fact("system", "call.received")])
    assert {call: each.last for call, each in living(path).items()} == {
        "c1": "call.received",
        "c2": "call.queued",
        "c3": "call.offered",
        "c4": "call.answered",
        "c5": "call.answered",
        "c6": "call.answered",
        "c7": "call.answered",
    }


@settings(max_examples=30, deadline=None)
@given(st.lists(facts, max_size=40))
def test_any_story(some: list[Fact]) -> None:
    received = {fact.call for fact in some if fact.action == "call.received"}
    ended = {fact.call for fact in some if fact.action == "call.ended"}
    last = {
        fact.call: fact.action for fact in some if fact.action.startswith("call.") and fact.action != "call.classified"
    }
    with TemporaryDirectory() as folder:
        path = Path(folder, "journal.sqlite3")
        _journal(path, some)
        stories = living(path)
        assert {call: each.last for call, each in stories.items()} == {c: last[c] for c in received - ended - {None}}
        for call, each in stories.items():
            of_it = [fact.action for fact in some if fact.call == call]
            taken = [action for action in of_it if action in {"call.taken_back", "call.transfer_answered"}]
            assert each.is_not_taken is (taken[-1:] == ["call.taken_back"])
        assert {call for call, each in stories.items() if each.is_blocked} == {
            fact.call for fact in some if fact.action == "call.blocked" and fact.call in stories
        }
        assert {call for call, each in stories.items() if each.claims_emergency} == {
            fact.call for fact in some if fact.action == "call.emergency_claimed" and fact.call in stories
        }


def test_whether_it_was_said_to_be_an_emergency(path: Path) -> None:
    """What was said last of that counts; whatever a line has in place of yes and no is neither."""
    told: dict[str, list[dict[str, Json]]] = {
        "never": [{"kind": "valid"}],
        "once": [{"emergency": True}, {"kind": "valid"}],
        "not any more": [{"emergency": True}, {"emergency": False}],
        "again": [{"emergency": False}, {"emergency": True}, {"emergency": "no"}, {"emergency": None}, {}],
    }
    facts = [
        Fact("system", action, call, data)
        for call, said in told.items()
        for action, data in [("call.received", {}), *(("call.classified", each) for each in said)]
    ]
    _journal(path, [*facts, Fact("system", "call.classified", "another", {"emergency": True})])
    assert {call for call, story in living(path).items() if story.is_emergency} == {"once", "again"}


def test_only_the_end_is_looked_at(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "LOOK_BACK", 3)
    _journal(path, [Fact("system", "call.received", f"c{n}") for n in range(10)])
    assert {call: story.last for call, story in living(path).items()} == dict.fromkeys(
        ("c7", "c8", "c9"), "call.received"
    )


def test_a_big_journal_is_no_burden(path: Path) -> None:
    """Three hundred thousand lines; far less than a second."""
    _journal(path, [])
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER journal_is_gapless")
    connection.execute(
        """
        INSERT INTO journal WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 299999)
        SELECT i + 1, 'at', 'system',
               CASE i % 5 WHEN 0 THEN 'call.received' WHEN 4 THEN 'call.ended' ELSE 'call.offered' END,
               'call-' || (i / 5), '{}', 'x' FROM n
        """
    )
    connection.execute("DROP TRIGGER journal_is_append_only_delete")
    connection.execute("DELETE FROM journal WHERE seq = 300000")
    connection.execute("UPDATE head SET seq = 299999")
    connection.commit()
    connection.close()
    began = time.process_time()
    assert living(path) == {"call-59999": Story("call.offered", since="at")}
    assert time.process_time() - began < 1.0


def test_where_a_call_was_last(path: Path) -> None:
    assert last_action(path, "c1") is None
    story = (
        "call.received",
        "call.answered",
        "call.held",
        "call.noted",
        "radio.patched",
        "call.adopted",
        "call.classified",
    )
    _journal(path, [Fact("system", action, "c1") for action in story] + [Fact("system", "call.ended", "c2")])
    assert last_action(path, "c1") == "call.held"
    assert (last_action(path, "c2"), last_action(path, "c3")) == ("call.ended", None)
