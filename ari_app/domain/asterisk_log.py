"""What Asterisk itself wrote down of the calls (``asterisk_conf/cel.conf``), folded into one entry a call.

It is written without the application, so it bears witness to what the journal says (``witness``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

FROM_TRUNK: Final = "from-trunk"
"""The dialplan's context in which every call to 110 begins, and nothing else."""

_FALLBACK: Final = "fallback"
"""How the contexts begin in which the dialplan rings the desks by itself."""

STARTED, ANSWERED, ENDED, ENTERED, LEFT = "CHAN_START", "ANSWER", "HANGUP", "BRIDGE_ENTER", "BRIDGE_EXIT"
_KINDS: Final = frozenset({STARTED, ANSWERED, ENDED, ENTERED, LEFT})
_FIELDS: Final = 6
_OWN_ID: Final = re.compile(r"([0-9]{1,12})\.([0-9]{1,12})")
_RACE_SECONDS: Final = 2
"""Two calls that come in together may get their numbers in the other order, never so far apart."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line. ``channel`` is its id, ``name`` such as ``PJSIP/1001-0000002a``.

    ``bridge`` is the one that was entered or left; ``cause`` (Q.850) belongs to ``HANGUP``. Who hung up is not used:
    Asterisk names who was the first in the whole call.
    """

    at: datetime
    kind: str
    channel: str
    name: str
    context: str = ""
    bridge: str = ""
    cause: int = 0


@dataclass(frozen=True, slots=True)
class End:
    """The end of a caller's channel."""

    at: datetime
    cause: int


@dataclass(slots=True)
class Together:
    """The caller and somebody else heard each other: since when first, and for how long in all."""

    since: datetime
    lasted: timedelta = timedelta()


@dataclass(slots=True)
class Seen:
    """A call to 110 as Asterisk saw it.

    ``last`` is when it was last named. ``begun`` and ``ended`` have one entry each when all is well; no end: it lives,
    or Asterisk died. ``together`` is by the other's endpoint, which is a desk's extension. ``cut`` is the last that
    Asterisk wrote before it died with the call. ``in_fallback`` is how long the caller heard somebody who answered
    there; None: nobody did.
    """

    last: datetime
    begun: list[datetime] = field(default_factory=list)
    ended: list[End] = field(default_factory=list)
    together: dict[str, Together] = field(default_factory=dict)
    cut: datetime | None = None
    in_fallback: timedelta | None = None


def parse(line: str) -> Event | None:
    """The event in one line; None when it is damaged (a crash or a full disk in the middle of writing it)."""
    parts = line.split("\t")
    if len(parts) != _FIELDS or parts[1] not in _KINDS or not parts[2] or not parts[3]:
        return None
    at, kind, channel, name, context, more = parts
    try:
        moment = datetime.fromtimestamp(int(at[:-7]), UTC) + timedelta(microseconds=int(at[-6:]))
        extra = json.loads(more[1:-1].replace('""', '"')) if more else {}
        if kind == ENDED:
            return Event(moment, kind, channel, name, context, cause=int(extra["hangupcause"]))
        bridge = str(extra["bridge_id"]) if kind in {ENTERED, LEFT} else ""
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return Event(moment, kind, channel, name, context, bridge)


def fold(events: Iterable[Event], started: datetime | None = None) -> dict[str, Seen]:
    """The calls to 110 in Asterisk's lines, in the order in which they were written, by the call's id.

    ``started`` is when the Asterisk that runs now was started, where that is known: what lived before died.
    """
    reading = _Reading()
    for event in events:
        reading.take(event)
    for call in reading.calls.values():
        if started is not None and call.last < started and not call.ended and call.cut is None:
            call.cut = call.last
    return reading.calls


class _Reading:
    """Follows who is in which bridge."""

    def __init__(self) -> None:
        self.calls: dict[str, Seen] = {}
        self._bridges: dict[str, dict[str, Event]] = {}
        self._since: dict[tuple[str, str], datetime] = {}
        """From when on a caller and another channel hear each other."""
        self._highest = (0, -1)
        self._last = datetime.min.replace(tzinfo=UTC)

    def take(self, event: Event) -> None:
        """Take the next line."""
        if event.kind == STARTED and self._is_new_run(event.channel):
            self._cut_off()
        self._last = event.at
        if event.kind == STARTED and event.context == FROM_TRUNK:
            self.calls.setdefault(event.channel, Seen(event.at)).begun.append(event.at)
        if event.kind == ENTERED:
            self._enter(event)
        elif event.kind == LEFT:
            self._leave(event, event.bridge)
        elif event.kind == ENDED:
            self._end(event)
        call = self.calls.get(event.channel)
        if call is not None:
            call.last = event.at

    def _is_new_run(self, channel: str) -> bool:
        """Whether Asterisk has been started anew: then it numbers the channels from 0 again (``SECONDS.NUMBER``)."""
        found = _OWN_ID.fullmatch(channel)
        if found is None:
            return False
        seconds, number = int(found[1]), int(found[2])
        before, highest = self._highest
        if number > highest:
            self._highest = seconds, number
            return False
        if abs(seconds - before) < _RACE_SECONDS:
            return False
        self._highest = seconds, number
        return True

    def _cut_off(self) -> None:
        """Asterisk died, and everything with it that lived."""
        for call in self.calls.values():
            if not call.ended and call.cut is None:
                call.cut = self._last
        self._bridges.clear()
        self._since.clear()

    def _enter(self, event: Event) -> None:
        inside = self._bridges.setdefault(event.bridge, {})
        for other in inside.values():
            for caller, leg in ((event, other), (other, event)):
                if caller.channel in self.calls and leg.channel not in self.calls:
                    self._meet(caller, leg, event.at)
        inside[event.channel] = event

    def _meet(self, caller: Event, leg: Event, at: datetime) -> None:
        self._since.setdefault((caller.channel, leg.channel), at)
        call = self.calls[caller.channel]
        call.together.setdefault(endpoint(leg.name), Together(at))
        if caller.context.startswith(_FALLBACK):
            call.in_fallback = call.in_fallback or timedelta()

    def _leave(self, event: Event, bridge: str) -> None:
        inside = self._bridges.get(bridge, {})
        gone = inside.pop(event.channel, None)
        if gone is None:
            return
        for other in inside.values():
            for caller, leg in ((gone, other), (other, gone)):
                self._part(caller, leg, event.at)
        if not inside:
            del self._bridges[bridge]

    def _part(self, caller: Event, leg: Event, at: datetime) -> None:
        since = self._since.pop((caller.channel, leg.channel), None)
        if since is None:
            return
        call, lasted = self.calls[caller.channel], max(timedelta(), at - since)
        call.together[endpoint(leg.name)].lasted += lasted
        if call.in_fallback is not None:
            call.in_fallback += lasted

    def _end(self, event: Event) -> None:
        for bridge in [each for each, inside in self._bridges.items() if event.channel in inside]:
            self._leave(event, bridge)
        if event.channel in self.calls:
            self.calls[event.channel].ended.append(End(event.at, event.cause))


def endpoint(name: str) -> str:
    """The endpoint in a channel's name: ``1001`` of ``PJSIP/1001-0000002a``."""
    return name.partition("/")[2].rpartition("-")[0]
