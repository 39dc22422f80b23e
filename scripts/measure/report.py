"""What was measured, on the terminal, as JSON, and in ``docs/benchmark.md``."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

from scripts.measure.figures import Goal, Section, Spread, Table

DOCS: Final = Path(__file__).parents[2] / "docs"
FILE: Final = DOCS / "benchmark.json"
PAGE: Final = DOCS / "benchmark.md"
BEGIN, END = "<!-- what follows is written by scripts/bench --keep -->", "<!-- up to here -->"


def show(console: Console, section: Section) -> None:
    """Print a section's tables and goals."""
    for table in section.tables:
        rich = RichTable(title=table.title, box=SIMPLE_HEAD, title_justify="left")
        for index, name in enumerate(table.columns):
            rich.add_column(name, justify="right" if index else "left")
        for row in table.texts():
            rich.add_row(*row)
        console.print(rich)
    for goal in section.goals:
        word = "[green]reached[/]" if goal.is_reached else "[red]not reached[/]"
        console.print(f"  {word}  {goal.what}: {goal.measured} (goal: {goal.goal})")


def machine() -> str:
    """What it was measured on, in one line."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    name = model.group(1) if model else platform.machine()
    return (
        f"{os.cpu_count()} cores ({name}), {gib:.0f} GiB, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}"
    )


def results(sections: Sequence[Section]) -> dict[str, Any]:
    """All of it for JSON; each section has the machine and the time with it."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {each.name: {"machine": machine(), "at": now, **each.data()} for each in sections}


def keep(sections: Sequence[Section]) -> None:
    """Put these sections in the place of their last results in ``docs/``; the others stay."""
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    kept |= results(sections)
    FILE.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{''.join(_markdown(kept))}{END}{after}", encoding="utf-8")


def _markdown(kept: Mapping[str, Any]) -> Iterator[str]:
    for name, each in kept.items():
        yield f"\n## {name}\n\n{each['machine']}; {each['at']}\n"
        for table in each["tables"]:
            read = Table(table["title"], table["columns"], [[_figure(one) for one in row] for row in table["rows"]])
            yield f"\n{read.title}:\n\n"
            yield _line(read.columns) + _line(["---", *["---:"] * (len(read.columns) - 1)])
            yield from map(_line, read.texts())
        goals = [Goal(**goal) for goal in each["goals"]]
        if goals:
            yield "\n" + _line(["to reach", "goal", "measured", ""]) + _line(["---"] * 4)
        for goal in goals:
            yield _line([goal.what, goal.goal, goal.measured, "reached" if goal.is_reached else "**not reached**"])


def _figure(data: Any) -> Any:  # noqa: ANN401 - out of JSON
    return Spread(**data) if isinstance(data, dict) else data


def _line(words: Sequence[str]) -> str:
    return f"| {' | '.join(words)} |\n"
