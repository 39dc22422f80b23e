"""Numbers as people enter them: however one is written it is that one, and what may be another is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.blocklist import BlockRefused, NumberRules, blockable

RULES = NumberRules("ID", "61", frozenset({"110", "112"}))

SAME_MOBILE = (
    "{0}{1}{2}",
    "{0}-{1}-{2}",
    "{0} {1} {2}",
    "{0}.{1}.{2}",
    "{0} - {1} - {2}",
    "{0}-{1}{2}",
    "{0} {1}{2}",
    "({0}) {1}-{2}",
    "({0}){1}{2}",
)
mobiles = st.tuples(
    st.sampled_from(("811", "812", "813", "821", "852", "857", "877", "878")),
    st.from_regex(r"[0-9]{4}", fullmatch=True),
    st.from_regex(r"[0-9]{4}", fullmatch=True),
)


@given(mobiles, st.sampled_from(SAME_MOBILE), st.sampled_from(("", " ", "  ")))
def test_a_mobile_number_however_it_is_written(parts: tuple[str, str, str], form: str, around: str) -> None:
    prefix, middle, end = parts
    expected = f"+62{prefix}{middle}{end}"
    assert blockable(around + form.format(f"0{prefix}", middle, end) + around, RULES) == expected
    for code in ("+62 ", "+62-", "+62", "62", "+62 ("):
        first = code + prefix + (")" if code.endswith("(") else "")
        assert blockable(f"{first} {middle} {end}", RULES) == expected
        assert blockable(f"{first}-{middle}-{end}", RULES) == expected
    for code in ("+62", "62"):
        assert blockable(f"{code}{prefix}{middle}{end}", RULES) == expected


@given(st.from_regex(r"[4-8][0-9]{2}", fullmatch=True), st.from_regex(r"[0-9]{4}", fullmatch=True))
def test_a_line_of_the_site_however_it_is_written(begin: str, end: str) -> None:
    forms = (
        "061{0}{1}", "(061) {0}{1}", "(061){0}{1}", "(061) {0}-{1}", "061-{0} {1}", "061-{0}{1}", "061 {0} {1}",
        "061 - {0}{1}", "+62 61 {0} {1}", "+62 (61) {0}{1}", "(+62) 61 {0}{1}", "{0}-{1}", "{0} {1}",
        "{0}{1}",
    )  # fmt: skip
    assert {blockable(form.format(begin, end), RULES) for form in forms} == {f"+6261{begin}{end}"}


@pytest.mark.parametrize(
    ("entered", "number"),
    [
        ("+65 9012 3456", "+6590123456"),
        ("+1 202 555 0123", "+12025550123"),
        ("+32 470 12 34 56", "+32470123456"),
        ("0812 34 56 78 90", "+6281234567890"),
        ("1500", "1500"),
        ("118", "118"),
        ("14045", "14045"),
    ],
)
def test_others(entered: str, number: str) -> None:
    assert blockable(entered, RULES) == number


@pytest.mark.parametrize(
    "entered",
    [
        "6281234567890.0",
        "628123456789.00",
        "0812-3456-789/90",
        "0812-3456-7890/91",
        "0812 3456 7890 (2)",
        "0812 3456 7890 (21)",
        "081234567890 - 2",
        "081234567890 22",
        "0812345678 0812345679",
        "0812345678,0812345679",
        "061-456789-91",
        "061-4567890-91",
        "45678,90",
        "45678.90",
        "456789-1",
        "2023-04-03",
        "2023.04.03",
        "2023-04-03 1015",
        "03-04-2023",
        "03.04.23",
        "03/04/2023",
        "1,234,567",
        "4.567.890",
        "0812--3456-7890",
        "-0812 3456 7890",
        "0812 3456 7890-",
        "0812 3456 7890.",
        "(0812 3456 7890",
        "0812) 3456 7890",
        "()081234567890",
        "(081234567890)",
        "0812 (3456) 7890",
        "0812+34567890",
        "110-12",
    ],
)
def test_what_is_not_one_number_alone(entered: str) -> None:
    with pytest.raises(BlockRefused) as refused:
        blockable(entered, RULES)
    assert "is no telephone number" in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("entered", ["0", "1", "2", "99", "+1", "0-1", " 7 ", "(12)"])
def test_too_short(entered: str) -> None:
    with pytest.raises(BlockRefused, match="is no telephone number: it has fewer than 3 digits"):
        blockable(entered, RULES)


@given(
    mobiles,
    st.sampled_from(SAME_MOBILE),
    st.from_regex(r"[,/][0-9]{1,4}|[.-][0-9]{1,2}|.?\([0-9]+\)| [0-9]", fullmatch=True),
)
def test_what_stands_behind_a_number_is_never_read_as_its_end(
    parts: tuple[str, str, str], form: str, more: str
) -> None:
    """Refused, or else the number itself."""
    whole = form.format(f"0{parts[0]}", *parts[1:])
    with pytest.raises(BlockRefused):
        blockable(whole + more, RULES)
