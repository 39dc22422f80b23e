"""A telephone number as somebody enters it: whether it can be only that one number.

What stands beside a number is no part of it: an extension, a second number, a spreadsheet's decimals, a date. Reading
on over it would make the number of somebody else.
"""

from __future__ import annotations

import re
from typing import Final

from ari_app.domain.numbers import SHORTEST

LONGEST: Final = 40

_CHARACTERS: Final = re.compile(r"[+0-9 ().,/-]*[0-9][+0-9 ().,/-]*")
_ALONE: Final = re.compile(r"\+?[0-9]+")

_BETWEEN: Final = r"(?: +| ?[.-] ?)"
_GROUPED: Final = re.compile(
    rf"(?:\(\+?[0-9]{{2,5}}\)(?:{_BETWEEN})?"  # (061) 4567890
    rf"|\+[0-9]{{1,6}}{_BETWEEN}(?:\([0-9]{{2,4}}\)(?:{_BETWEEN})?)?"  # +62 812 3456 7890, +62 (61) 456 7890
    rf"|[0-9]{{2,6}}{_BETWEEN})"
    rf"[0-9]{{2,}}(?:{_BETWEEN}[0-9]{{2,}})*"
)
_DATE: Final = re.compile(
    r"(?:(?:19|20)[0-9]{2}[ .-][0-9]{2}[ .-][0-9]{2}|[0-9]{2}[ .-][0-9]{2}[ .-](?:[0-9]{2}|(?:19|20)[0-9]{2}))"
    r"(?:[ .-].*)?"
)
_PAIR: Final = 2
_DECIMAL: Final = re.compile(r"[1-9][0-9]*\.[0-9]+")


def why_not(entered: str) -> str | None:
    """Why this cannot be one telephone number and nothing else, as the rest of a sentence; None: it can."""
    text = entered.strip(" ")
    if len(entered) > LONGEST or not _CHARACTERS.fullmatch(text):
        return "is no telephone number"
    if sum(character.isdigit() for character in text) < SHORTEST:
        return f"is no telephone number: it has fewer than {SHORTEST} digits"
    if _ALONE.fullmatch(text):
        return None
    if not _GROUPED.fullmatch(text) or _ends_in_a_pair(text) or _DATE.fullmatch(text) or _DECIMAL.fullmatch(text):
        return "is no telephone number alone: enter nothing but the number, as 081234567890"
    return None


def is_grouped(entered: str) -> bool:
    """Whether something stands between its digits."""
    return not _ALONE.fullmatch(entered.strip(" "))


def _ends_in_a_pair(text: str) -> bool:
    """Behind a longer group a pair is an extension, or the end of a range. Numbers in pairs throughout are none."""
    *_, before, end = re.findall(r"[0-9]+", text)
    return len(end) == _PAIR < len(before)
