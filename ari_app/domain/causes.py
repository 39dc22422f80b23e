"""Why a desk did not take a call, from Asterisk's hang-up cause (Q.850)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

_BUSY: Final = 17
_NO_USER_RESPONDING: Final = 18
_NO_ANSWER: Final = 19
_REJECTED: Final = 21


class NotAnswered(StrEnum):
    """Why a desk did not take a call (SOP V.10 knows busy and not answering)."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"


UNKNOWN_CAUSE: Final = 0
"""Asterisk did not say, or the leg was found gone when reconciling."""


_HUNG_UP: Final = frozenset({16, _BUSY, _REJECTED, 31})


def hung_up(cause: int) -> bool:
    """Whether somebody put the receiver down; otherwise their telephone or its line died."""
    return cause in _HUNG_UP


def why_not_answered(cause: int, *, rang_out: bool) -> NotAnswered:
    """The reason behind a cause; what is not known counts as unreachable.

    ``rang_out``: the time for ringing was over. The cause alone does not say it: some versions of Asterisk give
    none (asterisk#963), and a phone that refuses at once with 480 (do not disturb) gives the one for no answer.
    """
    if cause in (_BUSY, _REJECTED):
        return NotAnswered.BUSY
    if rang_out and cause in (UNKNOWN_CAUSE, _NO_ANSWER, _NO_USER_RESPONDING):
        return NotAnswered.NO_ANSWER
    return NotAnswered.UNREACHABLE
