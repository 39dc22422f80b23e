"""What a call costs, and how much memory it takes, while so many others live."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
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
OURS: Final = ("application", "next application", "tables", "publisher", "broker", "guard")


async def measure(options: Options) -> Section:
    """The same calls as ever, on top of more and more living ones."""
    section = Section("living")
    counts = levels(options.living)
    desks = counts[-1] + SPARE_DESKS
    table = section.table(
        f"{RATE} calls a second beside living ones, {desks} desks: processor in ms a call, memory in MB (kB a call)",
        "living", "application", "all of ours", "Asterisk", "Asterisk, these through Dial()", "application alone, ms/s",
        "application MB", "kB a call", "Asterisk MB", "kB a call", "tables MB", "publisher MB",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="siaga-living-") as home:
        async with rig(Path(home), desks=desks, numbers=options.numbers) as running:
            await running.measure(APPLICATION, rate=RATE, seconds=SECONDS)  # what is loaded only once
            await settle(running.stack, seconds=10)
            at_rest = all_memory_kib(running)
            memory = at_rest
            reached = 0
            for living in counts:
                try:
                    await running.live(living)
                except TimeoutError:
                    options.say(f"{living} living calls: not all were answered in time")
                    break
                options.say(f"{living} living calls")
                memory, reached = await _row(running, table, living, at_rest), living
    rest = at_rest["application"] * 1024 / 1e6
    ours = sum(at_rest.get(name, 0) for name in OURS) * 1024 / 1e6
    section.goal(
        "memory of the application at rest", f"{AT_REST_MB} MB", f"{number(rest)} MB; all of ours {number(ours)} MB",
        is_reached=rest <= AT_REST_MB,
    )  # fmt: skip
    each = (memory["application"] - at_rest["application"]) * 1024 / 1000 / max(1, reached)
    most = max(options.living)
    why = f", and Asterisk has files for {most_calls_by_files()} here" if reached == counts[-1] < most else ""
    section.goal("calls that live at once", f"{most}", f"{reached}{why}", is_reached=reached == most)
    section.goal(
        f"memory a living call, of {reached}", f"{CALL_KB} kB", f"{number(each)} kB",
        is_reached=reached > 0 and each <= CALL_KB,
    )  # fmt: skip
    return section


def levels(wanted: Sequence[int]) -> list[int]:
    """As many living calls as are wanted, and no more than Asterisk takes with the files that this machine allows."""
    room = max(0, most_calls_by_files() - SPARE_DESKS)
    return sorted({0, *(min(count, room) for count in wanted)})


async def _row(running: Rig, table: Table, living: int, at_rest: dict[str, int]) -> dict[str, int]:
    await anyio.sleep(2)
    memory, before = all_memory_kib(running), all_seconds(running.stack)
    await anyio.sleep(ALONE_SECONDS)
    alone = difference(before, all_seconds(running.stack), ALONE_SECONDS)
    ours = await running.measure(APPLICATION, rate=RATE, seconds=SECONDS)
    dial = await running.measure(DIAL, rate=RATE, seconds=SECONDS)

    def grown(name: str) -> float | None:
        return (memory[name] - at_rest[name]) * 1024 / 1000 / living if living else None

    table.add(
        f"{living}", ours.application_ms, ours.application_ms + ours.beside_ms, ours.asterisk_ms, dial.asterisk_ms,
        alone["application"], memory["application"] * 1024 / 1e6, grown("application"),
        memory["asterisk"] * 1024 / 1e6, grown("asterisk"),
        memory["tables"] * 1024 / 1e6, memory["publisher"] * 1024 / 1e6,
    )  # fmt: skip
    return memory


def all_memory_kib(running: Rig) -> dict[str, int]:
    """The memory of all parts that run, by their names."""
    following = running.stack.application.next_pid
    everyone = pids(running.stack) | ({} if following is None else {"next application": following})
    return {name: memory_kib(pid) for name, pid in everyone.items()}
