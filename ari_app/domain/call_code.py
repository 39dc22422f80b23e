"""The code with which an officer has an operator rung, put together from the keys of their radio (SOP VII.d)."""

from __future__ import annotations

from typing import Final

DIGIT_SECONDS: Final = 4.0
"""The longest pause between two digits of the code."""


class CallCode:
    """Reads one net's keys for its code. Times are seconds of a clock that only goes forward."""

    def __init__(self, code: str) -> None:
        """Nothing has been pressed; an empty ``code`` is never complete."""
        self._code = code
        self._pressed = ""
        self._at = 0.0

    def press(self, digit: str, now: float) -> bool:
        """One more digit; whether it completes the code.

        What was pressed before the code does no harm: keys get lost on the air, and whoever has mistyped begins anew.
        """
        if not self._code:
            return False
        kept = self._pressed if now - self._at <= DIGIT_SECONDS else ""
        self._pressed, self._at = (kept + digit)[-len(self._code) :], now
        if self._pressed != self._code:
            return False
        self._pressed = ""
        return True
