"""How exact the take-back is (SOP V.10) when many transfers begin in the same moment.

Every Polda desk has a caller and transfers it to a Polres of its own, whose phone rings and is not answered. The
journal says when each transfer began and when it was taken back.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import anyio

from ari_app.domain.causes import NotAnswered
from ari_app.domain.facts import Record
from ari_app.store.journal import read
from scripts.measure.figures import Section, Spread
from scripts.measure.options import Options
from scripts.measure.rig import NUMBER, prepared_site
from scripts.phones import Behaviour, Dialling, HandsetCall, PhoneError, Phones, percentile
from scripts.stack.sample import HOST, Sample, make_sample
from scripts.stack.stack import Stack

ANSWER_SECONDS: Final = 5
GOAL_MS: Final = 100.0
MOST_POLRES: Final = 99
"""There are codes for so many; with more transfers, some wait for a Polres that rings already."""

_NONE_IS_DEAD: Final = ("[queue]\n", "[queue]\ndead_phone_seconds = 0\n")
"""Phones that are heard while they press keys, and send no sound from then on."""

_OVER: Final = ("call.taken_back", "operator.key_refused")
"""Of so many phones of one process now and then one's key is not understood."""

UNDERSTOOD: Final = 0.95
"""So many of them were at least."""

RATE: Final = 20
PATIENCE_SECONDS: Final = 40.0
PAUSE_SECONDS: Final = 2.0
"""Until operators and callers talk again."""


async def measure(section: Section, options: Options) -> None:
    """An instance for each number of transfers, which are begun again in each round."""
    table = section.table(
        f"Transfers begun at once and not answered within {ANSWER_SECONDS} s: how late the take-back was, in ms",
        "transfers", "begun", "within", "earliest", "p50", "p99", "latest",
    )  # fmt: skip
    for count in options.transfers:
        with tempfile.TemporaryDirectory(prefix="siaga-timer-") as home:
            rounds = [each async for each in _transfers(count, Path(home), options) if each.late]
        if not rounds:
            options.say(f"{count} transfers: none was begun")
            continue
        late = [each.late for each in rounds]
        latest = Spread.of(map(max, late))
        table.add(
            f"{count}", min(map(len, late)), Spread.of(each.begun_within for each in rounds), Spread.of(map(min, late)),
            *(Spread.of(percentile(each, percent) for each in late) for percent in (50, 99)), latest,
        )  # fmt: skip
        if count == max(options.transfers):
            section.goal(
                f"take-back timer with {count} transfers at once", f"within {GOAL_MS:g} ms", f"{latest} ms",
                is_reached=latest.median <= GOAL_MS
                and min(map(min, late)) >= -GOAL_MS
                and min(map(len, late)) >= UNDERSTOOD * count,
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Round:
    """Transfers begun at once: within how many ms, and how many ms after it was due each was taken back."""

    begun_within: float
    late: Sequence[float]


async def _transfers(count: int, home: Path, options: Options) -> AsyncIterator[Round]:
    units = min(count, MOST_POLRES)
    sample = make_sample(desks=count, polres=1, units=units)
    prepared = prepared_site(replace(sample, text=sample.text.replace(*_NONE_IS_DEAD)), home)
    journal = prepared.state.journal
    async with (
        Stack(prepared, lambda _: None).running(),
        Phones((HOST, sample.sip), home / "phones", trunk=sample.trunk) as phones,
    ):
        talks = await _talks(phones, sample, count)
        for round_ in range(options.rounds):
            options.say(f"{count} transfers, round {round_ + 1} of {options.rounds}")
            before = max(record.seq for record in read(journal))
            async with anyio.create_task_group() as tasks:
                for index, talk in enumerate(talks):
                    tasks.start_soon(talk.press, f"*2{index % units + 1:02}#")
            told: list[Record] = []
            with anyio.fail_after(PATIENCE_SECONDS):
                while len({record.call for record in told}) < count:
                    await anyio.sleep(0.25)
                    told = list(read(journal, after=before, actions=_OVER))
            taken_back = [record for record in told if record.action == "call.taken_back"]
            yield _round(taken_back, list(read(journal, after=before, actions=["call.transfer_started"])))
            await anyio.sleep(PAUSE_SECONDS)


async def _talks(phones: Phones, sample: Sample, count: int) -> Sequence[HandsetCall]:
    """The Polda desks' ends of so many calls."""
    await phones.desk(sample.polres, Behaviour.never_answers())
    desks = [await phones.handset(account, answers=0.0) for account in sample.accounts]
    await phones.crowd(Dialling(number=NUMBER), count=count, rate=RATE)
    talks = [await desk.rung(seconds=count / RATE + 10) for desk in desks]
    for talk in talks:
        await talk.answered()
    return talks


def _round(taken_back: Sequence[Record], started: Sequence[Record]) -> Round:
    """How late each take-back was.

    Raises:
        PhoneError: one was taken back for another reason than that nobody answered, so that nothing was due.
    """
    other = {str(record.data["reason"]) for record in taken_back} - {NotAnswered.NO_ANSWER.value}
    if other:
        raise PhoneError(f"taken back: {', '.join(sorted(other))}")
    began = {record.call: datetime.fromisoformat(record.at) for record in started}
    late = [
        ((datetime.fromisoformat(record.at) - began[record.call]).total_seconds() - ANSWER_SECONDS) * 1000
        for record in taken_back
    ]
    within = max(began.values()) - min(began.values()) if began else timedelta()
    return Round(within.total_seconds() * 1000, late)
