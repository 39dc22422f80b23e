"""Orders of the Perwira Piket on a call or its complaint (SOP VII.b), as the journal has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ari_app.domain.calls import text
from ari_app.domain.facts import Fact, Json, Record

ADDED: Final = "instruction.added"
LONGEST_TEXT: Final = 1000
LONGEST_OFFICER: Final = 80


@dataclass(frozen=True, slots=True)
class Instruction:
    """One order. ``actor`` wrote it down, ``officer`` gave it; ``at`` is ISO 8601 with offset, as in the journal."""

    seq: int
    call: str
    at: str
    actor: str
    officer: str | None
    text: str


def instruction_of(record: Record) -> Instruction | None:
    """The order that a record tells of; None: none."""
    said = text(record.data, "text")
    if record.action != ADDED or record.call is None or said is None:
        return None
    return Instruction(record.seq, record.call, record.at, record.actor, text(record.data, "officer"), said)


def added(call: str, actor: str, *, text: str, officer: str | None, ticket: str | None) -> Fact:
    """An order that was written down; ``ticket`` where it was given on a complaint."""
    given: dict[str, Json] = {"officer": officer, "ticket": ticket}
    return Fact(actor, ADDED, call, {"text": text, **{name: each for name, each in given.items() if each is not None}})
