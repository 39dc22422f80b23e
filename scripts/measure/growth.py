"""Does it get slower with what there is? With the years' calls, the blocked numbers, the desks and those who wait."""

from __future__ import annotations

import itertools
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from ari_app.domain.blocklist import BlockList, BlockRules
from ari_app.domain.desks import POLDA
from ari_app.domain.number_set import NumberSet
from ari_app.flows.switchboard import Switchboard
from ari_app.site.state import StateDir
from ari_app.store.database import open_engine
from ari_app.store.journal_file import JournalFile
from ari_app.store.projections import Folder, catch_up
from ari_app.store.reader import JournalReader
from ari_app.store.tail import JournalTail
from scripts.measure.delay import failures, in_turn, sound
from scripts.measure.figures import Section, spread
from scripts.measure.options import Options
from scripts.measure.rig import APPLICATION, Measured, Rig, rig
from scripts.measure.seeding import fill, stories, write
from scripts.phones import percentile

RATE: Final = 20
DESKS: Final = 30
NONE_THAT_CAN_BE_MEASURED: Final = 1.1
"""Two stretches of the same kind differ by as much, and more."""

WAITING: Final = 1000
SWITCHBOARDS: Final = (10, 100, 1000)
DECISIONS: Final = 200
TOLD: Final = 100
"""Calls that are told on full tables."""


async def measure(section: Section, options: Options) -> None:
    """Calls on full tables; then the two decisions that are made for every call, by themselves."""
    await _history(section, options)
    _blocks(section, options)
    await _queue(section)


async def _history(section: Section, options: Options) -> None:
    """An instance for each number of calls that are over; all run, and take turns."""
    found: dict[int, list[Measured]] = {count: [] for count in options.history}
    async with AsyncExitStack() as ending:
        instances: dict[int, Rig] = {}
        for count in options.history:
            options.say(f"an instance with {count} calls")
            home = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="siaga-growth-")))
            instances[count] = await ending.enter_async_context(rig(home, desks=DESKS, calls=count))
        for round_ in range(options.rounds):
            for count in in_turn(list(instances), round_):
                options.say(f"{RATE} calls/s with {count} calls in the database")
                stretch = instances[count].measure(APPLICATION, rate=RATE, seconds=options.seconds)
                found[count].append(await stretch)
    table = section.table(
        f"{RATE} calls a second with so many calls in the database: ms a call",
        "calls", "failed", "application", "beside it", "Asterisk", "p50", "p95",
    )  # fmt: skip
    for count, every in found.items():
        own = sound(every)
        table.add(
            f"{count}",
            failures(every),
            spread(each.application_ms for each in own),
            spread(each.beside_ms for each in own),
            spread(each.asterisk_ms for each in own),
            *(spread(percentile(each.load.delays_ms, percent) for each in own) for percent in (50, 95)),
        )
    if len(found) > 1:
        _judge(section, found, min(found), max(found))


def _judge(section: Section, found: Mapping[int, Sequence[Measured]], least: int, most: int) -> None:
    ratios = spread(
        (full.application_ms + full.beside_ms) / (empty.application_ms + empty.beside_ms)
        for empty, full in zip(found[least], found[most], strict=True)
        if not empty.fault and not full.fault
    )
    failed = any(each.fault or each.failed for count in (least, most) for each in found[count])
    section.goal(
        f"cost of a call with {most} calls, beside {least}",
        f"no growth that can be measured: {NONE_THAT_CAN_BE_MEASURED:g} times",
        ("not measured" if ratios is None else f"{ratios} times") + ("; some failed" if failed else ""),
        is_reached=ratios is not None and ratios.median <= NONE_THAT_CAN_BE_MEASURED and not failed,
    )


def _blocks(section: Section, options: Options) -> None:
    table = section.table("Is a number blocked? Microseconds", "numbers", "p50", "p99")
    for count in (0, options.numbers):
        taken = block_decisions(count)
        table.add(f"{count}", *(percentile(taken, percent) * 1e6 for percent in (50, 99)))


def block_decisions(count: int) -> list[float]:
    """Seconds for each of some decisions whether a number is blocked, with so many numbers blocked."""
    first, among = 6_282_200_000_000, 100_000_000
    asked = [f"+{first + digits}" for digits in range(0, among, 10_000)]
    blocked = sorted(random.Random(110).sample(range(first, first + among), count))  # noqa: S311 - figures, no secrets
    asked += [f"+{number}" for number in blocked[:: max(1, count // len(asked))]]
    columns = [(blocked, [0] * count)] if count else []
    block_list = BlockList(BlockRules(pranks=5))
    block_list.restore(NumberSet.ascending(columns), NumberSet(), ())
    return [_timed(partial(block_list.is_blocked, each, 0.0)) for each in asked]


def told_calls(counts: Sequence[int], home: Path) -> dict[int, list[float]]:
    """Processor time in seconds for each of some calls, with so many in the database before them, in turns.

    It is what journal and tables take: the call's lines are written, read by who follows the journal, and folded.
    """
    taken: dict[int, list[float]] = {count: [] for count in counts}
    with ExitStack() as ending:
        tell = {count: ending.enter_context(_teller(StateDir(home / f"{count}"), count)) for count in counts}
        for index in range(TOLD):
            for count in in_turn(counts, index):
                taken[count].append(_timed(tell[count], time.process_time))
    return taken


@contextmanager
def _teller(state: StateDir, count: int) -> Iterator[Callable[[], None]]:
    """Tells one more call each time, in an instance of which nothing runs, with so many calls in its database."""
    state.create()
    fill(state, calls=count)
    engine = open_engine(f"sqlite:///{state.database}")
    with ExitStack() as ending:
        file = JournalFile(state.journal)
        ending.callback(file.close)
        catch_up(state.journal, engine)
        folder = Folder(ending.enter_context(JournalReader(state.journal)), engine)
        follower = JournalTail(state.journal)
        ending.callback(follower.close)
        more = stories(itertools.count(count), latest=count)

        def tell() -> None:
            after = file.head().seq
            write(file, next(more))
            follower.rows(after)
            folder.fold_all()

        tell()  # what is loaded only once
        yield tell


class _EverybodyIsThere:
    """Staff that is at every desk, and ready."""

    def operator_at(self, desk: str) -> str | None:
        """Nobody has a number."""

    def is_staffed(self, desk: str) -> bool:
        """Yes."""
        return bool(desk)

    def is_ready(self, desk: str) -> bool:
        """Yes."""
        return bool(desk)

    def not_ready(self, desk: str, reason: str, actor: str) -> None:
        """It does not come to that."""

    def phone_came(self, desk: str) -> None:
        """Nothing depends on it."""


def _timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    began = clock()
    work()
    return clock() - began


async def _queue(section: Section) -> None:
    """A desk becomes free: who of those who wait gets it? A caller comes: which of the free desks has them?"""
    for question, decisions in (
        (f"A desk becomes free, {WAITING} calls wait: from there to the call that has it", queue_decisions),
        ("A caller comes, every desk is free: from there to the desk that has the call", desk_decisions),
    ):
        table = section.table(f"{question}, in milliseconds", "desks", "p50", "p99")
        for count in SWITCHBOARDS:
            taken = await decisions(count)
            table.add(f"{count}", *(percentile(taken, percent) * 1e3 for percent in (50, 99)))


class _Waiters:
    """A switchboard with so many desks, all of them registered, and callers who wait for one of them."""

    def __init__(self, count: int) -> None:
        self.units = {f"{1001 + desk}": POLDA for desk in range(count)}
        self.board = Switchboard(self.units, _EverybodyIsThere(), lambda _: None, overflow=3600)
        self.offered: list[str] = []
        self._numbers = itertools.count()
        for desk in self.units:
            self.board.phone(desk, registered=True)

    def wait(self) -> None:
        """Another caller comes."""
        self.board.wait(f"call-{next(self._numbers)}", lambda ready: self.offered.append(ready.extension))

    def answer(self) -> None:
        """The desk that was offered last answers."""
        self.board.answered(self.offered[-1])
        self.board.withdraw(self.board.desks[self.offered[-1]].call or "")

    def release(self) -> None:
        """That desk is free again."""
        self.board.release(self.offered[-1])


async def queue_decisions(count: int) -> list[float]:
    """Seconds for each of some decisions who gets a desk that has become free, with so many desks."""
    waiters = _Waiters(count)
    for _ in waiters.units:
        waiters.wait()
        waiters.answer()
    for _ in range(WAITING):
        waiters.wait()
    taken = []
    for _ in range(DECISIONS):
        taken.append(_timed(waiters.release))
        waiters.answer()
        waiters.wait()
    return taken


async def desk_decisions(count: int) -> list[float]:
    """Seconds for each of some decisions which desk a caller gets who comes as so many are free."""
    waiters = _Waiters(count)
    taken = []
    for _ in range(DECISIONS):
        taken.append(_timed(waiters.wait))
        waiters.answer()
        waiters.release()
    return taken
