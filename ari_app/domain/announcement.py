"""What is said of an emergency on a radio net by itself (SOP VII.d): its ticket, category and place, nothing else.

Who reported it, their number and what they told are nobody's business on the air.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ari_app.domain.calls import text
from ari_app.domain.complaints import NOT_APPLICABLE, ComplaintRow
from ari_app.domain.facts import Fact, Record

ANNOUNCED: Final = "radio.announced"

SENTENCE: Final = "Pengaduan darurat. Tiket {ticket}. {category}, di {place}."
"""SOP VII.d: "informasi pelaporan/pengaduan darurat ... agar meneruskannya dengan HT"."""

_SPOKEN: Final = {"kdrt": "kekerasan dalam rumah tangga", "lainnya": "lain-lain"}
"""Categories that are not spoken as they are written."""

_MATTERS: Final = frozenset({"emergency", "category", "place"})


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is announced of one complaint."""

    ticket: str
    category: str
    place: str

    @property
    def sentence(self) -> str:
        """The words, the ticket digit by digit."""
        digits = ", ".join(" ".join(part) for part in self.ticket.split("-"))
        category = _SPOKEN.get(self.category, self.category.replace("_", " "))
        return SENTENCE.format(ticket=digits, category=category, place=self.place)


def may_matter(fact: Fact) -> bool:
    """Whether there may be something to announce after this fact."""
    if fact.call is None or fact.action not in {"complaint.edited", "call.classified"}:
        return False
    return not _MATTERS.isdisjoint(fact.data)


def announcement(row: ComplaintRow | None) -> Announcement | None:
    """What there is to announce of a complaint; None: it is no emergency, or category or place are still missing."""
    if row is None or not row.emergency or not row.category or row.place in {None, "", NOT_APPLICABLE}:
        return None
    return Announcement(row.ticket, row.category, row.place or "")


def announced(records: Iterable[Record]) -> Announcement | None:
    """What was announced last, as these records of a call tell it; None: nothing was."""
    last = None
    for record in records:
        parts = [text(record.data, name) for name in ("ticket", "category", "place")]
        if record.action == ANNOUNCED and record.data.get("said") is True and None not in parts:
            last = Announcement(*(part or "" for part in parts))
    return last
