"""What is decided and kept for every call does not grow with what there is (``scripts/bench --only growth``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.measure.growth import block_decisions, desk_decisions, queue_decisions, told_calls
from scripts.phones import percentile

pytestmark = pytest.mark.alone


def test_blocked_numbers() -> None:
    """A hundred thousand of them, beside none."""
    none, many = (percentile(block_decisions(count), 50) for count in (0, 100_000))
    assert many <= 5 * none


@pytest.mark.anyio
async def test_desks() -> None:
    """Ten times as many desks and again, with a thousand callers who wait."""
    few, many, most = [percentile(await queue_decisions(count), 50) for count in (10, 100, 1000)]
    assert many <= 5 * few
    assert most <= 5 * few


@pytest.mark.anyio
async def test_free_desks() -> None:
    """Each of them is looked at, once for a caller: a thousand cost 15 to 35 times as much as ten do."""
    few, many, most = [percentile(await desk_decisions(count), 50) for count in (10, 100, 1000)]
    assert many <= 6 * few
    assert most <= 100 * few


def test_calls_in_the_database(tmp_path: Path) -> None:
    """Ten thousand, beside none. A statement that looks at each of them would be half as much again."""
    none, many = told_calls((0, 10_000), tmp_path).values()
    assert percentile([full / empty for empty, full in zip(none, many, strict=True)], 50) <= 1.25
