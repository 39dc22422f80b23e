"""What the benchmark counts as a failure, in which order its ways take turns, and how many calls it lets live."""

from __future__ import annotations

import resource

import pytest

from scripts.measure.delay import in_turn
from scripts.measure.living import SPARE_DESKS, levels
from scripts.measure.rig import APPLICATION, Measured
from scripts.measure.usage import difference
from scripts.phones.caller import CallResult, LoadResult

ANSWERED = CallResult("caller", None, 1.0, 2.0)
LOST = CallResult("lost", None, 1.0, 2.0)
REFUSED = CallResult("refused", 503, None, None)


@pytest.mark.parametrize(
    ("calls", "in_fallback", "failed"),
    [((ANSWERED, ANSWERED), 0, 0), ((ANSWERED, REFUSED), 0, 1), ((ANSWERED, LOST), 0, 1), ((ANSWERED, LOST), 2, 3)],
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
