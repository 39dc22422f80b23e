"""What was measured, on the terminal, as JSON, and in ``docs/benchmark.md``."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

from scripts.measure.figures import Goal, Section, Spread, Table
from scripts.measure.options import Options, whole

DOCS: Final = Path(__file__).parents[2] / "docs"
FILE: Final = DOCS / "benchmark.json"
PAGE: Final = DOCS / "benchmark.md"
_NOT_MEASURED: Final = (":!docs/benchmark.md", ":!docs/benchmark.json")
"""Each section that is kept changes them."""

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


def commit(root: Path = DOCS.parent) -> str | None:
    """The commit that is measured, and whether files differ from it; None outside of a git checkout."""
    try:
        head = _git(root, "rev-parse", "--short", "HEAD")
        changed = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *_NOT_MEASURED)
    except (OSError, subprocess.CalledProcessError):  # no git; no checkout
        return None
    return f"{head} with changes" if changed else head


def _git(root: Path, *words: str) -> str:
    command = ["git", "-C", str(root), *words]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


def result(section: Section, options: Options, commit: str | None, stolen: float = 0.0) -> dict[str, Any]:
    """All of it for JSON, with the machine, the time, the commit and what was asked for.

    ``stolen`` is the share of the processors' time that others on the machine's host had meanwhile.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    of = {"commit": commit} if commit else {}
    return {
        "machine": machine(),
        "at": now,
        **of,
        "stolen": round(stolen, 4),
        "options": options.data(),
        **section.data(),
    }


def keep(results: dict[str, Any]) -> None:
    """Put these results, by their sections' names, in the place of the last ones in ``docs/``; the others stay."""
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    kept |= json.loads(json.dumps(results))  # as the others are: out of JSON
    FILE.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{''.join(_markdown(kept))}{END}{after}", encoding="utf-8")


def _markdown(kept: Mapping[str, Any]) -> Iterator[str]:
    for name, each in kept.items():
        commit = f"; commit {each['commit']}" if "commit" in each else ""
        lost = f"; {each['stolen']:.1%} of the processors' time went to others" if each.get("stolen") else ""
        yield f"\n## {name}\n\n{each['machine']}; {each['at']}{commit}{_asked(each)}{lost}\n"
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


def _asked(kept: Mapping[str, Any]) -> str:
    """What was asked for otherwise than a whole run has it."""
    usual = json.loads(json.dumps(whole(print).data()))
    return "".join(
        f"; {name.replace('_', ' ')}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for name, value in kept.get("options", {}).items()
        if usual.get(name) != value
    )


def _figure(data: Any) -> Any:  # noqa: ANN401 - out of JSON
    return Spread(**data) if isinstance(data, dict) else data


def _line(words: Sequence[str]) -> str:
    return f"| {' | '.join(words)} |\n"
