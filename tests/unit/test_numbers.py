"""Numbers, written one way, and no caller lost for the sake of one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.domain.numbers import _valid, e164


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("081234567890", "+6281234567890"),
        ("0812-3456-7890", "+6281234567890"),
        ("+6281234567890", "+6281234567890"),
        ("6281234567890", "+6281234567890"),
        ("0614567890", "+62614567890"),
        ("+6590123456", "+6590123456"),
        ("110", "110"),
        ("1500", "1500"),
        ("", None),
        ("anonymous", None),
        ("+", None),
        ("0", None),
        ("1", None),
        ("+62", None),
        ("00", None),
        ("000", None),
        ("0000000000", None),
        ("+0000000", None),
        ("0-0-0-0", None),
        ("100", "100"),
        ("0001", "0001"),
    ],
)
def test_known_numbers(number: str, expected: str | None) -> None:
    assert e164(number, "ID") == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("4567890", "+62614567890"),
        ("456-7890", "+62614567890"),
        ("62812345", "+626162812345"),
        ("+4567890", "4567890"),
        ("14045", "14045"),
        ("110", "110"),
        ("1500", "1500"),
        ("45678", "+626145678"),
        ("4567", "4567"),
        ("081234567890", "+6281234567890"),
        ("0214567890", "+62214567890"),
        ("6281234567890", "+6281234567890"),
        ("+6590123456", "+6590123456"),
    ],
)
def test_local_numbers_are_the_sites(number: str, expected: str) -> None:
    assert e164(number, "ID", "61") == expected


def test_without_an_area_they_stay_as_they_are() -> None:
    assert e164("4567890", "ID") == "4567890"


@settings(max_examples=1000)
@given(
    st.sampled_from(("ID", "MY", "DE", "FR", "IT", "US", "GB", "AR", "AU")),
    st.from_regex(r"\+?(62|60|49|0|)(8|1|0)?[0-9]{1,13}", fullmatch=True),
)
def test_the_short_way_leads_to_the_same(region: str, number: str) -> None:
    """Mobile numbers of the region are not taken apart; what comes out is what the library says."""
    digits = number.removeprefix("+")
    tried = (number, f"+{digits}") if digits == number else (number,)
    expected = next((found for each in tried if (found := _valid(each, region)) is not None), digits)
    is_withheld = len(digits) < 3 or set(digits) == {"0"}
    assert e164(number, region) == (None if is_withheld else expected)


@given(st.text(max_size=40))
def test_any_text_gives_digits_or_nothing(number: str) -> None:
    found = e164(number, "ID")
    digits = [character for character in number if character in "0123456789"]
    assert (found is None) == (len(digits) < 3 or set(digits) == {"0"})
    assert found is None or set(found.removeprefix("+")) <= set("0123456789")


@given(st.from_regex(r"(\+62|62|0)8(11|12|13|21|52|57|77|78)[0-9]{7,8}", fullmatch=True))
def test_mobile_numbers_however_the_trunk_writes_them(number: str) -> None:
    found = e164(number, "ID")
    assert found is not None
    assert found.startswith("+628")
    assert e164(found, "ID") == found, "writing it again changes nothing"
    assert found[3:] == number[number.index("8") :]


@given(st.from_regex(r"(?!0+\Z)[0-9]{3,20}", fullmatch=True))
def test_no_digit_is_lost(number: str) -> None:
    found = e164(number, "ID")
    assert found is not None
    assert found.removeprefix("+").removeprefix("62").endswith(number.lstrip("0")[-4:]) or found == number
