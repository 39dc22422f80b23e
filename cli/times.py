"""Times as they are entered: the site's own, unless they say otherwise."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import typer

from cli.language import tr

FORMS = "2025-01-31, 2025-01-31T08:00 or with an offset; without one it is the site's time"

_A_DATE: Final = 10
"""Characters of a date that stands alone."""


def entered_time(option: str, text: str | None, zone: ZoneInfo, *, whole_day: bool = False) -> datetime | None:
    """The moment that an option says; None: it was left out. ``whole_day``: a date alone is the end of that day.

    Raises:
        typer.BadParameter: it is none.
    """
    if text is None:
        return None
    try:
        given = datetime.fromisoformat(text)
        if whole_day and len(text) <= _A_DATE:
            given += timedelta(days=1)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            tr("'{text}' is not a time such as {forms}", text=text, forms=tr(FORMS)), param_hint=f"'{option}'"
        ) from None
    return given if given.tzinfo is not None else given.replace(tzinfo=zone)


def entered_ms(option: str, text: str | None, zone: ZoneInfo, *, whole_day: bool = False) -> int | None:
    """The same in ms since 1970."""
    given = entered_time(option, text, zone, whole_day=whole_day)
    return None if given is None else as_ms(given)


def midnight(timezone: str) -> datetime:
    """When today began at the site."""
    zone = ZoneInfo(timezone)
    return datetime.combine(datetime.now(zone).date(), time(), zone)


def as_ms(moment: datetime) -> int:
    """Ms since 1970."""
    return round(moment.timestamp() * 1000)
