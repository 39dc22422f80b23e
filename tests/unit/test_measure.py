"""What the benchmark counts as a failure and as reached, how its ways take turns, and how many calls it lets live."""

from __future__ import annotations

import json
import resource
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.facts import Record
from scripts.measure import __main__ as main
from scripts.measure import delay, timer
from scripts.measure.delay import Round, in_turn
from scripts.measure.figures import Section
from scripts.measure.living import SPARE_DESKS, levels
from scripts.measure.options import Options
from scripts.measure.rig import APPLICATION, DIAL, QUEUE, Measured
from scripts.measure.usage import difference
from scripts.phones import Event, PhoneError
from scripts.phones.caller import Caller, CallResult, LoadResult
from scripts.stack import StackError

ANSWERED = CallResult("caller", None, 1.0, 2.0)
LOST = CallResult("lost", None, 1.0, 2.0)
CUT_OFF = CallResult("desk", None, 1.0, 2.0)
REFUSED = CallResult("refused", 503, None, None)
NEVER = CallResult("lost", None, None, None)


@pytest.mark.parametrize(
    ("calls", "in_fallback", "failed"),
    [
        ((ANSWERED, ANSWERED), 0, 0),
        ((ANSWERED, REFUSED), 0, 1),
        ((ANSWERED, LOST), 0, 1),
        ((ANSWERED, LOST), 2, 2),
        ((ANSWERED, ANSWERED), 1, 1),
        ((ANSWERED, CUT_OFF), 0, 1),
        ((NEVER,), 0, 1),
    ],
)
def test_what_fails(calls: tuple[CallResult, ...], in_fallback: int, failed: int) -> None:
    """Answered is not enough: it must not break off, and the application must be the one that had it answered."""
    assert Measured(APPLICATION, LoadResult(calls), {}, in_fallback).failed == failed


def test_each_way_begins_once() -> None:
    rounds = [in_turn("abc", count) for count in range(4)]
    assert rounds == [["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]]


@pytest.mark.parametrize(
    ("files", "wanted", "found"),
    [
        (65_536, (100, 2000), [0, 100, 2000]),
        (20_000, (100, 2000), [0, 100, 1435 - SPARE_DESKS]),
        (256, (100, 2000), [0]),
    ],
)
def test_no_more_living_calls_than_there_are_files_for(
    monkeypatch: pytest.MonkeyPatch, files: int, wanted: tuple[int, ...], found: list[int]
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert levels(wanted) == found


def test_processor_time_a_call() -> None:
    assert difference({"a": 1.0, "gone": 1.0}, {"a": 1.5, "new": 3.0}, 100) == {"a": 5.0}


def measured(way: str, *delays: float, cpu_ms: float = 3.0, **load: int) -> Measured:
    calls = (ANSWERED,) * len(delays)
    parts = {"application": cpu_ms, "asterisk": 9.0, "tables": 1.0}
    return Measured(way, LoadResult(calls, delays, **load), parts)


def judged(dial: float, ours: float, cpu_ms: float = 3.0, **wrong: Any) -> list[bool]:
    section = Section("delay")
    application = replace(measured(APPLICATION, ours, cpu_ms=cpu_ms), **wrong)
    found: list[Round] = [
        {DIAL: measured(DIAL, dial), APPLICATION: each} for each in (application, replace(application, fault=""))
    ]
    delay._judge(section, 20, found)
    return [goal.is_reached for goal in section.goals]


@pytest.mark.parametrize(("dial", "most"), [(4.0, 6.0), (8.0, 10.0), (20.0, 25.0)])
def test_the_goal_of_the_delay_is_a_quarter_more_or_two_milliseconds(dial: float, most: float) -> None:
    assert judged(dial, most) == [True, True]
    assert judged(dial, most + 0.001) == [False, True]


@pytest.mark.parametrize("wrong", [{"in_fallback": 1}, {"fault": "a process of the instance ended"}])
def test_no_goal_is_reached_when_a_call_failed_or_a_stretch_could_not_be_measured(wrong: dict[str, Any]) -> None:
    assert judged(8.0, 8.0) == [True, True]
    assert judged(8.0, 8.0, **wrong) == [False, False]


def test_the_goal_of_the_processor_time() -> None:
    assert judged(8.0, 8.0, cpu_ms=4.0) == [True, True]
    assert judged(8.0, 8.0, cpu_ms=4.01) == [True, False]


@given(dial=st.floats(0.5, 1000), ours=st.floats(0.5, 1000))
def test_what_takes_longer_never_reaches_a_goal_that_less_does_not(dial: float, ours: float) -> None:
    assert judged(dial, ours)[0] == (ours <= max(1.25 * dial, dial + 2))
    assert judged(dial, ours)[0] >= judged(dial, ours + 1)[0]


def test_a_way_that_could_not_be_measured_costs_the_others_nothing() -> None:
    section = Section("delay")
    ended = "a process of the instance ended"
    spoilt = replace(measured(APPLICATION, 8.0), fault=ended)
    found: list[Round] = [
        {DIAL: measured(DIAL, 8.0), QUEUE: measured(QUEUE, unended=7), APPLICATION: spoilt},
        {DIAL: measured(DIAL, 9.0), QUEUE: measured(QUEUE, 11.0, unended=2), APPLICATION: spoilt},
    ]
    delay._tell(section, 100, found)
    rows = {row[0]: row[1:] for row in section.tables[0].texts()}
    assert rows[DIAL][:4] == ["2", "0", "8.50 (8.00-9.00)", "8.50 (8.00-9.00)"]
    assert rows[QUEUE][1:3] == ["0, 9 not ended", "11.0"]
    assert rows[APPLICATION] == ["0", f"0, 2 of 2 stretches not measured: {ended}", *[""] * 9]
    nothing = f"not measured; failed: 0, 2 of 2 stretches not measured: {ended}"
    assert [(goal.measured, goal.is_reached) for goal in section.goals] == [(nothing, False)] * 2
    json.dumps(section.data(), allow_nan=False)


def test_calls_that_were_broken_off_have_failed() -> None:
    caller = Caller("127.0.0.1", 5060, Path())
    for at, (kind, call) in enumerate([("sent", "a"), ("sent", "b"), ("answered", "b"), ("sent", "c")]):
        caller.events.add(Event(kind, call, at=float(at)))
    caller.events.add(Event("answered", "c", at=3.5))
    caller.events.add(Event("ended", "c", at=4.0, fields={"by": "self"}))
    load = caller.so_far(5)
    assert [call.ending for call in load.calls] == ["lost", "lost", "caller", "lost", "lost"]
    assert (load.unended, load.delays_ms) == (4, (1000.0, 500.0))
    assert Measured(APPLICATION, load).failed == 4
    assert (load + load).unended == 8
    assert (load + load).dialling_seconds == load.dialling_seconds == 3.0


def test_how_late_a_take_back_is() -> None:
    def told(action: str, call: str, at: str, reason: str = "no_answer") -> Record:
        return Record(1, f"2026-03-05T10:00:{at}+07:00", "system", action, call, {"reason": reason}, "")

    started = [told("call.transfer_started", "a", "01.000"), told("call.transfer_started", "b", "02.500")]
    taken = [told("call.taken_back", "b", "07.509"), told("call.taken_back", "a", "05.996")]
    round_ = timer._round(taken, started)
    assert round_.begun_within == 1500
    assert list(round_.late) == pytest.approx([9.0, -4.0])
    with pytest.raises(PhoneError, match="taken back: busy"):
        timer._round([taken[0], told("call.taken_back", "a", "02.000", "busy")], started)


@pytest.mark.parametrize("kind", [StackError, PhoneError, TimeoutError, ZeroDivisionError])
@pytest.mark.parametrize("in_group", [False, True])
def test_a_section_that_cannot_be_measured_does_not_cost_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    kind: type[Exception], *, in_group: bool,
) -> None:  # fmt: skip
    async def breaks(section: Section, _: Options) -> None:
        section.table("so far", "way").add("Dial()")
        error = kind("it broke")
        raise ExceptionGroup("tasks", [error]) if in_group else error

    async def holds(_: Section, __: Options) -> None:
        pass

    monkeypatch.setattr(main, "SECTIONS", {"delay": breaks, "rate": holds})
    file = tmp_path / "figures.json"
    monkeypatch.setattr(sys, "argv", ["bench", "--quick", "--only", "delay,rate", "--json", str(file)])
    assert main.main() == 1
    assert list(json.loads(file.read_text())) == ["rate"]
    told = capsys.readouterr()
    assert told.err == "siaga110: delay: it broke\n"
    assert "so far" in told.out


@pytest.mark.parametrize(
    "wrong",
    [
        "--rounds 0", "--rates 20 0", "--rates nan", "--seconds -1", "--living 0", "--history -1", "--numbers x",
        "--json /nowhere/at/all.json", "--only delays", "--quick --keep",
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    monkeypatch.setattr(main, "SECTIONS", {})
    monkeypatch.setattr(sys, "argv", ["bench", *wrong.split()])
    with pytest.raises(SystemExit):
        main.main()
    assert "error: " in capsys.readouterr().err
