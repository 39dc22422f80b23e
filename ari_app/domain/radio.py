"""A radio net's floor: who talks on it, one at a time (SOP VII.d).

What moves the floor from one state to another is the table ``MOVES``; what is not in it changes nothing. A talker is
the officer on the air (``OFFICER``), an operator who has keyed (the id of their leg), or ``SYSTEM``, a sentence.

::

            talk began                long enough                talk ended
      idle ────────────▶ opening ───────────────────▶ officer ◀──────────────▶ hanging ──▶ idle
       │
       │ key, take-over        lead-in is over                 unkey
       └────────────▶ leading ──────────────────▶ keyed ◀──────────────▶ tailing ──▶ idle
                                                          key again

The transmitter is on in ``leading``, ``keyed`` and ``tailing``: each of them ends at a moment that is known when it
begins (``Floor.deadline``). A lost leg, a lost gateway and the longest transmission's end lead back to ``idle`` from
everywhere, and a take-over by an emergency call's operator leads from everywhere to that operator.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

NEVER: Final = math.inf

OFFICER: Final = "officer"
"""The talker on the other end of the gateway: whoever holds a radio."""

SYSTEM: Final = "system"
"""The talker of a sentence or tone that we speak ourselves."""


NET_PREFIX: Final = "radio-"
"""How the names of everything begin that belongs to a net: ``radio-300``, and its legs and bridges."""


RUNG_PREFIX: Final = "ht-"
"""How the names of the legs begin with which desks are rung for officers."""


def endpoint_of_net(net: str) -> str:
    """What the gateway of a net is called in Asterisk, where it is the first of its nets."""
    return f"{NET_PREFIX}{net}"


class FloorState(StrEnum):
    """What is going on on a net."""

    IDLE = "idle"
    OPENING = "opening"
    """Something is heard from the gateway, too short yet to be an officer's talk."""
    OFFICER = "officer"
    HANGING = "hanging"
    """The officer is silent, perhaps for a breath only."""
    LEADING = "leading"
    """Keyed: the transmitter comes up, and nothing is sent yet."""
    KEYED = "keyed"
    TAILING = "tailing"
    """Unkeyed: what was spoken before is still on its way (the delay of the lead-in)."""


class FloorEvent(StrEnum):
    """What can happen on a net."""

    TALK_BEGAN = "talk_began"
    TALK_ENDED = "talk_ended"
    KEY = "key"
    AGAIN = "again"
    """The talker keys once more."""
    UNKEY = "unkey"
    TAKE_OVER = "take_over"
    LEG_LOST = "leg_lost"
    GATEWAY_LOST = "gateway_lost"
    TIMER = "timer"
    """The state's own time is over."""
    TIME_UP = "time_up"
    """The longest transmission is over."""


class Reason(StrEnum):
    """Why a transmission ended."""

    SILENT = "silent"
    UNKEYED = "unkeyed"
    TIME_OUT = "time_out"
    TAKEN_OVER = "taken_over"
    LEG_LOST = "leg_lost"
    GATEWAY_LOST = "gateway_lost"


_S, _E = FloorState, FloorEvent
MOVES: Final[dict[tuple[FloorState, FloorEvent], FloorState]] = {
    (_S.IDLE, _E.TALK_BEGAN): _S.OPENING,
    (_S.OPENING, _E.TIMER): _S.OFFICER,
    (_S.OPENING, _E.TALK_ENDED): _S.IDLE,
    (_S.OFFICER, _E.TALK_ENDED): _S.HANGING,
    (_S.HANGING, _E.TALK_BEGAN): _S.OFFICER,
    (_S.HANGING, _E.TIMER): _S.IDLE,
    (_S.IDLE, _E.KEY): _S.LEADING,
    (_S.LEADING, _E.TIMER): _S.KEYED,
    (_S.LEADING, _E.UNKEY): _S.IDLE,
    (_S.KEYED, _E.UNKEY): _S.TAILING,
    (_S.TAILING, _E.AGAIN): _S.KEYED,
    (_S.TAILING, _E.TIMER): _S.IDLE,
    **{(state, _E.TAKE_OVER): _S.LEADING for state in (_S.IDLE, _S.OPENING, _S.OFFICER, _S.HANGING, _S.LEADING)},
    **{(state, _E.TAKE_OVER): _S.KEYED for state in (_S.KEYED, _S.TAILING)},  # the transmitter is up already
    **{(state, _E.LEG_LOST): _S.IDLE for state in (_S.LEADING, _S.KEYED, _S.TAILING)},
    **{(state, _E.GATEWAY_LOST): _S.IDLE for state in FloorState if state is not _S.IDLE},
    **{(state, _E.TIME_UP): _S.IDLE for state in (_S.OFFICER, _S.HANGING, _S.LEADING, _S.KEYED, _S.TAILING)},
}

_TRANSMITS: Final = frozenset({_S.LEADING, _S.KEYED, _S.TAILING})
_ON_AIR: Final = frozenset({_S.OFFICER, _S.HANGING}) | _TRANSMITS
_HEARD: Final = frozenset({_S.KEYED, _S.TAILING})
_OF_THE_TALKER: Final = frozenset({_E.UNKEY, _E.LEG_LOST, _E.AGAIN})
"""What only the talker can do."""

_REASONS: Final = {
    _E.TIME_UP: Reason.TIME_OUT,
    _E.TAKE_OVER: Reason.TAKEN_OVER,
    _E.LEG_LOST: Reason.LEG_LOST,
    _E.GATEWAY_LOST: Reason.GATEWAY_LOST,
    _E.UNKEY: Reason.UNKEYED,
}


@dataclass(frozen=True, slots=True)
class FloorRules:
    """A net's times, in seconds.

    ``attack`` is how long talk must be heard from the gateway to count, ``hang`` how long it may pause; ``lead`` is
    the time from key-down to the operator's first word on the net, and as long is the tail; ``longest`` is
    the longest transmission.
    """

    attack: float = 0.1
    hang: float = 0.4
    lead: float = 0.0
    longest: float = 60.0


QUIET_SECONDS, KEY_SECONDS, PAUSE_SECONDS = 0.1, 0.08, 0.06
"""Asterisk waits before the first key; how long a key is pressed for the gateway; the pause before the next one."""


@dataclass(frozen=True, slots=True)
class Ptt:
    """The keys that switch the gateway's transmitter on and off."""

    down: str
    up: str

    @property
    def seconds(self) -> float:
        """How long pressing the keys for ``down`` takes."""
        return QUIET_SECONDS + len(self.down) * KEY_SECONDS + (len(self.down) - 1) * PAUSE_SECONDS


@dataclass(frozen=True, slots=True)
class NetRules:
    """A net, as the configuration has it.

    ``dial`` is what reaches its gateway. ``ptt`` None: the gateway transmits what it hears (vox). ``talk_level`` is
    the average magnitude of samples from which on sound is talk (1 to 32767). ``by_voice``: operators key by speaking,
    too. ``call_code`` is what an officer presses to have an operator rung; empty: nothing is.
    """

    net: str
    name: str
    dial: str
    is_always_up: bool = True
    ptt: Ptt | None = None
    talk_level: int = 256
    by_voice: bool = False
    call_code: str = ""
    floor: FloorRules = FloorRules()


@dataclass(frozen=True, slots=True)
class Floor:
    """A net's floor. All times are moments of a clock that only goes forward, in seconds.

    ``talker`` has it since ``since``; ``until`` is when the state is over by itself, ``ends`` when the transmission
    must be. ``talks`` tells whether talk is heard from the gateway now, whoever has the floor; ``has_stuck``, that it
    is of an officer who was on the air for too long, and for whom nobody waits any more.
    """

    state: FloorState = FloorState.IDLE
    talker: str = ""
    since: float = 0.0
    until: float = NEVER
    ends: float = NEVER
    talks: bool = False
    has_stuck: bool = False

    @property
    def officer_sends(self) -> bool:
        """Whether somebody holds a radio's key, as far as is known: they talk, or have paused for a moment."""
        return self.talks or self.talker == OFFICER

    @property
    def on_air(self) -> bool:
        """Whether a transmission goes on, an officer's or ours."""
        return self.state in _ON_AIR

    @property
    def transmits(self) -> bool:
        """Whether the gateway's transmitter is to be on."""
        return self.state in _TRANSMITS

    @property
    def voice(self) -> str:
        """Who of ours is heard on the net; empty: nobody."""
        return self.talker if self.state in _HEARD else ""

    @property
    def deadline(self) -> float:
        """When ``tick`` must be called; ``NEVER`` while nothing ends by itself."""
        return min(self.until, self.ends)


@dataclass(frozen=True, slots=True)
class Began:
    """A transmission began at a moment."""

    talker: str
    at: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A transmission that began at ``since`` ended ``at`` a moment."""

    talker: str
    since: float
    at: float
    reason: Reason


@dataclass(frozen=True, slots=True)
class Refused:
    """Somebody keyed, and the floor was not free."""

    who: str


Happened: TypeAlias = Began | Ended | Refused


def step(
    floor: Floor, event: FloorEvent, *, now: float, rules: FloorRules, who: str = ""
) -> tuple[Floor, list[Happened]]:
    """The floor after an event, and what is to be told, in its order; ``who`` keys, unkeys or is lost.

    What was over by ``now`` has ended before the event.
    """
    floor, happened = tick(floor, now=now, rules=rules)
    if event in {_E.KEY, _E.TAKE_OVER} and who == floor.talker:
        event = _E.AGAIN
    if event in {_E.TALK_BEGAN, _E.TALK_ENDED}:
        floor = replace(floor, talks=event is _E.TALK_BEGAN, has_stuck=False)
    elif event in _OF_THE_TALKER and who != floor.talker:
        return floor, happened
    after, more = _move(floor, event, now, rules, who)
    after, rest = tick(after, now=now, rules=rules)
    return after, happened + more + rest


def tick(floor: Floor, *, now: float, rules: FloorRules) -> tuple[Floor, list[Happened]]:
    """The floor when it is ``now``: what had to end by itself has ended."""
    happened: list[Happened] = []
    while (moment := floor.deadline) <= now:
        event = _E.TIME_UP if floor.ends <= moment else _E.TIMER
        floor, more = _move(floor, event, moment, rules, floor.talker)
        happened += more
    return floor, happened


def _move(floor: Floor, event: FloorEvent, now: float, rules: FloorRules, who: str) -> tuple[Floor, list[Happened]]:
    state = MOVES.get((floor.state, event))
    if event is _E.GATEWAY_LOST:
        floor = replace(floor, talks=False, has_stuck=False)
    if state is None:
        return floor, [Refused(who)] if event is _E.KEY else []
    happened: list[Happened] = []
    talker = who if event in {_E.KEY, _E.TAKE_OVER} else OFFICER if event is _E.TALK_BEGAN else floor.talker
    if floor.on_air and (state is _S.IDLE or talker != floor.talker):
        happened.append(Ended(floor.talker, floor.since, now, _REASONS.get(event) or _by_itself(floor)))
        # Who is on the air for too long is not listened for until they have paused: others can use the floor.
        if event is _E.TIME_UP and floor.talker == OFFICER:
            floor = replace(floor, has_stuck=floor.talks)
    if state is _S.IDLE:
        return _idle(floor, now, rules), happened
    is_new = talker != floor.talker
    since = now if is_new else floor.since
    if (is_new and talker != OFFICER) or (floor.state is _S.OPENING and state is _S.OFFICER):
        happened.append(Began(talker, since))
    lasts = {_S.OPENING: rules.attack, _S.HANGING: rules.hang, _S.LEADING: rules.lead, _S.TAILING: rules.lead}
    ends = NEVER if state is _S.OPENING else since + rules.longest
    until = now + lasts.get(state, NEVER)
    return Floor(state, talker, since, until, ends, floor.talks, floor.has_stuck), happened


def _by_itself(floor: Floor) -> Reason:
    return Reason.SILENT if floor.talker == OFFICER else Reason.UNKEYED


def _idle(floor: Floor, now: float, rules: FloorRules) -> Floor:
    """Nobody has the floor; or an officer, who talked all the time."""
    if floor.talks and not floor.has_stuck:
        return Floor(_S.OPENING, OFFICER, now, now + rules.attack, NEVER, talks=True)
    return Floor(talks=floor.talks, has_stuck=floor.has_stuck)
