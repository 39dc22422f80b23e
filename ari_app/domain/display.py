"""What a desk phone's display says of the caller."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shown:
    """A party as a telephone shows it: a name and a number."""

    name: str
    number: str


def shown_caller(number: str, *, pranks: int, is_emergency: bool, is_blocked: bool = False) -> Shown:
    """The caller for the operator's display: state, number and marks, ``DARURAT 081234567890 P3``.

    ``number`` is what the network said, digits and + only; ``pranks`` how many marks it has (SOP VIII).
    """
    words = ["DARURAT"] if is_emergency else ["BLOKIR"] if is_blocked else []
    words.append(number or "Anonim")
    if pranks:
        words.append(f"P{pranks}")
    return Shown(" ".join(words), number or "anonymous")
