"""What blocked callers may say by key: that it is an emergency (SOP VIII)."""

from __future__ import annotations

from typing import Final

CLAIM_SECONDS: Final = 3600.0
"""Once an hour a blocked number is believed that it is an emergency."""


class Claims:
    """When each blocked number last said that it is an emergency; forgotten after an hour."""

    def __init__(self) -> None:
        """Nobody has."""
        self._at: dict[str, float] = {}

    def allow(self, number: str, moment: float) -> bool:
        """Whether a number is believed at this moment, in seconds of a clock that only goes forward."""
        self._at = {each: at for each, at in self._at.items() if moment - at < CLAIM_SECONDS}
        return self._at.setdefault(number, moment) == moment
