"""How exact the take-back is (SOP V.10) when many transfers begin in the same moment.

Every Polda desk has a caller and transfers it to a Polres of its own, whose phone rings and is not answered. The
journal says when each transfer began and when it was taken back.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import anyio

from ari_app.domain.facts import Record
from ari_app.store.journal import read
from scripts.measure.figures import Section, number
from scripts.measure.options import Options
from scripts.measure.rig import NUMBER, prepared_site
from scripts.phones import Behaviour, Dialling, HandsetCall, Phones, percentile
from scripts.stack.sample import HOST, Sample, make_sample
from scripts.stack.stack import Stack

ANSWER_SECONDS: Final = 5
GOAL_MS: Final = 100.0
MOST_POLRES: Final = 99
"""There are codes for so many; with more transfers, some wait for a Polres that rings already."""

RATE: Final = 20
PATIENCE_SECONDS: Final = 40.0


async def measure(options: Options) -> Section:
    """An instance for each number of transfers."""
    section = Section("timer")
    table = section.table(
        f"Transfers begun at once and not answered within {ANSWER_SECONDS} s: how late the take-back was, in ms",
        "transfers", "earliest", "p50", "p99", "latest",
    )  # fmt: skip
    for count in options.transfers:
        options.say(f"{count} transfers")
        with tempfile.TemporaryDirectory(prefix="siaga-timer-") as home:
            late = await _transfers(count, Path(home))
        table.add(f"{count}", min(late), percentile(late, 50), percentile(late, 99), max(late))
        if count == max(options.transfers):
            section.goal(
                f"take-back timer with {count} transfers at once", f"within {GOAL_MS:g} ms", f"{number(max(late))} ms",
                is_reached=max(map(abs, late)) <= GOAL_MS,
            )  # fmt: skip
    return section


async def _transfers(count: int, home: Path) -> list[float]:
    units = min(count, MOST_POLRES)
    sample = make_sample(desks=count, polres=1, units=units)
    prepared = prepared_site(sample, home)
    journal = prepared.state.journal
    async with (
        Stack(prepared, lambda _: None).running(),
        Phones((HOST, sample.sip), home / "phones", trunk=sample.trunk) as phones,
    ):
        talks = await _talks(phones, sample, count)
        async with anyio.create_task_group() as tasks:
            for index, talk in enumerate(talks):
                tasks.start_soon(talk.press, f"*2{index % units + 1:02}#")
        with anyio.fail_after(PATIENCE_SECONDS):
            while len(told := list(read(journal, actions=["call.taken_back"]))) < count:  # noqa: ASYNC110 - another process
                await anyio.sleep(0.25)
    return _late(told, list(read(journal, actions=["call.transfer_started"])))


async def _talks(phones: Phones, sample: Sample, count: int) -> Sequence[HandsetCall]:
    """The Polda desks' ends of so many calls."""
    await phones.desk(sample.polres, Behaviour.never_answers())
    desks = [await phones.handset(account, answers=0.0) for account in sample.accounts]
    await phones.crowd(Dialling(number=NUMBER), count=count, rate=RATE)
    talks = [await desk.rung(seconds=count / RATE + 10) for desk in desks]
    for talk in talks:
        await talk.answered()
    return talks


def _late(taken_back: Sequence[Record], started: Sequence[Record]) -> list[float]:
    """Milliseconds between each take-back and the moment that it was due."""
    began = {record.call: datetime.fromisoformat(record.at) for record in started}
    return [
        ((datetime.fromisoformat(record.at) - began[record.call]).total_seconds() - ANSWER_SECONDS) * 1000
        for record in taken_back
    ]
