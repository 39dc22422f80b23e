"""What a period's calls come to: the figures of a report, each with the calls behind it (docs/reports.md).

A call belongs to the period in which it was received, with all that happened in it, whenever that was. Times are ms
since 1970, lengths of time ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from ari_app.domain.blocklist import BLOCKED, UNBLOCKED, Reason

_Item = TypeVar("_Item")

PROMPT_MS: Final = (10_000, 15_000, 20_000)
"""Within these times a call is to be answered (SOP VI "Angkat telepon yang masuk dengan sigap")."""

_LIMITS_MS: Final = (5_000, 10_000, 15_000, 20_000, 30_000)
ANSWER_TIMES: Final = ("0-5", "5-10", "10-15", "15-20", "20-30", "30+")
"""Into which waiting times answered calls fall, in seconds; the last one of each is in it."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A call as a report looks at it; ``hour`` is the site's hour and ``day`` its date when it was received."""

    id: str
    received_ms: int
    day: str
    hour: int
    answered_ms: int | None = None
    operator: str | None = None
    desk: str | None = None
    kind: str | None = None
    outcome: str | None = None
    is_blocked: bool = False
    is_marked: bool = False
    emergency_ms: int | None = None
    contact_ms: int | None = None

    @property
    def waited_ms(self) -> int | None:
        """From the first ring to an operator's answer; None: nobody answered."""
        return None if self.answered_ms is None else max(0, self.answered_ms - self.received_ms)

    @property
    def told_after_ms(self) -> int | None:
        """From the emergency mark until a radio net or a Polres knew; 0: one did before. None: none did, or no mark."""
        if self.emergency_ms is None or self.contact_ms is None:
            return None
        return max(0, self.contact_ms - self.emergency_ms)


@dataclass(frozen=True, slots=True)
class Moved:
    """A transfer to a Polres; ``result`` as ``domain.transfers`` has it, ``ms`` how long it took until then."""

    call: str
    polres: str
    result: str | None
    ms: int | None


@dataclass(frozen=True, slots=True)
class NumberDone:
    """Numbers that were blocked or unblocked, and why; ``call`` where it was done in one, which is one number."""

    action: str
    reason: str | None
    call: str | None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. ``value`` is a number of calls (or of what its ``unit`` says), seconds, or None: there is none.

    ``unit`` is ``calls``, ``transfers``, ``numbers`` or ``seconds``; ``calls`` are the ids of the calls behind it.
    """

    name: str
    value: float | None
    unit: str
    calls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a report's table: a Polres or an operator (``key``), and its figures by their short names."""

    key: str
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Report:
    """All of it: a summary by the figures' names, the tables, and what the charts are drawn from, in order.

    ``hours`` are the 24 of a day, ``days`` those on which somebody called, ``answer_times`` how long callers waited.
    """

    summary: Mapping[str, Figure]
    polres: Sequence[Line] = ()
    operators: Sequence[Line] = ()
    hours: Sequence[Figure] = ()
    days: Sequence[Figure] = ()
    answer_times: Sequence[Figure] = ()

    @property
    def figures(self) -> dict[str, Figure]:
        """Every figure by its name."""
        lines = (figure for line in (*self.polres, *self.operators) for figure in line.figures.values())
        others = (*lines, *self.hours, *self.days, *self.answer_times)
        return {**self.summary, **{figure.name: figure for figure in others}}


def make_report(calls: Sequence[Taken], transfers: Iterable[Moved], numbers: Iterable[NumberDone]) -> Report:
    """The report of these calls, their transfers, and what was done with numbers in the period."""
    moved, done = list(transfers), list(numbers)
    figures = {
        figure.name: figure
        for figure in (*_of_calls(calls), *_of_transfers("", moved), *_of_emergencies(calls), *_of_numbers(calls, done))
    }
    return Report(
        figures,
        polres=[Line(code, _short(code, _of_transfers(f"polres.{code}.", some))) for code, some in _by(moved, _polres)],
        operators=[Line(key, _short(key, _of_operator(f"{key}.", some))) for key, some in _by(calls, _taker)],
        hours=_parts("hour", ((f"{call.hour:02d}", call) for call in calls), [f"{hour:02d}" for hour in range(24)]),
        days=_parts("day", ((call.day, call) for call in calls)),
        answer_times=_parts("answer_time", _by_wait(calls), ANSWER_TIMES),
    )


def _of_calls(calls: Sequence[Taken]) -> Iterable[Figure]:
    answered = [call for call in calls if call.answered_ms is not None]
    missed = [call for call in calls if call.answered_ms is None]
    yield _count("offered", calls)
    yield _count("answered", answered)
    for within in PROMPT_MS:
        yield _count(f"answered_{within // 1000}", (call for call in answered if (call.waited_ms or 0) <= within))
    yield from _waits("", answered)
    yield _count("fallback", (call for call in answered if call.outcome == "fallback"))
    yield _count("abandoned", (call for call in missed if call.outcome == "abandoned"))
    yield _count("turned_away", (call for call in missed if call.outcome == "turned_away"))
    yield _count("lost", (call for call in missed if call.outcome not in {"abandoned", "turned_away", None}))
    yield _count("waiting", (call for call in missed if call.outcome is None))
    yield from _kinds("", answered)


def _kinds(name: str, calls: Sequence[Taken]) -> Iterable[Figure]:
    for kind in ("valid", "not_valid", "prank"):
        yield _count(f"{name}{kind}", (call for call in calls if call.kind == kind))
    yield _count(f"{name}not_classified", (call for call in calls if call.kind is None))


def _waits(name: str, answered: Sequence[Taken]) -> Iterable[Figure]:
    waits = sorted(((call.waited_ms or 0, call.id) for call in answered), reverse=True)
    longest = waits[: -(-len(waits) // 10)]
    yield _mean(f"{name}wait_mean", waits)
    yield _mean(f"{name}wait_longest_tenth", longest)


def _of_transfers(name: str, moved: Sequence[Moved]) -> Iterable[Figure]:
    answered = [each for each in moved if each.result == "answered"]
    back = [each for each in moved if each.result == "taken_back"]
    others = [each for each in moved if each.result not in {"answered", "taken_back"}]
    for what, some in (
        ("transfers", moved),
        ("transfers_answered", answered),
        ("transfers_taken_back", back),
        ("transfers_other", others),
    ):
        yield Figure(name + what, len(some), "transfers", tuple(each.call for each in some))
    yield _mean(f"{name}transfer_mean", [(each.ms or 0, each.call) for each in answered])


def _of_emergencies(calls: Sequence[Taken]) -> Iterable[Figure]:
    marked = [call for call in calls if call.emergency_ms is not None]
    told = sorted(((each.told_after_ms, each.id) for each in marked if each.told_after_ms is not None), reverse=True)
    yield _count("emergencies", marked)
    yield Figure("emergencies_told", len(told), "calls", tuple(call for _, call in told))
    yield _count("emergencies_not_told", (call for call in marked if call.contact_ms is None))
    yield _mean("emergency_mean", told)
    yield _mean("emergency_longest", told[:1])


def _of_numbers(calls: Sequence[Taken], done: Sequence[NumberDone]) -> Iterable[Figure]:
    yield _count("prank_marks", (call for call in calls if call.is_marked))
    yield _count("blocked_calls", (call for call in calls if call.is_blocked))
    blocked = [each for each in done if each.action == BLOCKED]
    yield _numbers("numbers_blocked", blocked)
    yield _numbers("numbers_blocked_by_pranks", (each for each in blocked if each.reason == Reason.PRANKS))
    yield _numbers("numbers_unblocked", (each for each in done if each.action == UNBLOCKED))


def _of_operator(name: str, calls: Sequence[Taken]) -> Iterable[Figure]:
    yield _count(f"{name}answered", calls)
    yield _count(f"{name}answered_10", (call for call in calls if (call.waited_ms or 0) <= PROMPT_MS[0]))
    yield from _waits(name, calls)
    yield from _kinds(name, calls)
    yield _count(f"{name}emergencies", (call for call in calls if call.emergency_ms is not None))


def _count(name: str, calls: Iterable[Taken]) -> Figure:
    ids = tuple(call.id for call in calls)
    return Figure(name, len(ids), "calls", ids)


def _numbers(name: str, done: Iterable[NumberDone]) -> Figure:
    some = list(done)
    calls = tuple(each.call for each in some if each.call is not None)
    return Figure(name, sum(each.count for each in some), "numbers", calls)


def _mean(name: str, lengths: Sequence[tuple[int, str]]) -> Figure:
    value = round(sum(ms for ms, _ in lengths) / len(lengths) / 1000, 2) if lengths else None
    return Figure(name, value, "seconds", tuple(call for _, call in lengths))


def _polres(moved: Moved) -> str | None:
    return moved.polres


def _taker(call: Taken) -> str | None:
    """Who answered; a desk where nobody was logged in, or the application was away."""
    if call.answered_ms is None:
        return None
    return f"operator.{call.operator}" if call.operator is not None else f"desk.{call.desk}"


def _by(items: Iterable[_Item], key: Callable[[_Item], str | None]) -> list[tuple[str, list[_Item]]]:
    """The items by a key, in its order; those without one are left out."""
    found: dict[str, list[_Item]] = {}
    for item in items:
        if (of := key(item)) is not None:
            found.setdefault(of, []).append(item)
    return sorted(found.items())


def _short(key: str, figures: Iterable[Figure]) -> dict[str, Figure]:
    return {figure.name.rpartition(f"{key}.")[2]: figure for figure in figures}


def _parts(name: str, calls: Iterable[tuple[str, Taken]], parts: Sequence[str] = ()) -> list[Figure]:
    """A figure for each part into which the calls fall: of the given ones also those without a call."""
    found: dict[str, list[Taken]] = {part: [] for part in parts}
    for part, call in calls:
        found.setdefault(part, []).append(call)
    return [_count(f"{name}.{part}", some) for part, some in found.items()]


def _by_wait(calls: Iterable[Taken]) -> Iterable[tuple[str, Taken]]:
    for call in calls:
        if (waited := call.waited_ms) is not None:
            place = sum(1 for limit in _LIMITS_MS if waited > limit)
            yield ANSWER_TIMES[place], call
