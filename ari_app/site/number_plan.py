"""A region's telephone numbers as patterns that Asterisk can read (POSIX extended regular expressions)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """What a region's numbers look like.

    ``national`` are all that there are, from the first digit to the last, without ``prefix``, which may stand before
    them when they are dialled inside the country (``0``). ``abroad`` is dialled before foreign ones. ``foreign`` are
    the other countries' codes, each with its own ``prefix`` after it, where that is one digit.
    """

    country_code: str
    national: str
    prefix: str
    abroad: str
    foreign: str


def number_plan(region: str) -> NumberPlan:
    """The plan of a region (``ID``) that ``phonenumbers`` knows."""
    # A third of a second to import, for whoever renders; the application does not.
    from phonenumbers import PhoneMetadata, country_code_for_region  # noqa: PLC0415

    data = PhoneMetadata.metadata_for_region(region, None)
    if data is None:
        raise ValueError(region)
    kinds = (
        data.fixed_line, data.mobile, data.toll_free, data.premium_rate, data.shared_cost,
        data.voip, data.personal_number, data.pager, data.uan, data.voicemail,
    )  # fmt: skip
    patterns = [kind.national_number_pattern for kind in kinds if kind is not None and kind.national_number_pattern]
    return NumberPlan(
        country_code=str(country_code_for_region(region)),
        national=f"^({_posix('|'.join(patterns))})$",
        prefix=_posix(data.national_prefix_for_parsing or ""),
        abroad=_posix(data.international_prefix or ""),
        foreign=_foreign(country_code_for_region(region)),
    )


def _foreign(own: int) -> str:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata  # noqa: PLC0415 - see above

    codes: dict[str, list[str]] = {}
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        data = PhoneMetadata.metadata_for_region(regions[0], None)
        prefix = data.national_prefix if data is not None else None
        if code != own and prefix and len(prefix) == 1:
            codes.setdefault(prefix, []).append(str(code))
    return "|".join(f"({'|'.join(each)}){prefix}" for prefix, each in sorted(codes.items()))


def _posix(pattern: str) -> str:
    return pattern.replace("(?:", "(").replace("\\d", "[0-9]")
