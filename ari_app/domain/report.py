"""What a period's calls come to: the figures of a report, each with the calls behind it (docs/reports.md).

A call belongs to the period in which it was received, with all that happened in it, whenever that was. Times are ms
since 1970, lengths of time ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

PROMPT_MS: Final = (10_000, 15_000, 20_000)
"""Within these times a call is to be answered (SOP VI "Angkat telepon yang masuk dengan sigap")."""


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
    """All of it. ``figures`` has every figure by its name, those of the tables as well."""

    summary: Mapping[str, Figure]
    polres: Sequence[Line] = ()
    operators: Sequence[Line] = ()
    by_hour: Sequence[int] = ()
    by_day: Mapping[str, int] = field(default_factory=dict)
    answer_times: Mapping[str, int] = field(default_factory=dict)

    @property
    def figures(self) -> dict[str, Figure]:
        """Every figure by its name."""
        lines = (figure for line in (*self.polres, *self.operators) for figure in line.figures.values())
        return {**self.summary, **{figure.name: figure for figure in lines}}


def mean_of_longest_tenth(lengths: Iterable[float]) -> float | None:
    """The mean of the longest tenth of these, rounded up to whole ones; None: there are none."""
    ordered = sorted(lengths, reverse=True)
    longest = ordered[: -(-len(ordered) // 10)]
    return sum(longest) / len(longest) if longest else None
