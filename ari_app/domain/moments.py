"""Moments as the journal has them, in numbers."""

from __future__ import annotations

from datetime import datetime


def milliseconds(at: str | None) -> int:
    """Milliseconds since 1970 of an ISO 8601 time; 0 where there is none, or it is damaged: that must stop nothing."""
    try:
        return round(datetime.fromisoformat(at or "").timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0
