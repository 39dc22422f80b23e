"""What may look at the wall clock, and what a clock that jumps does to the journal: nothing but odd times."""

from __future__ import annotations

import ast
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ari_app.domain.facts import Fact
from ari_app.store.journal import read, verify
from tests.unit.conftest import OpenJournal

REPO = Path(__file__).parents[2]

MAY_LOOK = {
    "ari_app/assembly.py": "the date of tickets; how long a lock of a desk still lasts at a start, a minute at most",
    "ari_app/flows/blocking.py": "since when a number is blocked, in days",
    "ari_app/flows/emergency.py": "good morning, or good evening",
    "ari_app/flows/recovery.py": "for how long a caller has waited whom an application before us had: their place",
    "ari_app/logs.py": "the moment of a log's line",
    "ari_app/site/clock.py": "the moment that is published with a status, and the day whose figures are",
    "ari_app/site/room.py": "how old a mark is, a file's time as the dialplan sees it: it holds for minutes at most",
    "ari_app/store/hourly.py": "the moment that is written beside a comparison",
    "ari_app/store/journal.py": "the moment that is written down",
    "ari_app/store/living.py": "which calls may have begun within a day, beside the journal's own last lines",
    "ari_app/store/notes.py": "how old a note of the dialplan's is: it only shortens a wait",
}
"""Everything else goes by a clock that only goes forward."""


def looks_at_the_clock(source: str) -> bool:
    """Whether it names ``time.time``, or ``now``, ``utcnow`` or ``today`` of a date."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in {("time", "time"), ("time", "time_ns")}:
                return True
            if node.value.id in {"datetime", "date"} and node.attr in {"now", "utcnow", "today"}:
                return True
        if isinstance(node, ast.ImportFrom) and node.module == "time" and any(n.name == "time" for n in node.names):
            return True
    return False


def test_who_looks_at_the_wall_clock() -> None:
    files = {str(path.relative_to(REPO)): path for path in (REPO / "ari_app").rglob("*.py")}
    found = {name for name, path in files.items() if looks_at_the_clock(path.read_text(encoding="utf-8"))}
    assert found - MAY_LOOK.keys() == set()


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
def test_the_journals_order_is_its_numbers(
    open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    one, real = open_journal(), time.time
    for number in range(5):
        one.append(Fact("system", "x.y", "c", {"n": number}))
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    for number in range(5, 10):
        one.append(Fact("system", "x.y", "c", {"n": number}))
    one.append(Fact("system", "x.z", at=datetime.now(UTC) - timedelta(days=1)))
    assert one.flush()
    records = list(read(path))
    assert [record.data.get("n") for record in records[:10]] == list(range(10))
    at = [datetime.fromisoformat(record.at) for record in records]
    assert (at[5] - at[4]).total_seconds() == pytest.approx(jump, abs=60)
    assert verify(path).ok
