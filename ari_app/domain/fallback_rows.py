"""Blocked numbers as rows of text, in which the dialplan finds one without the application (SOP VIII).

A file for each ending has the rows of the numbers that end so; whichever way a trunk writes a number, its last digits
are the same. Each row is as long as any other, so that a file can be read in pieces: Asterisk takes 4 KB at a time.

::

    1790000000 +6281234567890
    when it ends (seconds since 1970), the number, blanks
"""

from __future__ import annotations

from typing import Final

from ari_app.domain.blocklist import DAY
from ari_app.domain.number_set import MOST_DIGITS

NEVER: Final = 9_999_999_999
"""The end of a block that has none: as many digits as a moment."""

READ_BYTES: Final = 100 * (len(str(NEVER)) + 1 + len("+") + MOST_DIGITS + len(" \n"))
"""What the dialplan reads at a time: a hundred rows."""

MOST_BYTES: Final = 100 * READ_BYTES
"""How far it reads: enough for ten million numbers; and a damaged file must not keep a caller waiting."""

_ENDING: Final = 3


def ending(number: str) -> str:
    """The name of the file that a number is in: at least one digit, and three at most."""
    return number.removeprefix("+")[-_ENDING:]


def block_ends(blocked_ms: int, expire_days: int) -> int:
    """When the block of a number ends by itself, in whole seconds since 1970; ``expire_days`` 0: never."""
    end = blocked_ms // 1000 + round(expire_days * DAY) if expire_days else NEVER
    return min(max(0, end), NEVER)


def to_text(rows: dict[str, int]) -> str:
    """The file of these numbers, each with the end of its block."""
    return "".join(f"{end:010} {number:<{MOST_DIGITS + 2}}\n" for number, end in sorted(rows.items()))


def from_text(text: str) -> dict[str, int]:
    """The numbers of a file and the ends of their blocks; rows that are damaged are left out."""
    rows = (line.split() for line in text.splitlines())
    return {row[1]: int(row[0]) for row in rows if len(row) == 2 and row[0].isdecimal()}  # noqa: PLR2004 - see above
