"""Which processes run, and whose children they are: read from /proc; and how a child dies with who started it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WITH_US: Final = ("setpriv", "--pdeathsig", "KILL")
"""Before a command: it is killed when the thread that started it ends, however that comes about."""

_PARENT, _START_TIME = 1, 19


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    return state(pid) not in {"", "Z"}


def state(pid: int) -> str:
    """A process's state, as proc(5) abbreviates it; empty when there is none."""
    return _stat(pid)[0]


def is_stopped(pid: int) -> bool:
    """Whether all of a process's threads have stopped: for a moment behind SIGSTOP one of them may go on."""
    return all(_fields(thread / "stat")[0] in {"", "T", "Z"} for thread in Path(f"/proc/{pid}/task").iterdir())


@dataclass(frozen=True, slots=True)
class Processor:
    """What a process's threads, by their ids, have had of the processors so far, in nanoseconds."""

    worked: Mapping[int, int]
    waited: Mapping[int, int]
    """For a processor, and not for anything else; a wait that lasts is not in it yet."""
    is_runnable: bool
    """One of them works or waits for a processor just now: it is not stopped, and waits for nothing else."""

    def waited_since(self, before: Processor) -> float:
        """For how many seconds the threads that live still have waited since then, together."""
        return sum(now - before.waited.get(thread, now) for thread, now in self.waited.items()) / 1e9


def processor(pid: int) -> Processor | None:
    """What a process has had of the processors; None: there is no such process, or nobody counts it."""
    worked, waited, is_runnable = dict[int, int](), dict[int, int](), False
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):  # it has ended meanwhile
                # In this order: else a wait that ends between the two would be in neither.
                is_runnable |= _fields(thread / "stat")[0] == "R"
                figures = (thread / "schedstat").read_text().split()
                worked[int(thread.name)], waited[int(thread.name)] = int(figures[0]), int(figures[1])
    return Processor(worked, waited, is_runnable) if worked else None


def _stat(pid: int) -> list[str]:
    """What /proc says of a process behind its name, from its state on; an empty state when there is none."""
    return _fields(Path(f"/proc/{pid}/stat"))


def _fields(stat: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return stat.read_text().rsplit(")", 1)[1].split()
    return [""]


def descendants(pid: int) -> list[int]:
    """All children of a process, their children, and so on."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            stat = _stat(int(entry.name))
            if len(stat) > _PARENT:
                parents.setdefault(int(stat[_PARENT]), []).append(int(entry.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        for child in parents.get(waiting.pop(), []):
            found.append(child)
            waiting.append(child)
    return found


def command_line(pid: int) -> list[str]:
    """The words with which a process was started; none when it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    return []


def find(pid: int, word: str) -> int | None:
    """The descendant of ``pid`` whose command line has ``word`` as one of its words' last part; None: there is none.

    Of several it is the one that was started first: the application's next one waits beside it.
    """
    found = [each for each in descendants(pid) if any(part.split("/")[-1] == word for part in command_line(each))]
    return min(found, key=_started, default=None)


def _started(pid: int) -> float:
    """When a process was started, in the kernel's ticks; never, if it has ended."""
    stat = _stat(pid)
    return int(stat[_START_TIME]) if len(stat) > _START_TIME else math.inf
