"""The block list while the application runs: what flows and supervisors have done, and what a start takes up."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import anyio
import pytest

from ari_app.domain.blocklist import BlockList, BlockRules, NumberRules
from ari_app.domain.commands import CommandRefused
from ari_app.domain.facts import Fact, Json
from ari_app.flows import blocking as module
from ari_app.flows.blocking import Blocking, Marked, block_commands
from ari_app.store.blocked import CallLookup, load_block_list
from ari_app.store.database import open_engine
from ari_app.store.journal import Journal, read
from ari_app.store.projections import catch_up
from tests.unit.conftest import OpenJournal

NUMBER = "+6281234567890"
BUDI, OPERATOR = "supervisor:budi", "operator:7001"


class Desk:
    """A block list on a journal, as the application has it."""

    def __init__(self, journal: Journal, path: Path, *, pranks: int = 2, loaded: bool = True) -> None:
        self.path, self.journal, self.rules = path, journal, BlockRules(pranks)
        self.blocking = Blocking(self.tell, self.rules)
        self.living: list[tuple[str, str, str | None]] = []
        self.alive: set[str] = set()
        self.commands = block_commands(
            self.blocking,
            find=CallLookup(path, journal.flush),
            mark_living=self.mark_living,
            flush=journal.flush,
            rules=NumberRules("ID", "61", frozenset({"110"})),
        )
        if loaded:
            self.blocking.loaded(self.read())

    def read(self, url: str = "") -> BlockList:
        return load_block_list(self.path, url, self.rules, time.time())

    def tell(self, fact: Fact) -> None:
        self.journal.append(fact)
        self.blocking.note(fact)

    def mark_living(self, call: str, actor: str, note: str | None) -> Marked | None:
        if call not in self.alive:
            return None
        self.living.append((call, actor, note))
        return Marked(is_closing=True, has_blocked=True)

    def received(self, *calls: str, caller: str | None = NUMBER) -> None:
        for call in calls:
            self.tell(Fact("caller", "call.received", call, {"caller": caller}))

    def order(self, command: str, /, **arguments: Json) -> Any:
        return anyio.run(self.commands[f"block.{command}"], arguments, BUDI)

    def refused(self, command: str, /, **arguments: Json) -> str:
        with pytest.raises(CommandRefused) as refused:
            self.order(command, **arguments)
        return str(refused.value)

    def told(self) -> list[tuple[str, str]]:
        assert self.journal.flush()
        found = [(each.actor, each.action) for each in read(self.path)]
        return [(actor, action) for actor, action in found if action.partition(".")[0] in {"prank", "number"}]


@pytest.fixture
def desk(open_journal: OpenJournal, path: Path) -> Desk:
    return Desk(open_journal(), path)


# ---- the flows


def test_marks_block_and_an_operator_unblocks(desk: Desk) -> None:
    assert not desk.blocking.mark("a", NUMBER, OPERATOR, desk="1001", note=None)
    assert not desk.blocking.mark("a", NUMBER, OPERATOR), "at most one a call"
    assert desk.blocking.pranks(NUMBER) == 1
    assert desk.blocking.mark("b", NUMBER, OPERATOR)
    assert desk.blocking.is_blocked(NUMBER)
    assert not desk.blocking.mark("c", NUMBER, OPERATOR), "it is blocked already"
    assert desk.blocking.unblock(NUMBER, OPERATOR, call="d")
    assert not desk.blocking.unblock(NUMBER, OPERATOR, call="d")
    assert (desk.blocking.is_blocked(NUMBER), desk.blocking.pranks(NUMBER)) == (False, 0)
    assert not desk.blocking.mark("b", NUMBER, OPERATOR), "not even now"
    assert [action for _, action in desk.told()] == [
        "prank.marked", "prank.marked", "number.blocked", "prank.marked", "number.unblocked",
    ]  # fmt: skip


def test_a_caller_without_a_number(desk: Desk) -> None:
    for call in ("a", "b", "c", "c"):
        assert not desk.blocking.mark(call, None, OPERATOR)
    assert not desk.blocking.is_blocked(None)
    assert len(desk.told()) == 3


def test_the_end_is_told_once(open_journal: OpenJournal, path: Path) -> None:
    desk = Desk(open_journal(), path)
    desk.rules = BlockRules(2, expire_days=1)
    now = [1e9]
    desk.blocking = Blocking(desk.tell, desk.rules, lambda: now[0])
    desk.blocking.loaded(BlockList(desk.rules))
    desk.blocking.mark("a", NUMBER, OPERATOR)
    desk.blocking.mark("b", NUMBER, OPERATOR)
    desk.blocking.end_expired(NUMBER, "c")
    now[0] += 86_400
    assert not desk.blocking.is_blocked(NUMBER)
    for _ in range(2):
        desk.blocking.end_expired(NUMBER, "c")
    desk.blocking.end_expired(None, "c")
    assert [action for _, action in desk.told()][2:] == ["number.blocked", "number.unblocked"]


# ---- the start


def test_until_it_is_read_nobody_is_blocked(desk: Desk, open_journal: OpenJournal, path: Path) -> None:
    desk.order("add", number=NUMBER)
    desk.journal.close()
    again = Desk(open_journal(), path, loaded=False)
    assert not again.blocking.is_blocked(NUMBER)
    assert not again.blocking.mark("a", "+6281200000001", OPERATOR)
    before = again.read()
    assert not again.blocking.mark("b", "+6281200000001", OPERATOR) or True
    again.blocking.loaded(before)
    assert again.blocking.is_blocked(NUMBER)
    assert again.blocking.is_blocked("+6281200000001"), "told while it was read"


def test_killed_between_the_mark_and_the_block(open_journal: OpenJournal, path: Path) -> None:
    journal = open_journal()
    for call in ("a", "b"):
        journal.append(Fact(OPERATOR, "prank.marked", call, {"number": NUMBER}))
    journal.close()
    for _ in range(2):
        desk = Desk(open_journal(), path)
        assert desk.blocking.is_blocked(NUMBER)
        told = desk.told()
        assert told == [(OPERATOR, "prank.marked"), (OPERATOR, "prank.marked"), ("system", "number.blocked")]
        desk.journal.close()


@pytest.mark.parametrize("odd", ["old", "other", "broken", "empty"])
def test_tables_that_cannot_be_trusted(desk: Desk, path: Path, tmp_path: Path, odd: str) -> None:
    """Everything is read from the journal, then."""
    file = tmp_path / "siaga.sqlite3"
    desk.order("add", number=NUMBER)
    assert desk.journal.flush()
    engine = open_engine(f"sqlite:///{file}")
    catch_up(path, engine)
    with engine.begin() as connection:
        if odd == "old":
            connection.exec_driver_sql("UPDATE cursor SET version = 1")
        elif odd == "other":
            connection.exec_driver_sql("UPDATE cursor SET hash = 'x'")
        connection.exec_driver_sql("DELETE FROM numbers")
    engine.dispose()
    if odd == "broken":
        file.write_bytes(b"no database" * 500)
    elif odd == "empty":
        file.write_bytes(b"")
    assert desk.read(f"sqlite:///{file}").is_blocked(NUMBER, time.time())
    assert desk.read("postgresql://x/y").is_blocked(NUMBER, time.time())


def test_nothing_there_yet(tmp_path: Path) -> None:
    assert len(load_block_list(tmp_path / "none", "", BlockRules(), 0.0)) == 0


def test_commands_wait_for_the_list(open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
    desk = Desk(open_journal(), path, loaded=False)
    assert "still being read" in desk.refused("add", number=NUMBER)

    async def both() -> Json:
        asyncio.get_running_loop().call_later(0.05, desk.blocking.loaded, BlockList(desk.rules))
        return await desk.commands["block.add"]({"number": NUMBER}, BUDI)

    desk = Desk(desk.journal, path, loaded=False)
    assert anyio.run(both) == {"number": NUMBER}


def test_a_fact_is_never_lost_over_the_list(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(desk.blocking.list, "note", fail)
    desk.tell(Fact(OPERATOR, "prank.marked", "a", {"number": NUMBER}))
    assert desk.told() == [(OPERATOR, "prank.marked")]


# ---- the commands


def test_add_and_remove(desk: Desk) -> None:
    assert desk.order("add", number="0812-3456-7890", note=" iseng  malam ") == {"number": NUMBER}
    assert "already" in desk.refused("add", number=NUMBER)
    assert desk.order("remove", number="6281234567890", note="salah") == {"number": NUMBER}
    assert "not blocked" in desk.refused("remove", number=NUMBER)
    assert desk.told() == [(BUDI, "number.blocked"), (BUDI, "number.unblocked")]
    blocked, unblocked = (dict(each.data) for each in read(desk.path))
    assert blocked == {"number": NUMBER, "reason": "supervisor", "note": "iseng malam"}
    assert unblocked == {"number": NUMBER, "reason": "supervisor", "note": "salah"}


def test_mark_a_call_that_is_over(desk: Desk) -> None:
    desk.received("a", "b")
    assert desk.order("mark", call="a", note="tertawa") == {"call": "a", "living": False, "blocked": False}
    assert "already" in desk.refused("mark", call="a")
    assert desk.order("mark", call="b")["blocked"] is True
    assert desk.told() == [(BUDI, "prank.marked"), (BUDI, "prank.marked"), ("system", "number.blocked")]
    assert desk.order("unmark", call="b", reason="salah orang") == {"call": "b", "unblocked": True}
    assert "not marked" in desk.refused("unmark", call="b", reason="lagi")
    assert not desk.blocking.is_blocked(NUMBER)
    assert desk.blocking.pranks(NUMBER) == 1
    assert desk.order("mark", call="b")["blocked"] is True, "one that was taken back can be marked again"


def test_at_most_one_mark_a_call_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the mark does not count any more, and is no longer remembered."""
    monkeypatch.setattr("ari_app.domain.blocklist.REMEMBERED", 1)
    desk.received("a", "b")
    desk.order("mark", call="a")
    desk.order("mark", call="b")
    desk.order("remove", number=NUMBER)
    assert not desk.blocking.list.is_marked("a")
    assert "already" in desk.refused("mark", call="a")


def test_mark_a_living_call(desk: Desk) -> None:
    """Its flow says goodbye, hangs up and marks."""
    desk.received("a")
    desk.alive.add("a")
    assert desk.order("mark", call="a", note="x") == {"call": "a", "living": True, "blocked": True}
    assert desk.living == [("a", BUDI, "x")]
    assert desk.told() == []


def test_two_supervisors_at_once(desk: Desk) -> None:
    desk.received("a")
    results: list[str] = []

    async def mark() -> None:
        try:
            await desk.commands["block.mark"]({"call": "a"}, BUDI)
            results.append("done")
        except CommandRefused:
            results.append("refused")

    async def both() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(mark)

    anyio.run(both)
    assert sorted(results) == ["done", "refused", "refused"]
    assert desk.told() == [(BUDI, "prank.marked")]


def test_a_caller_without_a_number_is_marked_for_the_statistics(desk: Desk) -> None:
    desk.received("a", caller=None)
    assert desk.order("mark", call="a")["blocked"] is False
    assert desk.order("unmark", call="a", reason="x")["unblocked"] is False


@pytest.mark.parametrize(
    ("command", "arguments", "why"),
    [
        ("add", {"number": "abc"}, "no telephone number"),
        ("add", {"number": ""}, "no telephone number"),
        ("add", {"number": "1" * 18}, "no telephone number"),
        ("add", {"number": "110"}, "emergency number"),
        ("add", {"number": 110}, "not a text"),
        ("add", {}, "missing"),
        ("add", {"number": NUMBER, "note": "x" * 201}, "200"),
        ("remove", {"number": NUMBER}, "not blocked"),
        ("mark", {"call": "x"}, "no call x"),
        ("mark", {"call": "\x1b"}, "call"),
        ("unmark", {"call": "a", "reason": " "}, "reason"),
        ("unmark", {"call": "a"}, "missing"),
        ("unmark", {"call": "a", "reason": "x"}, "not marked"),
        ("import", {"numbers": [["1", None]] * 1001}, "1000"),
        ("import", {"numbers": [["1"]]}, "numbers"),
        ("import", {"numbers": [[1, None]]}, "numbers"),
    ],
)
def test_refused(desk: Desk, command: str, arguments: dict[str, Json], why: str) -> None:
    desk.received("a")
    assert why in desk.refused(command, **arguments)
    assert desk.told() == []


def test_the_journal_cannot_be_used(desk: Desk, path: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandRefused, match="cannot be written"):
        CallLookup(path, lambda _: False)("a")
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"x" * 4096)
    with pytest.raises(CommandRefused, match="cannot be read"):
        CallLookup(damaged, lambda _: True)("a")


def test_import(desk: Desk) -> None:
    desk.order("add", number=NUMBER)
    numbers: list[Json] = [["081234567890", None], ["081200000001", "a"], ["x", None], ["+6281200000001", None]]
    expected = {"blocked": 1, "unchanged": 2, "changed": [1], "refused": [[2, "'x' is no telephone number"]]}
    assert desk.order("import", numbers=numbers, dry_run=True) == expected
    assert len(desk.told()) == 1
    assert desk.order("import", numbers=numbers) == expected
    assert desk.told()[1:] == [(BUDI, "number.blocked")]
    assert desk.order("import", numbers=numbers)["blocked"] == 0


def test_calls_do_not_wait_for_an_import(desk: Desk) -> None:
    longest = 0.0

    async def others() -> None:
        nonlocal longest
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - began)

    async def both() -> None:
        numbers: list[Json] = [[f"0812{number:08d}", None] for number in range(1000)]
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(others)
            began = time.perf_counter()
            await desk.commands["block.import"]({"numbers": numbers}, BUDI)
            taken = time.perf_counter() - began
            tasks.cancel_scope.cancel()
        assert longest < max(0.5 * taken, 0.05)

    anyio.run(both)
