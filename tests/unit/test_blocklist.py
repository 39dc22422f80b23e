"""Any order of marks, blocks, what takes them back, and time: the right numbers are blocked, whoever looks and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ari_app.domain.blocklist import (
    DAY,
    MOST_MARKS,
    REMEMBERED,
    BlockList,
    BlockRefused,
    BlockRules,
    NumberRules,
    Reason,
    blockable,
    note_text,
)
from ari_app.domain.facts import Fact, Json
from ari_app.store.blocked import load_block_list
from ari_app.store.database import open_engine
from ari_app.store.journal import Journal
from ari_app.store.projections import catch_up

NUMBERS = ("+6281234567890", "1500")
CALLS = {f"c{number}": (*NUMBERS, NUMBERS[0], None)[number % 4] for number in range(16)}
BEGIN = 1_800_000_000.0


@dataclass
class Model:
    """One number, in the plainest way."""

    marks: dict[str, float] = field(default_factory=dict)
    since: float | None = None
    by_pranks: bool = False

    def reset(self) -> None:
        self.marks.clear()
        self.since, self.by_pranks = None, False


class AnyOrder(RuleBasedStateMachine):
    """The list beside the model."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        self.told: list[Fact] = []
        self.marked: set[str] = set()
        self.model = {number: Model() for number in NUMBERS}

    @initialize(pranks=st.integers(1, 4), window=st.sampled_from((0, 2)), expire=st.sampled_from((0, 3)))
    def rules_of_the_site(self, pranks: int, window: int, expire: int) -> None:
        self.block_rules = BlockRules(pranks, window, expire)
        self.list = BlockList(self.block_rules)

    def tell(self, facts: list[Fact]) -> None:
        at = datetime.fromtimestamp(self.now, UTC)
        for fact in facts:
            told = Fact(fact.actor, fact.action, fact.call, fact.data, at)
            self.told.append(told)
            self.list.note(told, self.now)

    def counting(self, number: str) -> list[str]:
        window = self.block_rules.window_days * DAY
        return [call for call, at in self.model[number].marks.items() if not window or self.now - at < window]

    def blocked(self, number: str) -> bool:
        since, expire = self.model[number].since, self.block_rules.expire_days * DAY
        return since is not None and not (expire and self.now - since >= expire)

    def deserved(self, number: str) -> bool:
        """Whether at one of the marks that are left so many counted that the number is blocked."""
        window, moments = self.block_rules.window_days * DAY, list(self.model[number].marks.values())
        counted = [sum(0 <= at - other < (window or 1e9) for other in moments) for at in moments]
        return max(counted, default=0) >= self.block_rules.pranks

    def end_if_over(self, number: str) -> bool:
        is_over = self.model[number].since is not None and not self.blocked(number)
        if is_over:
            self.model[number].reset()
        return is_over

    @rule(days=st.sampled_from((0.0, 0.5, 1.0, 2.5)))
    def time_goes_by(self, days: float) -> None:
        self.now += 1 + days * DAY

    @precondition(lambda self: self.marked)
    @rule(data=st.data())
    def mark_again(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(sorted(self.marked)))
        with pytest.raises(BlockRefused):
            self.list.mark(call, CALLS[call], "operator:1", self.now)

    @precondition(lambda self: len(self.marked) < len(CALLS))
    @rule(data=st.data())
    def mark(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(sorted(set(CALLS) - self.marked)))
        number = CALLS[call]
        self.tell(self.list.mark(call, number, "operator:1", self.now, note=None, desk="1001"))
        self.marked.add(call)
        if number is None:
            return
        self.end_if_over(number)
        self.model[number].marks[call] = self.now
        if self.model[number].since is None and len(self.counting(number)) >= self.block_rules.pranks:
            self.model[number].since, self.model[number].by_pranks = self.now, True

    @precondition(lambda self: self.marked)
    @rule(data=st.data())
    def unmark(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(sorted(self.marked)))
        number = CALLS[call]
        self.tell(self.list.unmark(call, number, "supervisor:budi", "salah", self.now))
        self.marked.discard(call)
        if number is None or self.end_if_over(number):
            return
        self.model[number].marks.pop(call, None)
        if self.model[number].by_pranks and not self.deserved(number):
            self.model[number].since, self.model[number].by_pranks = None, False

    @rule(number=st.sampled_from(NUMBERS), reason=st.sampled_from((Reason.SUPERVISOR, Reason.IMPORT)))
    def block(self, number: str, reason: Reason) -> None:
        if self.blocked(number):
            with pytest.raises(BlockRefused):
                self.list.block(number, "supervisor:budi", self.now, reason)
            return
        self.end_if_over(number)
        self.tell(self.list.block(number, "supervisor:budi", self.now, reason, "catatan"))
        self.model[number].since, self.model[number].by_pranks = self.now, False

    @rule(number=st.sampled_from(NUMBERS))
    def unblock(self, number: str) -> None:
        if not self.blocked(number):
            with pytest.raises(BlockRefused):
                self.list.unblock(number, "operator:1", self.now, Reason.VERIFIED)
            return
        self.tell(self.list.unblock(number, "operator:1", self.now, Reason.VERIFIED, call="c0"))
        self.model[number].reset()

    @rule(number=st.sampled_from(NUMBERS))
    def tell_the_end(self, number: str) -> None:
        was_over = self.model[number].since is not None and not self.blocked(number)
        assert self.list.is_expired(number, self.now) == was_over
        self.tell(self.list.end_expired(number, self.now, None))
        self.end_if_over(number)

    @rule(times=st.integers(1, 2))
    def start_again(self, times: int) -> None:
        """From the journal; what is noted twice changes nothing."""
        self.list = BlockList(self.block_rules)
        for fact in self.told * times:
            self.list.note(fact, 0.0)

    def same(self, other: BlockList) -> None:
        for number in NUMBERS:
            assert other.is_blocked(number, self.now) == self.blocked(number), number
            marks = other.marks(number, self.now)
            assert sorted(mark.call for mark in marks) == sorted(self.counting(number)), number
            assert [mark.at for mark in marks] == sorted(mark.at for mark in marks), "the oldest first"
            since = other.blocked_since(number, self.now)
            assert since == (self.model[number].since if self.blocked(number) else None)
        assert {call for call in CALLS if other.is_marked(call)} == self.marked
        assert len(other) == sum(1 for model in self.model.values() if model.since is not None)

    @invariant()
    def as_the_model_has_it(self) -> None:
        if self.told:
            self.same(self.list)
            assert list(self.list.owing(self.now)) == []


class OnDisk(AnyOrder):
    """What was told is written down and read again in the end, also by way of the tables."""

    def teardown(self) -> None:
        if not self.told:
            return
        with TemporaryDirectory() as folder:
            path, url = Path(folder, "journal.sqlite3"), f"sqlite:///{folder}/siaga.sqlite3"
            for part in (self.told[: len(self.told) // 2], self.told[len(self.told) // 2 :]):
                write(path, part)
                self.same_as_far(path, "sqlite:///nowhere", part)
                self.same_as_far(path, url, part)
                catch_up(path, open_engine(url))
            self.same_as_far(path, url, part)

    def same_as_far(self, path: Path, url: str, part: list[Fact]) -> None:
        if part and part[-1] is self.told[-1]:
            other = load_block_list(path, url, self.block_rules, self.now)
            self.same(other)
            for call in sorted(self.marked):  # and what comes of taking back any mark is the same
                ours, read = (each.unmark(call, CALLS[call], "system", "x", self.now) for each in (self.list, other))
                assert ours == read, call


def write(path: Path, facts: list[Fact]) -> None:
    journal = Journal.open(path, timezone="Asia/Jakarta")
    for fact in facts:
        journal.append(fact)
    assert journal.close()


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)
TestOnDisk = OnDisk.TestCase
TestOnDisk.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


# ---- taking back a mark on which a block rests

_N: Json = NUMBERS[0]


def told(*days: float, block: float | None = None, rules: BlockRules | None = None) -> BlockList:
    """A number with marks a, b, c ... on these days, and a block for pranks on that one."""
    block_list = BlockList(rules or BlockRules(pranks=3, window_days=10))
    facts = [
        (day, Fact("operator:1", "prank.marked", chr(97 + place), {"number": _N})) for place, day in enumerate(days)
    ]
    if block is not None:
        facts.append((block, Fact("system", "number.blocked", None, {"number": _N, "reason": "pranks", "marks": 3})))
    for day, fact in sorted(facts, key=lambda each: each[0]):  # of the same day the marks first
        block_list.note(fact, BEGIN + day * DAY)
    return block_list


def ends(block_list: BlockList, call: str, day: float) -> bool:
    """Whether the block ends when the mark of this call is taken back."""
    facts = block_list.unmark(call, NUMBERS[0], "supervisor:budi", "salah", BEGIN + day * DAY)
    for fact in facts:
        block_list.note(fact, BEGIN + day * DAY)
    return [fact.action for fact in facts][1:] == ["number.unblocked"]


def test_the_marks_that_counted_at_the_block_carry_it() -> None:
    for call in "abc":
        for day in (3, 12, 100):  # some of them, and all, are out of the window by then
            block_list = told(1, 2, 3, block=3)
            assert ends(block_list, call, day), (call, day)
            assert not block_list.is_blocked(NUMBERS[0], BEGIN + day * DAY)


def test_a_block_that_rests_on_other_marks_stays() -> None:
    assert not ends(told(0, 11, 12, 13, block=13), "a", 14), "it was too old when the number was blocked"
    assert not ends(told(1, 2, 3, 4, block=3), "d", 5), "it came after the block"
    assert not ends(told(1, 2, 3, 4, block=3), "a", 50), "the others had blocked the number a day later"
    assert ends(told(1, 2, 3, 40, block=3), "a", 41), "those that are left were never enough together"
    later = told(1, 2, 3, 20, block=3)
    assert not ends(later, "d", 21)
    assert ends(later, "b", 22)


def test_other_rules_since_the_block() -> None:
    more = BlockRules(pranks=5)
    assert not ends(told(1, 2, 3, 4, block=3, rules=more), "d", 5), "the block never rested on it"
    assert ends(told(1, 2, 3, 4, block=3, rules=more), "c", 5)
    assert not ends(told(1, 2, 3, block=3, rules=BlockRules(pranks=2)), "c", 5), "two are enough now"


# ---- the fold takes whatever a journal holds

_odd: st.SearchStrategy[Json] = st.sampled_from(("+62812", "", "+", "x", "1" * 18, "\u0661\u0662", None, 7, ["+62812"]))


@given(
    st.lists(
        st.builds(
            Fact,
            st.just("system"),
            st.sampled_from(("prank.marked", "prank.unmarked", "number.blocked", "number.unblocked", "call.ended")),
            st.sampled_from((None, "a", "")),
            st.fixed_dictionaries({}, optional={"number": _odd, "reason": _odd}),
        ),
        max_size=8,
    )
)
def test_damaged_facts_change_nothing(facts: list[Fact]) -> None:
    block_list = BlockList(BlockRules(2))
    for fact in facts:
        block_list.note(fact, BEGIN)
    assert len(block_list) <= 1
    assert not block_list.is_blocked("x", BEGIN)


def test_it_does_not_grow_for_ever() -> None:
    block_list = BlockList(BlockRules(1000))
    for number in range(REMEMBERED + 10):
        called = f"+62812{number}"
        block_list.note(Fact("operator:1", "prank.marked", f"c{number}", {"number": called}), BEGIN)
    for number in range(MOST_MARKS + 10):
        block_list.note(Fact("operator:1", "prank.marked", f"d{number}", {"number": "+62813"}), BEGIN)
    assert [mark.call for mark in block_list.marks("+62813", BEGIN)] == [
        f"d{number}" for number in range(10, MOST_MARKS + 10)
    ]
    assert not block_list.is_marked("c0")
    assert block_list.is_marked(f"c{REMEMBERED + 9}")


def test_whoever_was_to_tell_the_block_died() -> None:
    block_list = BlockList(BlockRules(2))
    for number, call in enumerate(("a", "b", "c")):
        block_list.note(Fact("operator:1", "prank.marked", call, {"number": f"+6281{number % 2}"}), BEGIN)
    assert list(block_list.owing(BEGIN)) == ["+62810"]


# ---- what people enter

RULES = NumberRules("ID", "61", frozenset({"110", "112"}))


@pytest.mark.parametrize(
    ("entered", "number"),
    [
        ("081234567890", "+6281234567890"),
        (" 0812-3456-7890 ", "+6281234567890"),
        ("(061) 4567890", "+62614567890"),
        ("4567890", "+62614567890"),
        ("1500", "1500"),
        ("+65 9012 3456", "+6590123456"),
    ],
)
def test_blockable(entered: str, number: str) -> None:
    assert blockable(entered, RULES) == number


@pytest.mark.parametrize(
    "entered",
    [
        "",
        " ",
        "+",
        "abc",
        "0812x",
        "1" * 18,
        "++62812",
        "110",
        "08\u0661\u0662",
        "\n081",
        "0" * 50,
        "0000000000",
        "+000",
    ],
)
def test_not_blockable(entered: str) -> None:
    with pytest.raises(BlockRefused) as refused:
        blockable(entered, RULES)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 200


def test_notes() -> None:
    assert note_text(None) is note_text(" ") is None
    assert note_text(" a \n b ") == "a b"
    for bad in ("x" * 201, "\x1b[31m"):
        with pytest.raises(BlockRefused):
            note_text(bad)
