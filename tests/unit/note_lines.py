"""The dialplan's notes as they are written, and what they tell."""

from __future__ import annotations

from datetime import UTC, date, datetime

RECEIVED = datetime(2025, 1, 31, 1, 2, 3, 456000, tzinfo=UTC)
START = 1738285323456
"""The same moment in milliseconds."""

DAY = date(2025, 1, 31)


def line(
    call: str = "1738285323.7", *, number: str = "081234567890", talked: str = "9000", desk: str = "1002",
    by: str = "caller", state: str = "Up", cause: str = "16", received: int = START, ended: int = START + 10_000,
    lifted: str = str(START + 6_000), earlier: str = "",
) -> str:  # fmt: skip
    """A note as the dialplan writes it: ten seconds, of which the last four were talked, behind ``earlier`` ones."""
    last = f"{lifted}+{talked}|{desk}|{by}|{state}|{cause}"
    return f"{call}|{number}|110|{received}|{received + 801}|{ended}|{earlier}{last}"


def older_line(*, talked: str = "4000", received: int = START, ended: int = START + 10_000) -> str:
    """The same, as an older dialplan wrote it, where the caller's line was answered by the desk."""
    return f"1738285323.7|081234567890|110|{received}|{received + 801}|{ended}|{talked}|1002|caller|Up|16"


ANSWERED = ["call.received", "call.fallback", "call.answered", "complaint.opened", "call.ended"]
ABANDONED = ["call.received", "call.fallback", "call.abandoned", "call.ended"]
