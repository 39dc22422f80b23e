"""Wrong PINs in the journal: a restart is no way around a desk's lock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.assembly import make_roster
from ari_app.domain.facts import Fact, Json, Record
from ari_app.domain.guesses import LOCK_SECONDS, Guesses, fold_guesses
from ari_app.flows.roster import LoginResult, Roster
from ari_app.site.pins import hash_pin
from ari_app.site.settings import load_settings
from ari_app.site.state import StateDir
from ari_app.store import staff as module
from ari_app.store.journal import Journal, JournalError, read
from ari_app.store.staff import guesses
from tests.unit.cli_site import CONFIG
from tests.unit.roster_site import ACTOR, Floor

AT = datetime(2025, 1, 31, 1, 2, 3, tzinfo=UTC)
MOMENT = "2025-01-31T08:02:03.000+07:00"


def refused(reason: str, desk: str = "1001") -> Fact:
    return Fact(f"desk:{desk}", "operator.refused", data={"desk": desk, "operator": "11111", "reason": reason}, at=AT)


def entered(actor: str = "operator:11111", desk: str = "1001") -> Fact:
    return Fact(actor, "operator.logged_in", data={"desk": desk, "operator": "11111"}, at=AT)


WRONG, UNKNOWN, UNIT, LOCKED = (refused(reason) for reason in ("wrong_pin", "unknown", "wrong_unit", "locked"))
LOCK = Fact("system", "desk.locked", data={"desk": "1001", "seconds": 60}, at=AT)


def write(path: Path, facts: Sequence[Fact]) -> None:
    journal = Journal.open(path, timezone="Asia/Jakarta")
    for fact in facts:
        journal.append(fact)
    assert journal.close()


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([], None),
        ([WRONG, UNKNOWN], Guesses(2)),
        ([WRONG, UNKNOWN, entered()], Guesses()),
        ([WRONG, entered(ACTOR), WRONG], Guesses(2)),
        ([WRONG, UNIT, WRONG], Guesses(1)),
        ([WRONG, WRONG, WRONG, LOCK], Guesses(locked_at=MOMENT)),
        ([WRONG, WRONG, WRONG], Guesses(locked_at=MOMENT)),
        ([LOCK, LOCKED, LOCKED], Guesses(locked_at=MOMENT)),
        ([LOCK, WRONG], Guesses(1)),
        ([LOCK, entered()], Guesses()),
        ([LOCK, entered(ACTOR)], Guesses(locked_at=MOMENT)),
        ([refused("wrong_pin", "1002"), entered(desk="1003")], None),
        ([Fact("system", "desk.locked", data={"desk": 7}), Fact("x", "desk.locked")], None),
    ],
)
def test_what_the_journal_tells(path: Path, facts: list[Fact], expected: Guesses | None) -> None:
    write(path, facts)
    assert guesses(path).get("1001") == expected


def test_no_journal_and_a_broken_one(path: Path) -> None:
    assert guesses(path) == {}
    path.write_bytes(b"x" * 4096)
    with pytest.raises(JournalError):
        guesses(path)


def test_what_lies_far_back_is_forgiven(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong PIN counts only where all that came after it is looked at: no right one is overlooked."""
    monkeypatch.setattr(module, "TRIES", 2)
    write(path, [WRONG, entered(), *(entered(desk=f"10{number}") for number in range(10, 14)), refused("wrong_pin")])
    assert guesses(path)["1001"] == Guesses(1)


@given(st.floats(-1e9, 1e9))
def test_never_locked_for_longer_than_a_minute(seconds: float) -> None:
    """Wherever the clock was set to meanwhile."""
    left = Guesses(locked_at=MOMENT).locked_for(AT + timedelta(seconds=seconds))
    assert 0 <= left <= LOCK_SECONDS
    if seconds >= 0:
        assert left == pytest.approx(max(0.0, LOCK_SECONDS - seconds), abs=1e-3)


def test_a_damaged_time_locks_for_a_minute() -> None:
    assert [Guesses(locked_at=at).locked_for(AT) for at in ("", "2025-01-31T08:02:03", None)] == [60, 60, 0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(("right", "wrong", "unknown", "unit", "supervisor", "61 s")), max_size=12))
def test_the_journal_tells_what_the_roster_knows(steps: list[str]) -> None:
    """Restarted at any moment, the application goes on as if it had not been."""

    async def both() -> None:
        floor = await Floor().people()
        folded: dict[str, Guesses] = {}
        for step in steps:
            await take(floor, step)
            for fact in floor.told:
                at = (AT + timedelta(seconds=floor.now)).isoformat()
                folded = fold_guesses(folded, Record(1, at, fact.actor, fact.action, None, fact.data, ""))
            floor.told.clear()
            now = folded.get("1001", Guesses())
            guard = floor.roster._guards["1001"]
            assert now.wrong == guard.wrong
            assert now.locked_for(AT + timedelta(seconds=floor.now)) == max(0.0, guard.locked_until - floor.now)

    anyio.run(both)


async def take(floor: Floor, step: str) -> None:
    login = floor.roster.login_by_phone
    match step:
        case "right":
            if floor.roster.operator_at("1001") is not None:  # who is there already is no news
                floor.roster.logout("1001", ACTOR, "supervisor")
            await login("1001", "11111", "pin11111")
        case "unit":
            await login("1001", "33333", "pin33333")
        case "supervisor":
            floor.roster.login("11111", "1001", ACTOR)
        case "61 s":
            floor.now += 61
        case _:
            await login("1001", "11111" if step == "wrong" else "99999", "0000")


def test_the_application_dies_and_the_desk_stays_locked(tmp_path: Path) -> None:
    """As it is put together: journal, roster, and the roster of the next start."""
    state = StateDir(tmp_path / "state")
    state.create()
    state.config.write_text(CONFIG, encoding="utf-8")
    site = load_settings(state.config)

    def start() -> tuple[Journal, Roster]:
        journal = Journal.open(state.journal, timezone=site.site.timezone)
        return journal, make_roster(site, state, journal.append)

    async def guess(roster: Roster) -> list[LoginResult]:
        return [await roster.login_by_phone("1001", "11111", "0000") for _ in range(3)]

    async def enter(roster: Roster, desk: str) -> LoginResult:
        return await roster.login_by_phone(desk, "11111", "12345678")

    journal, roster = start()
    anyio.run(roster.add, "11111", "Ani", "polda", hash_pin("12345678"), ACTOR)
    assert anyio.run(guess, roster) == [LoginResult.WRONG] * 3
    assert journal.close()
    journal, roster = start()
    assert anyio.run(enter, roster, "1001") is LoginResult.LOCKED
    assert anyio.run(enter, roster, "1002") is LoginResult.OK
    assert journal.close()
    reasons: list[Json] = [record.data["reason"] for record in read(state.journal, actions=["operator.refused"])]
    assert reasons == ["wrong_pin"] * 3 + ["locked"]
