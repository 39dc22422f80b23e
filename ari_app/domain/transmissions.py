"""What was said on the radio nets, as the journal tells it (SOP VII.d, VII.g)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from ari_app.domain.facts import Fact, Record

KEYED, RELEASED = "radio.keyed", "radio.released"
PAIRS: Final = {KEYED: RELEASED, "radio.patched": "radio.unpatched", "radio.joined": "radio.left"}
"""What begins on a net, and what its end is called."""

ACTIONS: Final = (*PAIRS, *PAIRS.values(), "radio.gateway_up", "radio.gateway_down", "radio.said")

APPLICATION_LOST: Final = "application_lost"


@dataclass(frozen=True, slots=True)
class Transmission:
    """One transmission. ``began`` is ISO 8601; ``ms`` and ``reason`` are None while it goes on.

    ``by`` is ``officer``, ``desk`` (with ``desk``) or ``system``; ``recording`` is its file, where it has one.
    """

    id: str
    net: str
    by: str
    desk: str | None
    actor: str
    call: str | None
    began: str
    ms: int | None = None
    reason: str | None = None
    recording: str | None = None


def transmissions(records: Iterable[Record]) -> list[Transmission]:
    """The transmissions that began in these records, oldest first."""
    found: dict[str, Transmission] = {}
    for record in records:
        id_ = str(record.data.get("transmission"))
        if record.action == KEYED:
            net, by, desk = (record.data.get(key) for key in ("net", "by", "desk"))
            recording = record.data.get("recording")
            found[id_] = Transmission(
                id_, str(net), str(by), None if desk is None else str(desk), record.actor, record.call, record.at,
                recording=None if recording is None else str(recording),
            )  # fmt: skip
        elif record.action == RELEASED and id_ in found:
            ms = record.data.get("ms")
            reason = str(record.data.get("reason"))
            found[id_] = replace(found[id_], ms=ms if isinstance(ms, int) else None, reason=reason)
    return list(found.values())


def unfinished(records: Iterable[Record]) -> list[Fact]:
    """The ends that were never told of what these records have begun: the application died meanwhile.

    The transmitter was released by then (``flows/guard.py``).
    """
    begun: dict[tuple[object, ...], Record] = {}
    for record in records:
        if record.action in PAIRS:
            begun[_what(record, PAIRS[record.action])] = record
        else:
            begun.pop(_what(record, record.action), None)
    return [
        Fact("system", PAIRS[record.action], record.call, {**record.data, "reason": APPLICATION_LOST})
        for record in begun.values()
    ]


def _what(record: Record, end: str) -> tuple[object, ...]:
    data = record.data
    if end == RELEASED:
        return end, data.get("transmission")
    return end, record.call, data.get("net"), data.get("desk")
