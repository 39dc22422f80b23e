"""What a desk phone's display says of the caller (SOP V.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.display import Shown, shown_caller


@pytest.mark.parametrize(
    ("number", "pranks", "is_emergency", "is_blocked", "name"),
    [
        ("081234567890", 0, False, False, "081234567890"),
        ("081234567890", 3, False, False, "081234567890 P3"),
        ("081234567890", 3, True, False, "DARURAT 081234567890 P3"),
        ("081234567890", 5, False, True, "BLOKIR 081234567890 P5"),
        ("081234567890", 5, True, True, "DARURAT 081234567890 P5"),
        ("", 0, False, False, "Anonim"),
        ("", 0, True, False, "DARURAT Anonim"),
    ],
)
def test_state_number_and_marks(number: str, pranks: int, is_emergency: bool, is_blocked: bool, name: str) -> None:  # noqa: FBT001 - drawn
    shown = shown_caller(number, pranks=pranks, is_emergency=is_emergency, is_blocked=is_blocked)
    assert shown == Shown(name, number or "anonymous")


@given(st.from_regex(r"\+?[0-9]{0,15}", fullmatch=True), st.integers(0, 99), st.booleans(), st.booleans())
def test_a_display_is_never_empty_and_fits(number: str, pranks: int, is_emergency: bool, is_blocked: bool) -> None:  # noqa: FBT001 - drawn
    shown = shown_caller(number, pranks=pranks, is_emergency=is_emergency, is_blocked=is_blocked)
    assert shown.name == shown.name.strip()
    assert shown.name
    assert shown.number
    assert len(shown.name) <= 32
    assert shown.name.isascii()
