"""``python -m scripts.measure.profiled FILE --state DIR``: the application, and where its processor time goes.

A signal every few milliseconds of processor time notes what the main thread is doing just then; at the end the file
has the samples of each function, its own and with all that it called. Unlike a profiler that counts every call it makes
nothing slower. The other threads have their processor time beside it, by their names.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import Counter, defaultdict
from pathlib import Path
from types import FrameType
from typing import Final

from ari_app import program

EVERY_SECONDS: Final = 0.001
"""Asked for; the kernel's clock makes it 4 ms on many machines."""

_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Sampler:
    """Counts in which functions the processor time is spent, from ``start`` to ``write``."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self.samples = 0
        self._own: Counter[str] = Counter()
        self._whole: Counter[str] = Counter()

    def start(self) -> None:
        """Begin; again: forget what was counted."""
        self.samples = 0
        self._own.clear()
        self._whole.clear()
        signal.signal(signal.SIGPROF, self._note)
        signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)

    def _note(self, _: int, frame: FrameType | None) -> None:
        self.samples += 1
        seen: set[str] = set()
        while frame is not None:
            name = _name(frame)
            if not seen:
                self._own[name] += 1
            seen.add(name)
            frame = frame.f_back
        self._whole.update(seen)

    def write(self, file: Path) -> None:
        """Stop, and write down what was counted."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        counted = {"samples": self.samples, "threads": _threads()}
        counted |= {"own": dict(self._own), "whole": dict(self._whole)}
        file.write_text(json.dumps(counted), encoding="utf-8")


def _name(frame: FrameType) -> str:
    parts = Path(frame.f_code.co_filename).with_suffix("").parts
    return f"{'/'.join(parts[-2:])}:{frame.f_code.co_qualname}"


def _threads() -> dict[str, float]:
    """Seconds of each thread so far, by its name; those of one kind, and those that are not Python's, together."""
    names = {f"{each.native_id}": each.name.rstrip("0123456789-_ ") for each in threading.enumerate()}
    seconds: dict[str, float] = defaultdict(float)
    for stat in Path("/proc/self/task").glob("*/stat"):
        fields = stat.read_text(encoding="ascii").rsplit(")", 1)[1].split()
        seconds[names.get(stat.parent.name, "others")] += (int(fields[11]) + int(fields[12])) / _TICKS
    return dict(seconds)


def main() -> int:
    """Run the application; its exit code."""
    file = Path(sys.argv.pop(1))
    sampler = Sampler()
    sampler.start()
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
