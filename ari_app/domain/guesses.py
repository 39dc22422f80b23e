"""Wrong PINs at a desk: what the facts say of them, so that a restart is no way around the lock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ari_app.domain.facts import Record
from ari_app.domain.operators import LoginRefused

WRONG_PINS: Final = 3
"""After so many in a row a desk is locked."""

LOCK_SECONDS: Final = 60

GUESSES: Final = ("operator.refused", "operator.logged_in", "desk.locked")
"""The actions that say what was tried at a desk."""


@dataclass(frozen=True, slots=True)
class Guesses:
    """A desk's wrong PINs since the last right one, and since when it is locked (ISO 8601); None: it is not."""

    wrong: int = 0
    locked_at: str | None = None

    def locked_for(self, now: datetime) -> float:
        """How many seconds the lock still lasts; never more than a whole one, wherever the clock was set to."""
        if self.locked_at is None:
            return 0.0
        try:
            passed = (now - datetime.fromisoformat(self.locked_at)).total_seconds()
        except (ValueError, TypeError):  # a damaged time
            passed = 0.0
        return min(max(0.0, LOCK_SECONDS - passed), LOCK_SECONDS)


def fold_guesses(desks: Mapping[str, Guesses], record: Record) -> dict[str, Guesses]:
    """The desks' guesses after one more record. Other records, and damaged ones, change nothing."""
    desk, reason = record.data.get("desk"), record.data.get("reason")
    if record.action not in GUESSES or not isinstance(desk, str):
        return dict(desks)
    return {**desks, desk: _after(desks.get(desk, Guesses()), record, reason)}


def _after(before: Guesses, record: Record, reason: object) -> Guesses:
    if record.action == "desk.locked":
        return Guesses(locked_at=record.at)
    if record.action == "operator.logged_in":
        # A supervisor's word is no PIN.
        return Guesses() if record.actor.startswith("operator:") else before
    if reason == LoginRefused.WRONG_UNIT:  # the PIN was right
        return Guesses()
    if reason not in (LoginRefused.WRONG_PIN, LoginRefused.UNKNOWN):  # no set: a damaged one may be a list
        return before
    wrong = before.wrong + 1
    # The application may have died before it told the lock.
    return Guesses(locked_at=record.at) if wrong >= WRONG_PINS else Guesses(wrong)
