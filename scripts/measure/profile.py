"""Where the application's processor time goes at a steady rate of calls (``--profile``)."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from pathlib import Path
from typing import Any, Final

import anyio

from scripts.measure.figures import Section
from scripts.measure.options import Options
from scripts.measure.rig import APPLICATION, Rig, rig

RATE: Final = 50
SECONDS, QUICK_SECONDS = 40.0, 8.0
LINES: Final = 40


async def measure(section: Section, options: Options) -> None:
    """The shares of functions and threads."""
    with tempfile.TemporaryDirectory(prefix="siaga-profile-") as home:
        file = Path(home, "profile.json")
        application = ["-m", "scripts.measure.profiled", str(file)]
        async with rig(Path(home), numbers=options.numbers, application=application) as running:
            await running.measure(APPLICATION, rate=RATE, seconds=2)
            options.say(f"{RATE} calls/s")
            _signal(running)
            seconds = QUICK_SECONDS if options.is_quick else SECONDS
            measured = await running.measure(APPLICATION, rate=RATE, seconds=seconds)
            _signal(running)
            await anyio.sleep(1)
        if measured.fault:
            raise RuntimeError(measured.fault)
        counted = _read(file)
    _tell(section, counted, measured.application_ms)


def _signal(running: Rig) -> None:
    pid = running.stack.application.pid
    if pid is None:
        raise RuntimeError("the application does not run")
    os.kill(pid, signal.SIGUSR1)


def _read(file: Path) -> dict[str, Any]:
    counted: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return counted


def _tell(section: Section, counted: dict[str, Any], cpu_ms: float) -> None:
    main = counted["seconds"]
    threads = section.table(
        f"{RATE} calls a second, {cpu_ms:.1f} ms of processor time a call: the application's threads", "thread", "share"
    )
    whole = sum(counted["threads"].values())
    for name, seconds in sorted(counted["threads"].items(), key=lambda item: -item[1]):
        threads.add(name, f"{seconds / whole:.1%}")
    for kind, title in (("whole", "with all that it calls"), ("own", "by itself")):
        table = section.table(
            f"Share of the main thread's {main:.1f} s, in {counted['samples']} samples, that a function has {title}",
            "function", "share",
        )  # fmt: skip
        for name, seconds in sorted(counted[kind].items(), key=lambda item: -item[1])[:LINES]:
            table.add(name, f"{seconds / main:.1%}")
