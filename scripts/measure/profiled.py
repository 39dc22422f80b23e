"""``python -m scripts.measure.profiled FILE --state DIR``: the application, and where its processor time goes.

A signal every few milliseconds of the main thread's processor time notes what it is doing just then; at the end the
file has the seconds of each function, its own and with all that it called. Unlike a profiler that counts every call it
makes nothing slower. The other threads have their processor time beside it, by their names.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Final

from ari_app import program
from scripts.measure.thread_timer import ThreadTimer

EVERY_SECONDS: Final = 0.001
"""Asked for; the kernel's clock makes it 4 ms on many machines."""

_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Sampler:
    """Counts in which functions the main thread's processor time is spent, from ``start`` to ``write``."""

    def __init__(self) -> None:
        """Nothing is counted yet; in the main thread."""
        self.samples = 0
        self.seconds = 0.0
        self._own: dict[str, float] = defaultdict(float)
        self._whole: dict[str, float] = defaultdict(float)
        self._timer = ThreadTimer(signal.SIGPROF)
        self._threads: dict[int, tuple[str, float]] = {}
        self._last = 0.0

    def start(self) -> None:
        """Begin; nothing that was before is counted."""
        self._threads = _threads()
        signal.signal(signal.SIGPROF, lambda _, frame: self.note(frame, time.thread_time()))
        self._last = time.thread_time()
        self._timer.start(EVERY_SECONDS)

    def note(self, frame: FrameType | None, now: float) -> None:
        """At ``now`` seconds of the main thread's processor time it was there.

        The time since the last sample counts, as signals that come during one long call into C are one.
        """
        used, self._last = now - self._last, now
        self.samples += 1
        self.seconds += used
        seen: set[str] = set()
        while frame is not None:
            name = _name(frame)
            if not seen:
                self._own[name] += used
            seen.add(name)
            frame = frame.f_back
        for name in seen:
            self._whole[name] += used

    def write(self, file: Path) -> None:
        """Stop, and write down what was counted."""
        self._timer.stop()
        counted = {"samples": self.samples, "seconds": self.seconds, "threads": between(self._threads, _threads())}
        counted |= {"own": self._own, "whole": self._whole}
        file.write_text(json.dumps(counted), encoding="utf-8")


def _name(frame: FrameType) -> str:
    parts = Path(frame.f_code.co_filename).with_suffix("").parts
    return f"{'/'.join(parts[-2:])}:{frame.f_code.co_qualname}"


def _threads() -> dict[int, tuple[str, float]]:
    """The name of each thread by its id, and seconds of processor time so far; ``others`` are not Python's."""
    names = {each.native_id: each.name.rstrip("0123456789-_ ") for each in threading.enumerate()}
    found = {}
    for stat in Path("/proc/self/task").glob("*/stat"):
        fields = stat.read_text(encoding="ascii").rsplit(")", 1)[1].split()
        thread = int(stat.parent.name)
        found[thread] = (names.get(thread, "others"), (int(fields[11]) + int(fields[12])) / _TICKS)
    return found


def between(before: Mapping[int, tuple[str, float]], after: Mapping[int, tuple[str, float]]) -> dict[str, float]:
    """Seconds of the threads of each name from one reading to the next; those that have ended meanwhile are lost."""
    seconds: dict[str, float] = defaultdict(float)
    for thread, (name, used) in after.items():
        known, earlier = before.get(thread, (name, 0.0))
        seconds[known] += used - earlier
    return dict(seconds)


def main() -> int:
    """Run the application; its exit code."""
    file = Path(sys.argv.pop(1))
    sampler = Sampler()
    # The measured stretch begins and ends with this signal; the start is of no interest.
    began = False

    def begin_or_end(*_: object) -> None:
        nonlocal began
        if began:
            sampler.write(file)
        else:
            sampler.start()
        began = not began

    signal.signal(signal.SIGUSR1, begin_or_end)
    return program.main()


if __name__ == "__main__":
    sys.exit(main())
