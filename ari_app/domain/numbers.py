"""Telephone numbers, written one way: E.164."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

import phonenumbers

SHORTEST: Final = 3
"""Digits that a number has at least: short codes have three. Networks send fewer, or zeros, for a withheld one."""

_LOCAL: Final = re.compile(r"[2-9][0-9]{4,7}")
"""A subscriber's number as it is dialled inside its own area: short codes begin with 1, the others with 0."""


def e164(number: str, region: str, area_code: str = "") -> str | None:
    """``number`` as ``+62812...``; None for a withheld number, also one that a network sends as ``0`` or ``0000000``.

    ``region`` (``ID``) says whose national numbers these are, ``area_code`` (``61``, without the 0 before it) whose
    local ones; empty: none are known. A trunk often leaves out the ``+`` of an international number: ``62812...`` is
    tried as one when it is not a valid national number. A short code or anything else that is no full number is
    returned as it came, digits only, so that a caller is never lost for the sake of a number.
    """
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        digits = "".join(c for c in number if c in "0123456789")
    if len(digits) < SHORTEST or not digits.strip("0"):
        return None
    is_international = number.startswith("+")
    return (
        _as_mobile(digits, region, is_international=is_international)
        or (None if is_international else _as_local(digits, region, area_code) or _valid(number, region))
        or _valid(f"+{digits}", region)
        or digits
    )


def _valid(number: str, region: str) -> str | None:
    """The number in E.164; None: there is no such number."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _as_local(digits: str, region: str, area_code: str) -> str | None:
    if not area_code or not _LOCAL.fullmatch(digits):
        return None
    return _valid(f"+{_country_code(region)}{area_code}{digits}", region)


@lru_cache(maxsize=8)
def _country_code(region: str) -> int:
    return phonenumbers.country_code_for_region(region)


# ---- the region's mobile numbers, of which nearly all calls are -------------------------------------


class _Mobiles(NamedTuple):
    """A region's mobile numbers: the digits that may stand before them, and what they look like themselves."""

    country: str
    national: str
    pattern: re.Pattern[str]
    lengths: frozenset[int]


def _as_mobile(digits: str, region: str, *, is_international: bool) -> str | None:
    """What ``_valid`` makes of a mobile number of the region, at a twentieth of the cost; None: it is none."""
    mobiles = _mobiles(region)
    if mobiles is None:
        return None
    before = mobiles.country if is_international else mobiles.national
    rest = digits[len(before) :]
    if not digits.startswith(before) or len(rest) not in mobiles.lengths or not mobiles.pattern.fullmatch(rest):
        return None
    return f"+{mobiles.country}{rest}"


@lru_cache(maxsize=8)
def _mobiles(region: str) -> _Mobiles | None:
    """None: the region's numbers have rules of their own, or its country code is not its alone."""
    code = _country_code(region)
    data = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    if data is None or data.national_prefix_transform_rule or data.national_prefix_for_parsing != "0":
        return None
    if len(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]) != 1 or not (data.mobile and data.general_desc):
        return None
    general, mobile = data.general_desc, data.mobile
    lengths = frozenset(general.possible_length) & frozenset(mobile.possible_length or general.possible_length)
    if not (mobile.national_number_pattern and general.national_number_pattern):
        return None
    # No number that begins with the national prefix itself: that would be taken away once more.
    pattern = rf"(?!0)(?=(?:{general.national_number_pattern})\Z)(?:{mobile.national_number_pattern})"
    return _Mobiles(str(code), "0", re.compile(pattern, re.ASCII), lengths)
