"""What a report's figures are, to the call; and where its days, shifts and months begin and end."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.calls import KINDS, OUTCOMES
from ari_app.domain.periods import ShiftHours, a_day, a_month, a_shift, last_begun
from ari_app.domain.report import Moved, NumberDone, Report, Taken, make_report
from ari_app.store.errors import DatabaseError
from ari_app.store.report_rows import report_between

JAKARTA, BERLIN = ZoneInfo("Asia/Jakarta"), ZoneInfo("Europe/Berlin")
SHIFTS = [ShiftHours("pagi", time(7), time(14)), ShiftHours("malam", time(21), time(7))]


def call(id_: str, waited: float | None = None, /, **more: object) -> Taken:
    """One that was answered after so many seconds."""
    answered = None if waited is None else 1000 + round(waited * 1000)
    outcome = "abandoned" if waited is None else "answered"
    return Taken(id_, 1000, "2025-01-31", 8, answered, **{"outcome": outcome, **more})  # type: ignore[arg-type]


def value(report: Report, name: str) -> float | None:
    return report.figures[name].value


def ids(report: Report, name: str) -> tuple[str, ...]:
    return report.figures[name].calls


def test_within_10_15_and_20_seconds() -> None:
    report = make_report(
        [call("a", 10), call("b", 10.001), call("c", 15), call("d", 20), call("e", 21), call("f")], [], []
    )
    assert [value(report, f"answered_{seconds}") for seconds in (10, 15, 20)] == [1, 3, 4]
    assert ids(report, "answered_10") == ("a",)
    assert ids(report, "abandoned") == ("f",)
    assert value(report, "wait_mean") == 15.2
    assert [figure.value for figure in report.answer_times] == [0, 1, 2, 1, 1, 0]


def test_the_longest_tenth_is_rounded_up() -> None:
    assert ids(make_report([call(f"{n}", n) for n in range(1, 11)], [], []), "wait_longest_tenth") == ("10",)
    report = make_report([call(f"{n}", n) for n in range(1, 12)], [], [])
    assert ids(report, "wait_longest_tenth") == ("11", "10")
    assert value(report, "wait_longest_tenth") == 10.5
    assert value(make_report([], [], []), "wait_longest_tenth") is None


def test_a_clock_that_was_set_back_makes_no_time_negative() -> None:
    assert value(make_report([call("a", -5)], [], []), "wait_mean") == 0


def test_emergencies() -> None:
    marked = [
        call("before", 1, emergency_ms=5000, contact_ms=4000),
        call("after", 1, emergency_ms=5000, contact_ms=11_000),
        call("never", 1, emergency_ms=5000),
        call("no-emergency", 1, contact_ms=5000),
    ]
    report = make_report(marked, [], [])
    assert [value(report, f"emergencies{what}") for what in ("", "_told", "_not_told")] == [3, 2, 1]
    assert (value(report, "emergency_mean"), value(report, "emergency_longest")) == (3, 6)
    assert ids(report, "emergency_longest") == ("after",)
    assert ids(report, "emergencies_not_told") == ("never",)


def test_transfers_by_polres() -> None:
    moved = [
        Moved("a", "01", "answered", 2000), Moved("a", "01", "taken_back", 5000), Moved("b", "02", "answered", 4000),
        Moved("c", "01", "caller_left", 900), Moved("d", "01", None, None),
    ]  # fmt: skip
    report = make_report([], moved, [])
    assert [line.key for line in report.polres] == ["01", "02"]
    first = report.polres[0].figures
    names = ("transfers", "transfers_answered", "transfers_taken_back", "transfers_other")
    assert [first[name].value for name in names] == [4, 1, 1, 2]
    assert first["transfer_mean"].value == 2
    assert ids(report, "polres.01.transfers") == ("a", "a", "c", "d")
    assert (value(report, "transfers"), value(report, "transfer_mean")) == (5, 3)


def test_numbers() -> None:
    done = [
        NumberDone("number.blocked", "pranks", "a"), NumberDone("number.blocked", "import", None, 1_000_000),
        NumberDone("number.unblocked", "verified", "b"),
    ]  # fmt: skip
    report = make_report([call("a", 1, is_blocked=True, is_marked=True, kind="prank")], [], done)
    names = (
        "numbers_blocked",
        "numbers_blocked_by_pranks",
        "numbers_unblocked",
        "blocked_calls",
        "prank_marks",
        "prank",
    )
    assert [value(report, name) for name in names] == [1_000_001, 1, 1, 1, 1, 1]
    assert ids(report, "numbers_blocked") == ("a",)


_calls = st.builds(
    Taken,
    st.uuids().map(str),
    st.just(1000),
    st.sampled_from(("2025-01-30", "2025-01-31")),
    st.integers(0, 23),
    st.sampled_from((None, 1000, 11_000, 100_000)),
    st.sampled_from((None, "7001", "7002")),
    st.sampled_from(("1001", None)),
    st.sampled_from((None, *KINDS)),
    st.sampled_from((None, *OUTCOMES)),
)


@given(st.lists(_calls, max_size=30, unique_by=lambda each: each.id))
def test_every_call_is_counted_once_and_every_figure_has_its_calls(calls: list[Taken]) -> None:
    report = make_report(calls, [], [])
    for whole, parts in (
        ("offered", ("answered", "abandoned", "turned_away", "lost", "waiting")),
        ("answered", ("valid", "not_valid", "prank", "not_classified")),
    ):
        behind = [each for part in parts for each in ids(report, part)]
        assert sorted(behind) == sorted(ids(report, whole))
    for parts_of in (report.hours, report.days):
        assert sum(figure.value or 0 for figure in parts_of) == len(calls)
    assert sum(figure.value or 0 for figure in report.answer_times) == value(report, "answered")
    assert sum(line.figures["answered"].value or 0 for line in report.operators) == value(report, "answered")
    assert all(figure.value == len(figure.calls) for figure in report.figures.values() if figure.unit == "calls")


# ---- periods -------------------------------------------------------------------------------------------


def test_a_day_has_as_many_hours_as_its_clocks_have() -> None:
    for day, hours in ((date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2025, 6, 1), 24)):
        period = a_day(day, BERLIN)
        assert (period.ends.astimezone(UTC) - period.begins.astimezone(UTC)) == timedelta(hours=hours)
        assert period.begins.hour == period.ends.hour == 0
    assert a_day(date(2025, 3, 30), JAKARTA).begins.astimezone(UTC) == datetime(2025, 3, 29, 17, tzinfo=UTC)


def test_months() -> None:
    assert a_month(date(2024, 2, 10), JAKARTA).ends.date() == date(2024, 3, 1)
    period = a_month(date(2025, 12, 31), JAKARTA)
    assert (period.day, period.ends.date()) == (date(2025, 12, 1), date(2026, 1, 1))


def test_a_shift_over_midnight_belongs_to_the_day_on_which_it_began() -> None:
    period = a_shift(date(2025, 1, 31), SHIFTS[1], JAKARTA)
    assert (period.begins.isoformat(), period.ends.isoformat()) == (
        "2025-01-31T21:00:00+07:00", "2025-02-01T07:00:00+07:00",
    )  # fmt: skip
    assert period.runs(datetime(2025, 1, 31, 20, tzinfo=UTC))
    assert not period.runs(period.ends)


@pytest.mark.parametrize(
    ("hour", "name", "day"), [(0, "malam", 30), (6, "malam", 30), (7, "pagi", 31), (15, "pagi", 31), (21, "malam", 31)]
)
def test_the_shift_that_began_last(hour: int, name: str, day: int) -> None:
    period = last_begun(datetime(2025, 1, 31, hour, tzinfo=JAKARTA), SHIFTS, JAKARTA)
    assert (period.shift, period.day) == (name, date(2025, 1, day))


def test_all_of_it_is_of_one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other databases than SQLite show each statement another moment, if they are not told otherwise."""
    engine, levels = sa.create_engine("sqlite://"), list[str]()
    monkeypatch.setattr(engine.dialect, "name", "postgresql")
    monkeypatch.setattr(engine.dialect, "set_isolation_level", lambda _, level: levels.append(level))
    monkeypatch.setattr(engine.dialect, "get_isolation_level_values", lambda _: ["REPEATABLE READ", "SERIALIZABLE"])
    with pytest.raises(DatabaseError):  # it has no tables
        report_between(engine, 0, 1, JAKARTA)
    assert levels[:1] == ["REPEATABLE READ"]
