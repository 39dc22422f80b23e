"""What was said on the radio nets, as the journal tells it (SOP VII.d, VII.g)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ari_app.domain.facts import Fact, Json, Record

KEYED, RELEASED = "radio.keyed", "radio.released"
PATCHED, UNPATCHED = "radio.patched", "radio.unpatched"
PAIRS: Final = {KEYED: RELEASED, PATCHED: UNPATCHED, "radio.joined": "radio.left"}
"""What begins on a net, and what its end is called."""

CALLED, ANSWERED, GIVEN_UP = "radio.called", "radio.call_answered", "radio.call_given_up"
"""An officer's call has either end."""

SAY_ORDERED, SAID = "radio.say_ordered", "radio.said"
"""A supervisor's sentence waits for the floor; it was said, or not."""

ENDS: Final = {**PAIRS, CALLED: GIVEN_UP, SAY_ORDERED: SAID}
"""The same for all that must have an end."""

UP, DOWN, IDLE = "radio.gateway_up", "radio.gateway_down", "radio.gateway_idle"
LINES: Final = (UP, DOWN, IDLE)
JOINED: Final = ("radio.joined", "radio.left")

ACTIONS: Final = (
    *PAIRS,
    *PAIRS.values(),
    *LINES,
    SAY_ORDERED,
    SAID,
    "radio.announced",
    CALLED,
    "radio.call_offered",
    "radio.call_not_answered",
    ANSWERED,
    GIVEN_UP,
)

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
    """How a net stands. ``line`` is ``up``, ``down``, ``idle``: one on demand that nobody needs, or ``unknown``.

    ``talker`` is the desk that has keyed, ``officer`` or ``system``; None: the floor is free. ``call`` is the 110 call
    for whose sake the desk is there. ``since`` is of the line, ``floor_since`` of the floor. ``desks`` are on the net.
    """

    net: str
    line: str = "unknown"
    since: str | None = None
    talker: str | None = None
    desks: tuple[str, ...] = ()
    floor_since: str | None = None
    call: str | None = None


def net_rows(records: Iterable[Record]) -> dict[str, NetRow]:
    """The nets that these records tell of."""
    found: dict[str, NetRow] = {}
    for record in records:
        net = str(record.data.get("net"))
        found[net] = fold_net(found.get(net) or NetRow(net), record)
    return found


def fold_net(row: NetRow, record: Record) -> NetRow:
    """A net after one more record that is of it."""
    desk = str(record.data.get("desk"))
    match record.action:
        case "radio.gateway_up" | "radio.gateway_down" | "radio.gateway_idle":
            return replace(row, line=record.action.rpartition("_")[2], since=record.at)
        case "radio.keyed":
            by = str(record.data.get("by"))
            return replace(row, talker=desk if by == "desk" else by, floor_since=record.at, call=record.call)
        case "radio.released":
            return replace(row, talker=None, floor_since=record.at, call=None)
        case "radio.joined" | "radio.patched":
            return replace(row, desks=(*(each for each in row.desks if each != desk), desk))
        case "radio.left" | "radio.unpatched":
            return replace(row, desks=tuple(each for each in row.desks if each != desk))
    return row


def unfinished(records: Iterable[Record], pairs: Mapping[str, str] = ENDS) -> list[Fact]:
    """The ends that were never told of what these records have begun: the application died meanwhile.

    A transmitter was released by then (``scripts/guard.py``). ``pairs`` is what begins, and how its end is called.
    """
    begun: dict[tuple[object, ...], Record] = {}
    for record in records:
        if record.action in pairs:
            begun[_what(record, pairs[record.action])] = record
        else:
            begun.pop(_what(record, GIVEN_UP if record.action == ANSWERED else record.action), None)
    return [
        Fact("system", (end := pairs[record.action]), record.call, {**record.data, **_lost(end)})
        for record in begun.values()
    ]


def _lost(end: str) -> dict[str, Json]:
    return {"reason": APPLICATION_LOST} | ({"said": False} if end == SAID else {})


def idle_lines(records: Iterable[Record], on_demand: Iterable[str]) -> list[Fact]:
    """That nobody needs the lines any more that these nets had when the application died: they ended with it."""
    rows = net_rows(records)
    up = [net for net in on_demand if net in rows and rows[net].line == "up"]
    return [Fact("system", IDLE, data={"net": net, "reason": APPLICATION_LOST}) for net in up]


def _what(record: Record, end: str) -> tuple[object, ...]:
    data = record.data
    if end == RELEASED:
        return end, str(data.get("transmission"))
    if end == SAID:
        return end, str(data.get("id"))
    if end == GIVEN_UP:
        return end, str(data.get("net"))
    return end, record.call, str(data.get("net")), str(data.get("desk"))
