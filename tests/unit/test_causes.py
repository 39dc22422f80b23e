"""Why a desk did not take a call (SOP V.10)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.causes import NotAnswered, why_not_answered

KNOWN = {17: "busy", 21: "busy", 19: "no_answer", 18: "no_answer"}


@pytest.mark.parametrize(("cause", "reason"), KNOWN.items())
def test_known_causes(cause: int, reason: str) -> None:
    assert why_not_answered(cause).value == reason
    assert why_not_answered(cause, rang_out=True).value == reason


@given(st.integers(0, 127).filter(lambda cause: cause not in KNOWN))
def test_what_is_not_known_is_unreachable(cause: int) -> None:
    assert why_not_answered(cause) is NotAnswered.UNREACHABLE


def test_a_time_out_without_a_cause() -> None:
    """asterisk#963"""
    assert why_not_answered(0, rang_out=True) is NotAnswered.NO_ANSWER
    assert why_not_answered(20, rang_out=True) is NotAnswered.UNREACHABLE
