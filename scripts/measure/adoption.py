"""After ``kill -9``: ``python -m scripts.measure.adoption``. How soon are all living calls in somebody's hands again?

So many callers talk with as many desks; the application is killed, and the journal says when the new one had each of
the talks. The launcher's part, noticing the death and starting anew, is in it.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from ari_app.store.journal import read
from scripts.measure.rig import prepared_site
from scripts.phones import Behaviour, Dialling, Phones
from scripts.stack.sample import HOST, make_sample
from scripts.stack.stack import Stack

RATE: Final = 25
"""Calls a second while the talks begin."""

PATIENCE_SECONDS: Final = 60.0


def main() -> int:
    """Measure, and print a line for each number of talks."""
    parser = argparse.ArgumentParser(prog="python -m scripts.measure.adoption", description=__doc__)
    parser.add_argument("--talks", type=int, nargs="+", default=[100, 200, 500], help="default: 100 200 500")
    options = parser.parse_args()
    for talks in options.talks:
        anyio.run(partial(_measure, talks))
    return 0


async def _measure(talks: int) -> None:
    sample = make_sample(desks=talks)
    with tempfile.TemporaryDirectory(prefix="siaga-adoption-") as home:
        prepared = prepared_site(sample, Path(home))
        stack = Stack(prepared, lambda _: None)
        async with (
            stack.running(),
            Phones((HOST, sample.sip), Path(home, "phones"), trunk=sample.trunk) as phones,
            anyio.create_task_group() as callers,
        ):
            await phones.desk(sample.accounts, Behaviour.answers())
            dialling = Dialling(number="0812[call_number]", hang_up_ms=600_000)
            callers.start_soon(partial(phones.load, dialling, count=talks, rate=RATE, seconds=600))
            await _told(prepared.state.journal, "call.answered", talks)
            await anyio.sleep(2)
            before = max(record.seq for record in read(prepared.state.journal))
            pid, killed = stack.application.pid, datetime.now(UTC)
            if pid is None:
                raise RuntimeError("the application does not run")
            os.kill(pid, signal.SIGKILL)
            moments = await _told(prepared.state.journal, "call.adopted", talks, after=before)
            waits = [(moment - killed).total_seconds() for moment in moments]
            print(f"{talks} talks: the first adopted {min(waits):.2f} s after the kill, the last {max(waits):.2f} s")
            callers.cancel_scope.cancel()


async def _told(journal: Path, action: str, count: int, *, after: int = 0) -> list[datetime]:
    """When so many facts of an action were told."""
    with anyio.fail_after(PATIENCE_SECONDS):
        while True:
            moments = [datetime.fromisoformat(each.at) for each in read(journal, after=after) if each.action == action]
            if len(moments) >= count:
                return moments
            await anyio.sleep(0.2)


if __name__ == "__main__":
    raise SystemExit(main())
