"""What was done with recordings: who was shown where one lies, and which were deleted; and when none begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ari_app.domain.calls import text
from ari_app.domain.facts import Fact, Json, Record

OPENED, DELETED = "recording.opened", "recording.deleted"
ACTIONS: Final = (OPENED, DELETED)

SUSPENDED, RESUMED = "recording.suspended", "recording.resumed"
"""Of all recordings of a kind, and of none in particular: so these are not among ``ACTIONS``."""

TRANSMISSION: Final = "^[0-9]{2,8}-[0-9a-f]+$"
"""How transmissions are called, and no call is; Asterisk's folder of recordings may have files of others."""


@dataclass(frozen=True, slots=True)
class TapeEvent:
    """One thing that was done with a recording; ``name`` is its call's id, or its transmission's."""

    seq: int
    name: str
    at: str
    actor: str
    action: str


def tape_event(record: Record) -> TapeEvent | None:
    """What a record says was done with a recording; None: nothing."""
    name = text(record.data, "transmission") or record.call
    if record.action not in ACTIONS or name is None:
        return None
    return TapeEvent(record.seq, name, record.at, record.actor, record.action)


def opened(call: str | None, transmission: str | None, actor: str) -> Fact:
    """Somebody is about to be shown where a recording lies."""
    return Fact(actor, OPENED, call, _of(transmission))


def deleted(call: str | None, transmission: str | None, actor: str) -> Fact:
    """A call's recording, or a transmission's, is about to be removed."""
    return Fact(actor, DELETED, call, _of(transmission))


def suspended(what: str, free: int | None) -> Fact:
    """No new recording begins: of ``calls``, or of the ``radio`` nets. ``free``: bytes; None: not known."""
    return Fact("system", SUSPENDED, data={"what": what, "free_bytes": free})


def resumed(what: str) -> Fact:
    """New ones begin again."""
    return Fact("system", RESUMED, data={"what": what})


def _of(transmission: str | None) -> dict[str, Json]:
    return {} if transmission is None else {"transmission": transmission}
