"""What a call costs, and how much memory it takes, while so many others live."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import anyio

from ari_app.site.capacity import most_calls_by_files
from scripts.measure.figures import Section, Table, number
from scripts.measure.options import Options
from scripts.measure.rig import APPLICATION, DIAL, Rig, rig
from scripts.measure.usage import all_seconds, difference, memory_kib, pids, settle

RATE, SECONDS = 20, 8
ALONE_SECONDS: Final = 5.0
SPARE_DESKS: Final = 40
"""Desks for the calls that come and go beside those that live."""

AT_REST_MB, CALL_KB = 150, 20


async def measure(section: Section, options: Options) -> None:
    """The same calls as ever, on top of more and more living ones."""
    counts = levels(options.living)
    desks = counts[-1] + SPARE_DESKS
    table = section.table(
        f"{RATE} calls a second beside living ones, {desks} desks: processor in ms a call, memory in MB (kB a call)",
        "living", "failed", "application", "all of ours", "Asterisk", "in all", "Asterisk, these through Dial()",
        "application alone, ms/s",
        "application MB", "kB a call", "all of ours MB", "kB a call", "Asterisk MB", "kB a call",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="siaga-living-") as home:
        async with rig(Path(home), desks=desks, numbers=options.numbers) as running:
            await running.measure(APPLICATION, rate=RATE, seconds=SECONDS)  # what is loaded only once
            await settle(running.stack, seconds=10)
            at_rest = memory = Memory.now(running)
            reached = 0
            for living in counts:
                options.say(f"{living} living calls")
                read, fault = await _row(running, table, living, at_rest)
                if fault:
                    options.say(f"{living} living calls: {fault}")
                    break
                memory, reached = read, living
    _judge_memory(section, reached, at_rest, memory)
    most, room = max(options.living), counts[-1]
    why = f", and Asterisk has files for {most_calls_by_files()} here" if reached == room < most else ""
    section.goal("calls that live at once", f"{most}", f"{reached}{why}", is_reached=reached == most)


async def _reach(running: Rig, living: int) -> str:
    """Have so many living calls; what keeps them from it, or nothing."""
    try:
        await running.live(living)
    except TimeoutError:
        return "not all were answered in time"
    return "" if running.living == living else f"{running.living} live"


def _judge_memory(section: Section, reached: int, at_rest: Memory, memory: Memory) -> None:
    rest, ours = at_rest.application * 1024 / 1e6, at_rest.ours * 1024 / 1e6
    section.goal(
        "memory of the application at rest", f"{AT_REST_MB} MB", f"{number(rest)} MB; all of ours {number(ours)} MB",
        is_reached=rest <= AT_REST_MB,
    )  # fmt: skip
    calls = max(1, reached)
    each = (memory.application - at_rest.application) * 1024 / 1000 / calls
    all_of_ours = (memory.ours - at_rest.ours) * 1024 / 1000 / calls
    section.goal(
        f"memory of the application a living call, of {reached}", f"{CALL_KB} kB",
        f"{number(each)} kB; all of ours {number(all_of_ours)} kB",
        is_reached=reached > 0 and each <= CALL_KB,
    )  # fmt: skip


def levels(wanted: Sequence[int]) -> list[int]:
    """As many living calls as are wanted, and no more than Asterisk takes with the files that this machine allows."""
    room = max(0, most_calls_by_files() - SPARE_DESKS)
    return sorted({0, *(min(count, room) for count in wanted)})


async def _row(running: Rig, table: Table, living: int, at_rest: Memory) -> tuple[Memory, str]:
    """What is in use while so many live, and what kept them from it; empty: nothing did."""
    if fault := await _reach(running, living):
        return at_rest, fault
    await anyio.sleep(2)
    memory, before = Memory.now(running), all_seconds(running.stack)
    await anyio.sleep(ALONE_SECONDS)
    alone = difference(before, all_seconds(running.stack), ALONE_SECONDS)
    ours = await running.measure(APPLICATION, rate=RATE, seconds=SECONDS)
    dial = await running.measure(DIAL, rate=RATE, seconds=SECONDS)

    def grown(now: int, then: int) -> float | None:
        return (now - then) * 1024 / 1000 / living if living else None

    if fault := ours.fault or dial.fault:
        return memory, fault
    of_ours = ours.application_ms + ours.beside_ms
    table.add(
        f"{living}", ours.failed + dial.failed, ours.application_ms, of_ours, ours.asterisk_ms,
        of_ours + ours.asterisk_ms, dial.asterisk_ms, alone["application"],
        memory.application * 1024 / 1e6, grown(memory.application, at_rest.application),
        memory.ours * 1024 / 1e6, grown(memory.ours, at_rest.ours),
        memory.asterisk * 1024 / 1e6, grown(memory.asterisk, at_rest.asterisk),
    )  # fmt: skip
    if ours.failed:
        return memory, f"{ours.failed} calls beside them failed"
    return memory, "" if running.living == living else f"{running.living} live by now"


@dataclass(frozen=True, slots=True)
class Memory:
    """What is in use by the application, by all that is ours with it, and by Asterisk, in KiB."""

    application: int
    ours: int
    asterisk: int

    @classmethod
    def now(cls, running: Rig) -> Memory:
        """As it is at the moment."""
        following = running.stack.application.next_pid
        everyone = pids(running.stack) | ({} if following is None else {"next application": following})
        used = {name: memory_kib(pid) for name, pid in everyone.items()}
        asterisk = used.pop("asterisk")
        return cls(used["application"], sum(used.values()), asterisk)
