"""Why a desk did not take a call (SOP V.10)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.causes import NotAnswered, hung_up, why_not_answered

REFUSED = {17: "busy", 21: "busy", 19: "unreachable", 18: "unreachable"}
RANG_OUT = {17: "busy", 21: "busy", 19: "no_answer", 18: "no_answer", 0: "no_answer"}


@pytest.mark.parametrize(("cause", "reason"), REFUSED.items())
def test_before_the_time_is_over(cause: int, reason: str) -> None:
    """A phone that says at once that nobody answers (480, do not disturb) cannot be reached."""
    assert why_not_answered(cause, rang_out=False).value == reason


@pytest.mark.parametrize(("cause", "reason"), RANG_OUT.items())
def test_when_the_time_is_over(cause: int, reason: str) -> None:
    """Without a cause too: asterisk#963."""
    assert why_not_answered(cause, rang_out=True).value == reason


@given(st.integers(0, 127), st.booleans())
def test_what_is_not_known_is_unreachable(cause: int, rang_out: bool) -> None:  # noqa: FBT001 - Hypothesis draws it
    if cause not in (RANG_OUT if rang_out else REFUSED):
        assert why_not_answered(cause, rang_out=rang_out) is NotAnswered.UNREACHABLE


@pytest.mark.parametrize(
    ("cause", "is_goodbye"),
    [(16, True), (17, True), (21, True), (31, True), (0, False), (27, False), (38, False), (41, False)],
)
def test_a_receiver_put_down_and_a_telephone_that_died(cause: int, is_goodbye: bool) -> None:  # noqa: FBT001 - drawn
    """Who puts the receiver down ends the call; whose phone dies sends the caller back to the queue."""
    assert hung_up(cause) is is_goodbye
