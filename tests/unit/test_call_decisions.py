"""The two decisions that are made for every call do not grow with what there is (``scripts/bench --only growth``)."""

from __future__ import annotations

import pytest

from scripts.measure.growth import block_decisions, queue_decisions
from scripts.phones import percentile


def test_blocked_numbers() -> None:
    """A hundred thousand of them, beside none."""
    none, many = (percentile(block_decisions(count), 50) for count in (0, 100_000))
    assert many <= 5 * none


@pytest.mark.anyio
async def test_desks() -> None:
    """Ten times as many desks, with a thousand callers who wait."""
    few, many = [percentile(await queue_decisions(count), 50) for count in (10, 100)]
    assert many <= 5 * few
