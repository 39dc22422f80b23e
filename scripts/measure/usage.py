"""What the processes of an instance use: processor time and memory, read from /proc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import anyio

from scripts.stack.stack import Stack

BESIDE: Final = ("tables", "publisher", "broker", "guard")
"""What belongs to us beside the application itself."""

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_QUIET_SHARE: Final = 0.15
"""An instance whose tables and messages are up with its journal uses less of one core."""

_LOOK_SECONDS: Final = 0.5


def pids(stack: Stack) -> dict[str, int]:
    """The process ids of all parts that run, by their names."""
    parts = {
        "application": stack.application,
        "asterisk": stack.asterisk,
        "tables": stack.tables,
        "publisher": stack.publisher,
        "broker": stack.broker,
        "guard": stack.guard,
    }
    return {name: child.pid for name, child in parts.items() if child is not None and child.pid is not None}


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def all_seconds(stack: Stack) -> dict[str, float]:
    """Processor time that each part has used so far; without one that has just ended."""
    found = {}
    for name, pid in pids(stack).items():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found[name] = cpu_seconds(pid)
    return found


class Machine(NamedTuple):
    """Processor time of the whole machine, in seconds."""

    idle: float
    stolen: float
    """What others on its host have taken."""

    whole: float

    @property
    def busy(self) -> float:
        """What was used here."""
        return self.whole - self.idle - self.stolen

    def since(self, before: Machine) -> Machine:
        """From one reading to the next."""
        return Machine(*(now - then for now, then in zip(self, before, strict=True)))


def machine() -> Machine:
    """Since the machine's start."""
    first = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
    each = [int(ticks) / _TICKS for ticks in first.split()[1:9]]  # a guest's own is in the first two already
    return Machine(each[3] + each[4], each[7], sum(each))


def memory_kib(pid: int) -> int:
    """A process's memory that is its own: without the pages of files that others share with it."""
    words = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").split()
    return sum(int(words[words.index(name) + 1]) for name in ("Private_Clean:", "Private_Dirty:"))


def difference(before: Mapping[str, float], after: Mapping[str, float], count: float = 1.0) -> dict[str, float]:
    """Milliseconds of each part between two readings, for each of ``count``."""
    return {name: (after[name] - before[name]) * 1000 / count for name in after if name in before}


async def settle(stack: Stack, *, names: Collection[str] | None = None, seconds: float = 120.0) -> None:
    """Wait until nothing is left to be done: tables, messages, and what is read at the start; or for so long.

    ``names``: only these parts are looked at; None: all.
    """
    with anyio.move_on_after(seconds):
        share = 1.0
        while share > _QUIET_SHARE:
            before = all_seconds(stack)
            await anyio.sleep(_LOOK_SECONDS)
            used = difference(before, all_seconds(stack), _LOOK_SECONDS * 1000)
            share = sum(each for name, each in used.items() if names is None or name in names)
