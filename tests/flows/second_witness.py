"""The flows' journal, held against what the fake Asterisk wrote down itself."""

from __future__ import annotations

from datetime import UTC, timedelta

from ari_app.domain import asterisk_log
from ari_app.domain.facts import Record
from ari_app.domain.witness import SETTLED, Difference, Span, compare, told
from tests.flows.floor import Floor
from tests.flows.virtual_time import BEGINS


def differences(here: Floor, desks: tuple[str, ...]) -> list[Difference]:
    """What the two do not agree on, long after."""
    records = [
        Record(seq, (fact.at or BEGINS).isoformat(), fact.actor, fact.action, fact.call, fact.data, "")
        for seq, fact in enumerate(here.journal, 1)
    ]
    later = BEGINS + timedelta(days=30)
    span = Span(BEGINS, later, later, UTC, SETTLED)
    return compare(told(records), asterisk_log.fold(here.asterisk.seen), span, desks).differences
