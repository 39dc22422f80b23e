"""The days, shifts and months of a report, at the site's own time, whatever its time zone does with its clocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class ShiftHours:
    """A shift: from one time of day to another one, of the next day where that is not later."""

    name: str
    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class Period:
    """From a moment on until before another one. ``kind`` is day, shift or month; ``day`` its first day."""

    kind: str
    day: date
    begins: datetime
    ends: datetime
    shift: str | None = None

    def runs(self, now: datetime) -> bool:
        """Whether it is not over yet."""
        return self.begins <= now < self.ends


def a_day(day: date, zone: ZoneInfo) -> Period:
    """A day at the site."""
    return Period("day", day, _at(day, time(), zone), _at(day + timedelta(days=1), time(), zone))


def a_month(day: date, zone: ZoneInfo) -> Period:
    """The month in which a day is."""
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return Period("month", first, _at(first, time(), zone), _at(following, time(), zone))


def a_shift(day: date, hours: ShiftHours, zone: ZoneInfo) -> Period:
    """The shift that began on a day; over midnight it belongs to that day all the same."""
    last = day if hours.ends > hours.begins else day + timedelta(days=1)
    return Period("shift", day, _at(day, hours.begins, zone), _at(last, hours.ends, zone), hours.name)


def last_begun(now: datetime, shifts: Sequence[ShiftHours], zone: ZoneInfo) -> Period:
    """Of these shifts the one that began last."""
    today = now.astimezone(zone).date()
    days = (today, today - timedelta(days=1))
    begun = [each for day in days for hours in shifts if (each := a_shift(day, hours, zone)).begins <= now]
    return max(begun, key=lambda period: period.begins)


def _at(day: date, moment: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, moment, zone)
