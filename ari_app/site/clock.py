"""The site's time, as it is published."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


class SiteClock:
    """The site's time."""

    def __init__(self, timezone: str) -> None:
        """``timezone`` is an IANA name."""
        self._zone = ZoneInfo(timezone)

    def now(self) -> str:
        """ISO 8601 with milliseconds and the site's offset, as the journal has it."""
        return datetime.now(self._zone).isoformat(timespec="milliseconds")

    def today(self) -> str:
        """The date."""
        return self.now()[:10]
