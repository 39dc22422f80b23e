"""Facts: what happened, as the journal keeps it.

A fact is one thing that was done or that befell us. It is written once and never changed; tables,
messages, reports and screens are all folded from the journal's facts (DESIGN.md, principle 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias

import msgspec

Json: TypeAlias = str | int | float | bool | list["Json"] | dict[str, "Json"] | None


class Fact(msgspec.Struct, frozen=True):
    """One action, not yet in the journal.

    ``actor`` is who did it: ``system``, ``asterisk``, ``caller``, ``desk:EXT``, ``operator:NRP`` or
    ``supervisor:NAME``. ``action`` is a name from the contract such as ``call.answered``. ``call`` is
    the call's id where the fact belongs to one. ``at`` is when it happened, with its UTC offset; left
    out, the journal stamps the moment at which it was told.
    """

    actor: str
    action: str
    call: str | None = None
    data: Mapping[str, Json] = msgspec.field(default_factory=dict)
    at: datetime | None = None


class Record(msgspec.Struct, frozen=True):
    """A fact in the journal: numbered without gaps and chained by its hash to the one before.

    ``at`` is ISO 8601 with milliseconds and the site's UTC offset; ``hash`` is hexadecimal SHA-256.
    """

    seq: int
    at: str
    actor: str
    action: str
    call: str | None
    data: Mapping[str, Json]
    hash: str


def call_received(call: str, *, caller: str | None, number: str, dialled: str, at: datetime | None = None) -> Fact:
    """The first line of every call's story (SOP V.1); its recording has the call's id for a name.

    ``caller`` is E.164 or None; ``number`` is what the trunk said, digits and + only.
    """
    data: dict[str, Json] = {
        "caller": caller,
        "number_raw": number,
        "dialled": dialled,
        "recording": f"recordings/{call}.wav",
    }
    return Fact("caller", "call.received", call, data, at)
