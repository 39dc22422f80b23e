"""What a section of the measurements found: tables of figures with their spread, and goals reached or not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure from several rounds: the median, and between what it was."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of these; at least one."""
        each = sorted(values)
        return cls(median(each), each[0], each[-1])

    def __str__(self) -> str:
        """As in a table: ``8.6 (8.2-9.1)``; the median alone where there is nothing between."""
        middle = number(self.median)
        return middle if self.low == self.high else f"{middle} ({number(self.low)}-{number(self.high)})"


def spread(values: Iterable[float]) -> Spread | None:
    """The spread of what there is; None where no round has such a figure: no call was answered."""
    each = [value for value in values if not math.isnan(value)]
    return Spread.of(each) if each else None


Figure: TypeAlias = str | int | float | Spread | None


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be reached, and whether it was in this run."""

    what: str
    goal: str
    measured: str
    is_reached: bool


@dataclass(slots=True)
class Table:
    """Figures by rows; the first column says what each row is of."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[Figure]] = field(default_factory=list)

    def add(self, *figures: Figure) -> None:
        """One more row."""
        self.rows.append(figures)

    def texts(self) -> list[list[str]]:
        """The rows as they are shown."""
        return [[shown(figure) for figure in row] for row in self.rows]


@dataclass(slots=True)
class Section:
    """One part of the measurements."""

    name: str
    tables: list[Table] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)

    def table(self, title: str, *columns: str) -> Table:
        """A new table of this section."""
        self.tables.append(Table(title, columns))
        return self.tables[-1]

    def goal(self, what: str, goal: str, measured: str, *, is_reached: bool) -> None:
        """One more goal."""
        self.goals.append(Goal(what, goal, measured, is_reached))

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def number(value: float) -> str:
    """With three digits or so: 0.023, 1.25, 14.2, 1037."""
    if value == 0 or abs(value) >= 100:  # noqa: PLR2004 - digits
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"  # noqa: PLR2004


def shown(figure: Figure) -> str:
    """A figure as a table has it; nothing where there is none."""
    if figure is None:
        return ""
    return number(figure) if isinstance(figure, float) else str(figure)
