"""What lives in Asterisk, as it is seen by whoever looks: channels, bridges, and what their ids say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LEG_MARK: Final = "-leg-"
BRIDGE_MARK: Final = "-bridge-"
MONITOR_PREFIX: Final = "monitor-"
"""How the ids of all begin that a supervisor listens to a call with; nobody takes such a leg up."""

DESK_CONTEXT: Final = "desk-"
"""How the dialplan's contexts begin in which a desk's own calls are."""

RADIO_CONTEXT: Final = "radio-"
"""The same for the calls of radio gateways."""


def leg_id(call: str, unique: str) -> str:
    """The channel id of a leg that we make for a call."""
    return f"{call}{LEG_MARK}{unique}"


def bridge_id(call: str, unique: str) -> str:
    """The id of a bridge that we make for a call."""
    return f"{call}{BRIDGE_MARK}{unique}"


def call_of(made: str) -> str | None:
    """The call to which a leg or bridge of ours belongs; None when it is not one of ours."""
    for mark in (LEG_MARK, BRIDGE_MARK):
        call, found, _ = made.partition(mark)
        if found:
            return call
    return None


def is_operators(leg: str) -> bool:
    """Whether a leg is one that we made for an operator of a call, and not for a supervisor who listens to it."""
    return call_of(leg) is not None and not leg.startswith(MONITOR_PREFIX)


@dataclass(frozen=True, slots=True)
class SeenChannel:
    """A living channel. ``held`` means that the dialplan has handed it over to an application.

    ``number`` is the caller's, ``dialled`` what was called; ``endpoint`` is the phone or trunk's name; ``context``
    is where in the dialplan it is; ``since`` is when it was made (ISO 8601). ``rung`` by the dialplan itself: it is the
    telephone that the fallback rings, or talks with. ``is_stand_in``: no telephone's, but made by Asterisk itself in
    the place of one that has transferred, and held where that was in a bridge of ours.
    """

    id: str
    endpoint: str
    held: bool
    up: bool
    number: str = ""
    dialled: str = ""
    context: str = ""
    since: str = ""
    rung: bool = False
    is_stand_in: bool = False

    @property
    def is_desk_line(self) -> bool:
        """Whether a desk dialled something, rather than the public 110."""
        return self.context.startswith(DESK_CONTEXT)

    @property
    def is_gateway(self) -> bool:
        """Whether a radio gateway has called us (SOP VII.d)."""
        return self.context.startswith(RADIO_CONTEXT)


@dataclass(frozen=True, slots=True)
class SeenBridge:
    """A living bridge and the channels in it."""

    id: str
    channels: frozenset[str]
