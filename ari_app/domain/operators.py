"""Operators: who is logged in at which desk, and which desks are ready for calls (SOP II, V.2).

An operator is at one desk only, and a desk has one operator. All of it is folded from the facts ``operator.*``
in the order in which they were told; the running application keeps its own state by the same ``fold``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ari_app.domain.facts import Fact, Json, Record

_NRP: Final = re.compile(r"[0-9]{4,18}")
_PIN: Final = re.compile(r"[0-9]{4,8}")
_LONGEST_NAME: Final = 80

PIN_HASH: Final = r"^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$"
"""A PIN's hash: Argon2id with 19 MiB, 2 passes, 1 lane. Others are refused: one of 4 GiB would stop the program."""


class PinNotKept(Exception):
    """A PIN's hash cannot be kept or forgotten; the text is one sentence, and everything is as it was."""


class NotReady(StrEnum):
    """Why a desk takes no calls."""

    REST = "rest"
    PRAYER = "prayer"
    MEAL = "meal"
    BRIEFING = "briefing"
    NO_ANSWER = "no_answer"
    """It rang and nobody answered (SOP V.2)."""
    SUPERVISOR = "supervisor"


BY_KEY: Final = {"1": NotReady.REST, "2": NotReady.PRAYER, "3": NotReady.MEAL, "4": NotReady.BRIEFING}
"""The reasons that an operator dials: ``*13R``."""


class LoggedOut(StrEnum):
    """Why an operator is not logged in at a desk any more."""

    OWN = "own"
    MOVED = "moved"
    """Logged in at another desk."""
    REPLACED = "replaced"
    """Somebody else logged in at the same desk."""
    SUPERVISOR = "supervisor"
    REMOVED = "removed"
    """The operator, or the desk, is not there any more."""


class LoginRefused(StrEnum):
    """Why a phone's login was refused."""

    UNKNOWN = "unknown"
    WRONG_PIN = "wrong_pin"
    WRONG_UNIT = "wrong_unit"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True)
class Operator:
    """A person who takes calls; ``nrp`` is the service number, ``unit`` is ``polda`` or a Polres code."""

    nrp: str
    name: str
    unit: str = "polda"


@dataclass(frozen=True, slots=True)
class DeskPlace:
    """What the configuration says of a desk; one without ``login`` is staffed whenever its phone is registered."""

    unit: str = "polda"
    login: bool = True


@dataclass(frozen=True, slots=True)
class Seat:
    """A desk's people: the NRP of who is logged in there, and whether they are ready; ``reason`` is why not."""

    operator: str | None = None
    ready: bool = True
    reason: str | None = None


_NOTHING: Final[Mapping[str, str | None]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RosterState:
    """Everybody by NRP, and every seat by extension; a desk that is not in ``seats`` is an empty, ready one.

    ``since`` is when something last changed for an operator (ISO 8601), as far as the facts say when they were.
    """

    operators: Mapping[str, Operator] = field(default_factory=dict)
    seats: Mapping[str, Seat] = field(default_factory=dict)
    since: Mapping[str, str | None] = field(default_factory=lambda: _NOTHING, compare=False)

    def seat(self, desk: str) -> Seat:
        """A desk's people."""
        return self.seats.get(desk, Seat())

    def desk_of(self, nrp: str) -> str | None:
        """Where an operator is logged in; None: nowhere."""
        return next((desk for desk, seat in self.seats.items() if seat.operator == nrp), None)


def is_nrp(text: str) -> bool:
    """Whether it can be a service number: 4 to 18 digits."""
    return _NRP.fullmatch(text) is not None


def is_pin(text: str) -> bool:
    """Whether it can be a PIN: 4 to 8 digits."""
    return _PIN.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Whether it can be a person's name: 1 to 80 printable characters, no blank at either end."""
    return 0 < len(text) <= _LONGEST_NAME and text.isprintable() and text == text.strip()


def fold(state: RosterState, told: Fact | Record) -> RosterState:
    """The state after a fact. Facts of other things, and damaged ones, change nothing: it never raises."""
    apply = _FOLDS.get(told.action)
    if apply is None:
        return state
    after = apply(state, told.data)
    nrp = _text(told.data, "operator")
    if after is state or nrp is None:
        return after
    since = {**state.since, nrp: _moment(told)}
    if nrp not in after.operators:
        del since[nrp]
    return RosterState(after.operators, after.seats, since)


def _added(state: RosterState, data: Mapping[str, Json]) -> RosterState:
    nrp, name, unit = (_text(data, key) for key in ("operator", "name", "unit"))
    if nrp is None or name is None or unit is None:
        return state
    return replace(state, operators={**state.operators, nrp: Operator(nrp, name, unit)})


def _removed(state: RosterState, data: Mapping[str, Json]) -> RosterState:
    nrp = _text(data, "operator")
    if nrp not in state.operators:
        return state
    left = {known: operator for known, operator in state.operators.items() if known != nrp}
    return replace(state, operators=left, seats=_without(state.seats, nrp))


def _logged_in(state: RosterState, data: Mapping[str, Json]) -> RosterState:
    nrp, desk = _text(data, "operator"), _text(data, "desk")
    if nrp not in state.operators or desk is None:
        return state
    return replace(state, seats={**_without(state.seats, nrp), desk: Seat(nrp)})


def _logged_out(state: RosterState, data: Mapping[str, Json]) -> RosterState:
    nrp, desk = _text(data, "operator"), _text(data, "desk")
    if nrp is None or desk is None or state.seat(desk).operator != nrp:
        return state
    return replace(state, seats=_without(state.seats, nrp))


def _ready(state: RosterState, data: Mapping[str, Json]) -> RosterState:
    return _seated(state, data, ready=True, reason=None)


def _not_ready(state: RosterState, data: Mapping[str, Json]) -> RosterState:
    return _seated(state, data, ready=False, reason=_text(data, "reason"))


def _seated(state: RosterState, data: Mapping[str, Json], *, ready: bool, reason: str | None) -> RosterState:
    """Who is said to be there is there, even where the fact of their login is not among those that are folded."""
    nrp, desk = _text(data, "operator"), _text(data, "desk")
    if desk is None:
        return state
    there = state.seat(desk).operator
    if nrp == there or nrp not in state.operators:
        return replace(state, seats={**state.seats, desk: Seat(there, ready, reason)})
    return replace(state, seats={**_without(state.seats, nrp), desk: Seat(nrp, ready, reason)})


_PEOPLE: Final = {"operator.added": _added, "operator.removed": _removed}
_SEATS: Final = {
    "operator.logged_in": _logged_in,
    "operator.logged_out": _logged_out,
    "operator.ready": _ready,
    "operator.not_ready": _not_ready,
}
_FOLDS: Final[Mapping[str, Callable[[RosterState, Mapping[str, Json]], RosterState]]] = {**_PEOPLE, **_SEATS}

PEOPLE: Final = tuple(_PEOPLE)
"""The actions that say who there is: few, and every one of them counts."""

SEATS: Final = tuple(_SEATS)
"""The actions that say who sits where: many, and only the last ones count."""


def _without(seats: Mapping[str, Seat], nrp: str | None) -> dict[str, Seat]:
    """The seats when an operator has left: theirs is as it was before anybody came."""
    return {desk: seat for desk, seat in seats.items() if nrp is None or seat.operator != nrp}


def _text(data: Mapping[str, Json], key: str) -> str | None:
    value = data.get(key)
    return value if isinstance(value, str) else None


def _moment(told: Fact | Record) -> str | None:
    if isinstance(told, Record):
        return told.at
    return told.at.isoformat() if told.at is not None else None
