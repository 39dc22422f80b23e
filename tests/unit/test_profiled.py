"""What the profiler counts: the main thread's own processor time, and of the threads what is between two readings."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.measure import profile
from scripts.measure.figures import Section
from scripts.measure.profiled import Sampler, between


@pytest.fixture
def sampler() -> Iterator[Sampler]:
    before = signal.getsignal(signal.SIGPROF)
    yield Sampler()
    signal.signal(signal.SIGPROF, before)


def burn(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def written(sampler: Sampler, folder: Path) -> dict[str, Any]:
    sampler.write(folder / "profile.json")
    return profile._read(folder / "profile.json")


def test_a_function_has_the_processor_time_since_the_sample_before(sampler: Sampler, tmp_path: Path) -> None:
    def called() -> None:
        sampler.note(sys._getframe(), 0.3)

    sampler.note(sys._getframe(), 0.1)
    called()
    counted = written(sampler, tmp_path)
    own = {name.rsplit(".", 1)[-1]: seconds for name, seconds in counted["own"].items()}
    caller = next(name for name in counted["own"] if "called" not in name)
    assert own["called"] == pytest.approx(0.2)
    assert counted["own"][caller] == pytest.approx(0.1)
    assert counted["whole"][caller] == pytest.approx(0.3)
    assert counted["samples"] == 2
    assert counted["seconds"] == pytest.approx(0.3)


def test_a_function_that_calls_itself_counts_once(sampler: Sampler, tmp_path: Path) -> None:
    def deep(more: int) -> None:
        if more:
            deep(more - 1)
        else:
            sampler.note(sys._getframe(), 1.0)

    deep(5)
    assert set(written(sampler, tmp_path)["whole"].values()) == {1.0}


def test_what_other_threads_use_is_not_the_main_threads(sampler: Sampler, tmp_path: Path) -> None:
    sampler.start()
    beside = threading.Thread(target=burn, args=(0.2,), name="beside-1")
    beside.start()
    beside.join()
    counted = written(sampler, tmp_path)
    assert counted["seconds"] < 0.1  # its own, while it waits
    assert not any(name.endswith(":burn") for name in counted["own"])


def test_what_the_main_thread_uses_is_counted_where_it_does(sampler: Sampler, tmp_path: Path) -> None:
    burn(0.1)  # before the start: not counted
    sampler.start()
    burn(0.2)
    counted = written(sampler, tmp_path)
    burning = sum(seconds for name, seconds in counted["whole"].items() if name.endswith(":burn"))
    assert burning == pytest.approx(0.2, abs=0.03)
    assert counted["threads"]["MainThread"] == pytest.approx(0.2, abs=0.05)


def test_threads_have_what_they_used_between_the_readings() -> None:
    before = {1: ("MainThread", 5.0), 2: ("pool", 3.0), 3: ("pool", 8.0), 5: ("writer", 1.0)}
    after = {1: ("MainThread", 7.0), 2: ("pool", 3.5), 4: ("pool", 0.25), 5: ("others", 1.5)}
    assert between(before, after) == {"MainThread": 2.0, "pool": 0.75, "writer": 0.5}


def test_shares_are_of_the_measured_stretch() -> None:
    section = Section("profile")
    counted = {"samples": 50, "seconds": 0.4, "threads": {"MainThread": 0.3, "writer": 0.1}}
    counted |= {"own": {"a:f": 0.1}, "whole": {"a:f": 0.2}}
    profile._tell(section, counted, 5.0)
    assert [table.rows for table in section.tables] == [
        [("MainThread", "75.0%"), ("writer", "25.0%")], [("a:f", "50.0%")], [("a:f", "25.0%")],
    ]  # fmt: skip
