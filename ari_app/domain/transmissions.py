"""What was said on the radio nets, as the journal tells it (SOP VII.d, VII.g)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

    ``by`` is ``officer``, ``desk`` (with ``desk``) or ``system``; its recording is called as its id.
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


def transmissions(records: Iterable[Record]) -> list[Transmission]:
    """The transmissions that began in these records, oldest first."""
    found: dict[str, Transmission] = {}
    for record in records:
        id_ = str(record.data.get("transmission"))
        if record.action == KEYED:
            net, by, desk = (record.data.get(key) for key in ("net", "by", "desk"))
            where = None if desk is None else str(desk)
            found[id_] = Transmission(id_, str(net), str(by), where, record.actor, record.call, record.at)
        elif record.action == RELEASED and id_ in found:
            ms = record.data.get("ms")
            reason = str(record.data.get("reason"))
            found[id_] = replace(found[id_], ms=ms if isinstance(ms, int) else None, reason=reason)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class NetRow:
    """How a net stands. ``line`` is ``up``, ``down``, or ``unknown`` where nothing was told of it yet.

    ``talker`` is the desk that has keyed, ``officer`` or ``system``; None: the floor is free. ``desks`` are on the net.
    """

    net: str
    line: str = "unknown"
    since: str | None = None
    talker: str | None = None
    desks: tuple[str, ...] = ()


def net_rows(records: Iterable[Record]) -> dict[str, NetRow]:
    """The nets that these records tell of."""
    found: dict[str, NetRow] = {}
    for record in records:
        net, desk = str(record.data.get("net")), str(record.data.get("desk"))
        row = found.get(net) or NetRow(net)
        match record.action:
            case "radio.gateway_up" | "radio.gateway_down":
                row = replace(row, line=record.action.rpartition("_")[2], since=record.at)
            case "radio.keyed":
                by = str(record.data.get("by"))
                row = replace(row, talker=desk if by == "desk" else by)
            case "radio.released":
                row = replace(row, talker=None)
            case "radio.joined" | "radio.patched":
                row = replace(row, desks=(*(each for each in row.desks if each != desk), desk))
            case "radio.left" | "radio.unpatched":
                row = replace(row, desks=tuple(each for each in row.desks if each != desk))
        found[net] = row
    return found


def unfinished(records: Iterable[Record], pairs: Mapping[str, str] = PAIRS) -> list[Fact]:
    """The ends that were never told of what these records have begun: the application died meanwhile.

    A transmitter was released by then (``scripts/guard.py``). ``pairs`` is what begins, and how its end is called.
    """
    begun: dict[tuple[object, ...], Record] = {}
    for record in records:
        if record.action in pairs:
            begun[_what(record, pairs[record.action])] = record
        else:
            begun.pop(_what(record, record.action), None)
    return [
        Fact("system", pairs[record.action], record.call, {**record.data, "reason": APPLICATION_LOST})
        for record in begun.values()
    ]


def _what(record: Record, end: str) -> tuple[object, ...]:
    data = record.data
    if end == RELEASED:
        return end, data.get("transmission")
    return end, record.call, data.get("net"), data.get("desk")
