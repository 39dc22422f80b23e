"""SOP VIII under a flood: ``python -m scripts.measure.flood``. How long do the real callers among pranksters wait?

Two of a hundred callers are real, the others' number is blocked. The same real calls are made twice on the same
instance, without pranksters and among them, and the waiting times are those of the journal.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from ari_app.bus.ask import ask
from ari_app.domain.facts import Record
from ari_app.store.journal import read
from scripts.measure.rig import prepared_site
from scripts.phones import Behaviour, Dialling, Phones, percentile
from scripts.stack.prepare import Prepared
from scripts.stack.sample import HOST, make_sample
from scripts.stack.stack import Stack

DESKS: Final = 12
PRANKSTER, REAL = "082222222222", "0812[call_number]"
TALK_MS, PATIENCE_MS = 10_000, 15_000
"""How long a real caller talks, and how long a prankster stays after the announcement has begun."""


def main() -> int:
    """Measure, and print a line for each of the two."""
    parser = argparse.ArgumentParser(prog="python -m scripts.measure.flood", description=__doc__)
    parser.add_argument("--rate", type=float, default=20, help="calls a second, pranksters and others (default: 20)")
    parser.add_argument("--seconds", type=float, default=300, help="how long each of the two lasts (default: 300)")
    options = parser.parse_args()
    anyio.run(partial(_measure, options.rate, options.seconds))
    return 0


async def _measure(rate: float, seconds: float) -> None:
    sample = make_sample(desks=DESKS)
    with tempfile.TemporaryDirectory(prefix="siaga-flood-") as home:
        prepared = prepared_site(sample, Path(home))
        async with (
            Stack(prepared, lambda _: None).running(),
            Phones((HOST, sample.sip), Path(home, "phones"), trunk=sample.trunk) as phones,
        ):
            await phones.desk(sample.accounts, Behaviour.answers(200))
            block = partial(ask, prepared.settings, prepared.secrets, "block.add", {"number": PRANKSTER})
            await anyio.to_thread.run_sync(partial(block, supervisor="flood"))
            for pranks in (0.0, rate * 0.98):
                print(await _round(prepared, phones, pranks=pranks, real=rate * 0.02, seconds=seconds), flush=True)


async def _round(prepared: Prepared, phones: Phones, *, pranks: float, real: float, seconds: float) -> str:
    after = max((record.seq for record in read(prepared.state.journal)), default=0)
    limit = seconds + 90

    async def load(number: str, rate: float, hang_up_ms: int) -> None:
        if rate:
            dialling = Dialling(number=number, hang_up_ms=hang_up_ms)
            await phones.load(dialling, count=round(rate * seconds), rate=rate, seconds=limit)

    async with anyio.create_task_group() as both:
        both.start_soon(load, PRANKSTER, pranks, PATIENCE_MS)
        both.start_soon(load, REAL, real, TALK_MS)
    await anyio.sleep(2)  # the journal's last lines
    told = list(read(prepared.state.journal, after=after))
    waits = _waits(told, is_blocked=False)
    outcomes = sorted({str(each.data["outcome"]) for each in told if each.action == "call.ended"})
    return (
        f"{pranks:g} pranks a second: {len(waits)} real callers waited p50 {percentile(waits, 50):.0f} ms, "
        f"p99 {percentile(waits, 99):.0f} ms, at most {max(waits):.0f} ms; "
        f"{len(_waits(told, is_blocked=True))} blocked ones were answered, "
        f"{sum(each.data.get('outcome') == 'turned_away' for each in told)} asked to call later; outcomes {outcomes}"
    )


def _waits(told: list[Record], *, is_blocked: bool) -> list[float]:
    """How long the answered calls waited, in milliseconds: those of blocked numbers, or of all others."""
    blocked = {each.call for each in told if each.action == "call.blocked"}
    answers = [each for each in told if each.action == "call.answered" and (each.call in blocked) == is_blocked]
    return [float(str(each.data["waited_ms"])) for each in answers]


if __name__ == "__main__":
    raise SystemExit(main())
