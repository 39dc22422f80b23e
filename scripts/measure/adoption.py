"""After ``kill -9``: how soon are all living calls in somebody's hands again?

So many callers talk with as many desks; the application is killed, and the journal says when the new one had each of
the talks. The launcher's part, noticing the death and starting anew, is in it.
"""

from __future__ import annotations

import os
import signal
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import anyio

from ari_app.store.journal import read
from scripts.measure.figures import Section, Spread
from scripts.measure.options import Options
from scripts.measure.rig import Rig, rig

MOST: Final = 1000
GOAL_CALLS, GOAL_SECONDS = 500, 1.0
PATIENCE_SECONDS: Final = 60.0

APART_SECONDS: Final = 11.0
"""Between two deaths: a process that dies sooner is started again only after a pause."""


async def measure(section: Section, options: Options) -> None:
    """Kill it with more and more living calls, so many times each."""
    table = section.table("From kill -9 to the adoption, in seconds", "living calls", "first", "last")
    counts = [count for count in sorted(options.living) if count <= MOST]
    if not counts:
        options.say(f"no more than {MOST} living calls are killed here")
        return
    with tempfile.TemporaryDirectory(prefix="siaga-adoption-") as home:
        async with rig(Path(home), desks=max(counts), numbers=options.numbers) as running:
            for count in counts:
                await running.live(count)
                rounds = []
                for number in range(options.rounds):
                    options.say(f"{count} living calls, kill {number + 1} of {options.rounds}")
                    await anyio.sleep(APART_SECONDS)
                    rounds.append(await kill(running, count))
                last = Spread.of(max(waits) for waits in rounds)
                table.add(f"{count}", Spread.of(min(waits) for waits in rounds), last)
                if count == GOAL_CALLS:
                    section.goal(
                        f"adoption of {count} living calls", f"{GOAL_SECONDS:g} s", f"{last} s",
                        is_reached=last.median <= GOAL_SECONDS,
                    )  # fmt: skip


async def kill(running: Rig, count: int) -> list[float]:
    """Kill the application; how long after that each of so many living calls was adopted, in seconds."""
    journal = running.prepared.state.journal
    before = max(record.seq for record in read(journal))
    pid, killed = running.stack.application.pid, datetime.now(UTC)
    if pid is None:
        raise RuntimeError("the application does not run")
    os.kill(pid, signal.SIGKILL)
    with anyio.fail_after(PATIENCE_SECONDS):
        while True:
            moments = {each.call: each.at for each in read(journal, after=before, actions=["call.adopted"])}
            if len(moments) >= count:  # should one die midway, the next one has each of them anew
                return [(datetime.fromisoformat(moment) - killed).total_seconds() for moment in moments.values()]
            await anyio.sleep(0.2)
