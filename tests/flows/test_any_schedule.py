"""Whatever callers, desks, delays and troubles do: every story is complete, nothing is left, nobody is wronged."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from random import Random
from typing import get_args

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.ari.errors import AriError
from ari_app.domain.commands import CommandRefused
from ari_app.flows.orders import ANSWER_SECONDS
from tests.flows.fake_asterisk import BUSY, REJECTED, Lags, Trouble
from tests.flows.floor import RULES, Floor, floor
from tests.flows.office import give
from tests.flows.second_witness import differences
from tests.flows.virtual_time import BACKEND

DESKS = ("1001", "1002", "1003", "2011", "2012", "2021")
CODES = (
    "*5", "*6", "*7", "*8", "*9", "*0", "*4", "*201#", "*202#", "*299#", "##", "*11002#", "*12011#", "*19999#",
    "*1#", "*3#", "7", "*2",
)  # fmt: skip
DIALLED = (
    ("service", "*12"), ("service", "*131"), ("service", "*14"), ("colleague", "1002"), ("colleague", "201"),
)  # fmt: skip
LAGS = (0.0, 0.0005, 0.001, 0.003, 0.02, 0.35)  # two of them are less than the 0.8 s of an offer
PAUSES = (0.0, 0.0005, 0.001, 0.002, 0.004, 0.01, 0.1, 1.0, 5.0, 13.0)
COMMANDS = (
    "claim", "ring", "subscribe", "answer", "hangup",
    "create_bridge", "add_to_bridge", "destroy_bridge", "back_to_dialplan", "play", "stop_playing", "show",
    "mark", "snoop",
)  # fmt: skip
ORDERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("calls.transfer", {"polres": "01"}), ("calls.take_back", {}), ("calls.hold", {}), ("calls.resume", {}),
    ("calls.hangup", {"reason": "salah sambung"}), ("calls.classify", {"kind": "emergency"}),
    ("calls.classify", {"kind": "prank"}), ("monitor.listen", {"desk": "1003"}), ("monitor.whisper", {"desk": "2012"}),
    ("monitor.barge", {"desk": "1002"}),
)  # fmt: skip

_desk = st.sampled_from(DESKS)
_number = st.integers(0, 5)
_step = st.one_of(
    st.tuples(st.just("call")),
    st.tuples(st.just("caller_hangs_up"), _number),
    st.tuples(st.just("desk_answers"), _desk),
    st.tuples(st.just("desk_hangs_up"), _desk, st.sampled_from((16, BUSY, REJECTED))),
    st.tuples(
        st.just("register"),
        _desk,
        st.sampled_from((None, 0.0, 0.002, 0.5, 11.99, 12.0)),
        st.sampled_from((None, None, None, BUSY, 20)),
    ),
    st.tuples(st.just("unregister"), _desk),
    st.tuples(st.just("press"), _desk, st.sampled_from(CODES)),
    st.tuples(st.just("press"), _desk, st.sampled_from(CODES)),
    st.tuples(st.just("hold_key"), _desk, st.booleans()),
    st.tuples(st.just("refer"), _desk),
    st.tuples(st.just("phone_dies"), _desk),
    st.tuples(st.just("dial"), _desk, st.sampled_from(DIALLED)),
    st.tuples(st.just("order"), _number, st.sampled_from(ORDERS)),
)  # fmt: skip
_faults = st.one_of(
    st.tuples(st.just("trouble"), st.sampled_from(COMMANDS), st.sampled_from(get_args(Trouble))),
    st.tuples(st.just("lose_link")),
    st.tuples(st.just("restore_link")),
    st.tuples(st.just("kill")),
)
_pause = st.sampled_from(PAUSES)
Step = tuple[object, ...]
Schedule = list[tuple[Step, float]]


def _lags(seed: int) -> Lags:
    random = Random(seed)

    def lag() -> float:
        return random.choice(LAGS[: 1 + random.choice((2, 3, 4, 5))])

    return Lags(lag, lag, lag)


class _World:
    """Does what a schedule says, and knows which calls there have been."""

    def __init__(self, here: Floor) -> None:
        self.here = here
        self.calls: list[str] = []

    async def do(self, step: Step) -> None:
        name, *arguments = step
        asterisk = self.here.asterisk
        match name, arguments:
            case "call", []:
                self.calls.append(asterisk.call())
            case "caller_hangs_up", [int(number)]:
                if self.calls:
                    asterisk.caller_hangs_up(self.calls[number % len(self.calls)])
            case "register", [str(desk), answers, refuses]:
                asterisk.register(desk, answers_after=answers, refuses=refuses)  # type: ignore[arg-type]  # as drawn
            case "trouble", [str(command), trouble]:
                asterisk.trouble.setdefault(command, []).append(trouble)  # type: ignore[arg-type]  # as drawn
            case "order", [int(number), (str(order), dict(more))]:
                self._give(number, order, more)
            case "lose_link", []:
                self.here.lose_link()
            case "restore_link", []:
                await self.reconnect()
            case "kill", []:
                self.here.kill()
                await self.reconnect()
            case _:
                self._at_a_desk(name, arguments)

    def _give(self, number: int, name: str, more: dict[str, str]) -> None:
        if self.calls and self.here.app is not None:
            self.here.app.tasks.start_soon(self._order, name, self.calls[number % len(self.calls)], more)

    async def _order(self, name: str, call: str, more: dict[str, str]) -> None:
        """A supervisor's order; whatever comes of it, there is an answer in time."""
        began = anyio.current_time()
        with suppress(CommandRefused):
            await give(self.here, name, call, **more)
        if anyio.current_time() - began > ANSWER_SECONDS + 0.1:
            self.here.asterisk.wrongs.append(f"{call}: {name} was answered late")

    def _at_a_desk(self, name: object, arguments: list[object]) -> None:
        asterisk = self.here.asterisk
        match name, arguments:
            case "hold_key", [str(desk), bool(on)]:
                asterisk.hold_key(desk, on=on)
            case "dial", [str(desk), (str(kind), str(dialled))]:
                asterisk.dial(desk, kind, dialled)
            case _:
                doing: Callable[..., object] = getattr(asterisk, str(name))
                doing(*arguments)

    async def reconnect(self) -> None:
        """As ``EventStream`` does it: a reconnect that fails is tried again."""
        while True:
            try:
                if self.here.app is None:
                    await self.here.start()
                else:
                    await self.here.restore_link()
            except AriError:
                await anyio.sleep(0.05)
            else:
                return

    async def everybody_goes_home(self) -> None:
        """No more trouble; callers hang up; and whoever is still at a desk does too."""
        asterisk = self.here.asterisk
        asterisk.trouble.clear()
        await self.reconnect()
        for call in self.calls:
            asterisk.caller_hangs_up(call)
        await anyio.sleep(20)
        for desk in DESKS:
            asterisk.desk_hangs_up(desk)


async def _play(schedule: Schedule, seed: int, *, watches_silence: bool = True) -> Floor:
    async with floor(*DESKS, lags=_lags(seed), rules=replace(RULES, wrap_up=1.0)) as here:
        here.asterisk.watches_silence = watches_silence
        here.asterisk.longest_silence = 6 * max(LAGS)  # three orders there and back
        here.asterisk.caller_enters_after = Random(seed).choice(LAGS)
        world = _World(here)
        for step, pause in schedule:
            await world.do(step)
            await anyio.sleep(pause)
        await world.everybody_goes_home()
        await here.quiet(seconds=60)
    return here


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(_step, _pause), min_size=4, max_size=30), st.integers(0, 2**32))
def test_any_schedule(schedule: Schedule, seed: int) -> None:
    """Without troubles nothing is ever lost or given back."""
    here = anyio.run(_play, schedule, seed, backend=BACKEND[0], backend_options=BACKEND[1])
    actions = {fact.action for fact in here.journal}
    assert "call.fallback" not in actions
    assert here.asterisk.entered <= {fact.call for fact in here.journal}, "a call that was ours has no story"
    assert {fact.data["outcome"] for fact in here.journal if fact.action == "call.ended"} <= {"answered", "abandoned"}
    assert differences(here, DESKS) == []


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(st.one_of(_step, _step, _faults), _pause), min_size=4, max_size=30), st.integers(0, 2**32))
def test_any_schedule_with_faults(schedule: Schedule, seed: int) -> None:
    """With commands that fail, links that break and applications that die."""
    play = partial(_play, watches_silence=False)  # what becomes of a lost order is heard until it is noticed
    here = anyio.run(play, schedule, seed, backend=BACKEND[0], backend_options=BACKEND[1])
    outcomes = {fact.data["outcome"] for fact in here.journal if fact.action == "call.ended"}
    assert outcomes <= {"answered", "abandoned", "lost"}


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(("caller", "desk", "both")),
    st.sampled_from(PAUSES[:7]),
    st.sampled_from(PAUSES[:7]),
    st.integers(0, 2**32),
)
def test_any_moment_of_hanging_up(who: str, answer: float, hang_up: float, seed: int) -> None:
    """One call, one desk, and every distance between answering and hanging up."""
    schedule: Schedule = [(("register", "1001", None, None), 0.1), (("call",), answer)]
    schedule.append((("desk_answers", "1001"), hang_up))
    if who in ("caller", "both"):
        schedule.append((("caller_hangs_up", 0), 0.0))
    if who in ("desk", "both"):
        schedule.append((("desk_hangs_up", "1001", 16), 0.0))
    here = anyio.run(_play, schedule, seed, backend=BACKEND[0], backend_options=BACKEND[1])
    assert differences(here, DESKS) == []
