"""What to do about calls that live in Asterisk and that we do not know of, or the other way round.

A pure decision (DESIGN.md, principle 4): the state is in Asterisk and in the journal; whoever starts, or
has been cut off, looks at both and carries on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from ari_app.domain import stand_ins
from ari_app.domain.facts import Json
from ari_app.domain.radio import NET_PREFIX
from ari_app.domain.seen import SeenBridge, SeenChannel, call_of, is_operators

ANSWERED, BLOCKED_CALL, CLAIMED, CLOSED = "call.answered", "call.blocked", "call.emergency_claimed", "call.closed"
UNBLOCKED_NUMBER: Final = "number.unblocked"
ON_NET: Final = "radio.patched"
TAKEN, TAKEN_BACK = "call.transfer_answered", "call.taken_back"
STORY_ACTIONS: Final = (ANSWERED, BLOCKED_CALL, CLAIMED, CLOSED, UNBLOCKED_NUMBER, ON_NET, TAKEN, TAKEN_BACK)
"""What of a call is to be known besides its last action."""

CLASSIFIED: Final = "call.classified"
REMARKS: Final = (CLASSIFIED, "call.noted", "call.adopted")
"""What is told of a call and says nothing of where the caller is. Taken up again, they are where they were."""

CLOSED_CONTEXT: Final = "closed"
"""Where the dialplan says the salutation of a call that was closed, and hangs up (``Mark.CLOSED``)."""


class Story(Struct, frozen=True):
    """What was told of a call that has not ended, as far as whoever takes it up needs it.

    ``last`` is the last ``call.*`` action but ``REMARKS``; ``is_blocked``: the call's number was blocked when
    it came in, and nobody has unblocked it in this call; ``claims_emergency``: its caller has said by key that it is an
    emergency (SOP VIII); ``was_answered``: an operator has spoken with the caller; ``is_closed``: nothing comes but the
    salutation; ``is_emergency``: an operator or a supervisor has said so; ``was_on_net``: an operator has been on a
    radio net in this call, perhaps with the caller, where both are muted; ``is_not_taken``: a Polres did not take it,
    and none has since (SOP V.10). ``since`` is when it came in (ISO 8601), where that was read from the journal.
    """

    last: str
    is_blocked: bool = False
    claims_emergency: bool = False
    was_answered: bool = False
    since: str = ""
    is_closed: bool = False
    is_emergency: bool = False
    was_on_net: bool = False
    is_not_taken: bool = False

    def after(self, action: str, data: Mapping[str, Json] = MappingProxyType({})) -> Story:
        """The story with one more line: one of ``call.*``, or of ``STORY_ACTIONS``; ``data`` is what it says."""
        if action in REMARKS:
            said = data.get("emergency")
            return replace(self, is_emergency=said) if isinstance(said, bool) and action == CLASSIFIED else self
        return Story(
            action if action.startswith("call.") else self.last,
            is_blocked=action == BLOCKED_CALL or (self.is_blocked and action != UNBLOCKED_NUMBER),
            claims_emergency=self.claims_emergency or action == CLAIMED,
            was_answered=self.was_answered or action == ANSWERED,
            since=self.since,
            is_closed=self.is_closed or action == CLOSED,
            is_emergency=self.is_emergency,
            was_on_net=self.was_on_net or action == ON_NET,
            is_not_taken=action == TAKEN_BACK or (self.is_not_taken and action != TAKEN),
        )

    @property
    def is_to_be_verified(self) -> bool:
        """Whether the caller waits behind everybody else, for an operator who verifies the number (SOP VIII)."""
        return self.is_blocked and not self.claims_emergency


def died_at(story: Story | None, began: str, link_lost: datetime | None) -> datetime | None:
    """When Asterisk died with a call whose end nobody noted; None: it is not known that it did.

    ``began`` is since when it runs now (ISO 8601), ``link_lost`` when the link to it broke last.
    """
    restarted, since = moment(began), moment(story.since) if story is not None else None
    if restarted is None or since is None or since >= restarted:
        return None
    return link_lost if link_lost is not None and since <= link_lost < restarted else restarted


def seconds_since(at: str, now: datetime) -> float:
    """How long ago something was (ISO 8601 with an offset): 0 where that is unknown, or the clock was put back."""
    then = moment(at)
    return 0.0 if then is None else max(0.0, (now - then).total_seconds())


def moment(at: str) -> datetime | None:
    """A moment that Asterisk or the journal names (ISO 8601 with an offset); None where it is none."""
    try:
        then = datetime.fromisoformat(at)
    except ValueError:
        return None
    return then if then.tzinfo is not None else None


@dataclass(frozen=True, slots=True)
class LegLost:
    """A leg that a flow counts on is gone: tell the flow."""

    leg: str


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """A leg that a flow waits for was answered, and is under our control: tell the flow."""

    leg: str


@dataclass(frozen=True, slots=True)
class AdoptTalk:
    """Caller and desk are in a talk and nobody watches over them.

    ``bridge`` is the caller's, None when they are in none; ``together``: the desk is in it as well, and so is
    ``third``, whom the operator has brought in. ``on_net``: the caller was with the operator on a radio net, whose
    bridge is not theirs; there, both are muted.
    """

    caller: SeenChannel
    leg: SeenChannel
    bridge: str | None
    together: bool = True
    third: SeenChannel | None = None
    on_net: bool = False

    @property
    def used(self) -> set[str]:
        """The legs and the bridge that go on."""
        return {self.leg.id, self.bridge or "", self.third.id if self.third is not None else ""}


@dataclass(frozen=True, slots=True)
class AdoptWaiting:
    """A caller waits and nobody looks after them. ``on_net``: in a radio net's bridge, where they are muted."""

    caller: SeenChannel
    on_net: bool = False


@dataclass(frozen=True, slots=True)
class AdoptColleagues:
    """Two desks talk to each other and nobody watches over them."""

    caller: SeenChannel
    leg: SeenChannel
    bridge: str | None

    @property
    def used(self) -> set[str]:
        """The leg and the bridge that go on."""
        return {self.leg.id, self.bridge or ""}


@dataclass(frozen=True, slots=True)
class HandBack:
    """A desk's own line that nobody looks after: the dialplan ends it, or has it on its radio net again."""

    channel: str
    desk: str


@dataclass(frozen=True, slots=True)
class EndStory:
    """The journal has the call living, and it is gone."""

    call: str


@dataclass(frozen=True, slots=True)
class InFallback:
    """The journal has the call with us, but the dialplan has taken it back."""

    call: str


@dataclass(frozen=True, slots=True)
class HangUpStray:
    """A leg of ours that belongs to no call any more, or a stand-in through which nobody talks to a leg of ours."""

    leg: str


@dataclass(frozen=True, slots=True)
class DestroyStray:
    """A bridge of ours that belongs to no call any more."""

    bridge: str


Action: TypeAlias = (
    LegLost
    | LegAnswered
    | AdoptTalk
    | AdoptWaiting
    | AdoptColleagues
    | HandBack
    | EndStory
    | InFallback
    | HangUpStray
    | DestroyStray
)


def decide(  # noqa: PLR0913 - named, and each a thing of its own
    channels: Iterable[SeenChannel],
    bridges: Iterable[SeenBridge],
    *,
    flows: Collection[str],
    legs: Collection[str],
    living: Collection[str],
    awaited: Collection[str] = (),
    nets: Collection[str] = (),
) -> list[Action]:
    """What must be done so that Asterisk, the journal and the flows agree.

    ``flows`` are the calls that have a flow, ``legs`` the channels that flows count on, and ``awaited`` those made for
    them that they know neither to be ours to act on nor to have ended (all as they were *before* Asterisk was asked, so
    that a call which came in meanwhile is not taken for lost);
    ``living`` are the calls that have begun and not ended in the journal; ``nets`` are the legs and bridges that
    the radio nets look after.
    """
    by_id = {channel.id: channel for channel in channels}
    found = list(bridges)
    operators = _Operators(by_id.values(), found)
    actions: list[Action] = [LegLost(leg) for leg in sorted(legs) if leg not in by_id]
    actions += [LegAnswered(leg) for leg in sorted(by_id.keys() & awaited) if by_id[leg].held and by_id[leg].up]
    adoptions: list[Action] = []
    used: set[str] = set(nets)
    for bridge, desks in stand_ins.joined(by_id, found).items():
        used |= {bridge, *(leg.id for leg in desks)}
    for channel in sorted(by_id.values(), key=lambda channel: channel.since):  # who came first keeps their place
        if channel.id in flows or channel.id in nets or not _is_line(channel):
            continue
        if channel.is_gateway:  # nobody could switch its transmitter off
            actions.append(HangUpStray(channel.id))
            continue
        adoption = _adoption(channel, operators)
        adoptions.append(adoption)
        if isinstance(adoption, AdoptTalk | AdoptColleagues):
            used |= adoption.used
    actions += [HangUpStray(leg) for leg in by_id if _stray(leg, flows, used)]
    strays = [bridge for bridge in found if _stray(bridge.id, flows, used)]
    nobody_talks_in = [*strays, *(bridge for bridge in found if bridge.id.startswith(NET_PREFIX))]
    actions += [HangUpStray(stand_in) for stand_in in stand_ins.inside(by_id.values(), nobody_talks_in)]
    actions += [DestroyStray(bridge.id) for bridge in strays]
    # After the strays: the phone that an adopted caller's old leg rings is free before it is rung again.
    actions += adoptions
    for call in living:
        if call in flows:
            continue
        if call not in by_id:
            actions.append(EndStory(call))
        elif not by_id[call].held and by_id[call].context != CLOSED_CONTEXT:  # its end is noted there
            actions.append(InFallback(call))
    return actions


def elsewhere(channels: Iterable[SeenChannel], bridges: Iterable[SeenBridge]) -> dict[str, str]:
    """The legs of desks that are not free for us.

    The dialplan rings them or talks with them, or has them from desks that dialled; or they are ours, and joined with
    somebody who is in no call of ours.
    """
    by_id = {channel.id: channel for channel in channels}
    theirs = [each for each in by_id.values() if call_of(each.id) is None and _is_at_desk(each)]
    return {leg.id: leg.endpoint for legs in (theirs, *stand_ins.joined(by_id, bridges).values()) for leg in legs}


def _is_line(channel: SeenChannel) -> bool:
    """Whether it is of somebody who has called, and with us; a stand-in has nobody's call."""
    return call_of(channel.id) is None and channel.held and not channel.is_stand_in


def _is_at_desk(channel: SeenChannel) -> bool:
    return channel.rung or (channel.is_desk_line and not channel.held and not channel.is_stand_in)


class _Operators:
    """The operators' legs that are up, by call and by bridge: found at once, however many calls there are.

    Who has the caller was there before whoever is asked, or has a call transferred to them: in that order.
    """

    def __init__(self, channels: Iterable[SeenChannel], bridges: Iterable[SeenBridge]) -> None:
        up = sorted((leg for leg in channels if is_operators(leg.id) and leg.up), key=lambda leg: (leg.since, leg.id))
        self._bridges: dict[str, SeenBridge] = {}
        for bridge in bridges:
            for inside in bridge.channels:
                self._bridges.setdefault(inside, bridge)
        self._by_call: dict[str, list[SeenChannel]] = {}
        self._by_bridge: dict[str, list[SeenChannel]] = {}
        for leg in up:
            self._by_call.setdefault(call_of(leg.id) or "", []).append(leg)
            if (inside_of := self._bridges.get(leg.id)) is not None:
                self._by_bridge.setdefault(inside_of.id, []).append(leg)

    def bridge(self, channel: str) -> SeenBridge | None:
        """The bridge that a channel is in."""
        return self._bridges.get(channel)

    def of_call(self, call: str) -> list[SeenChannel]:
        """Those that were made for this call."""
        return self._by_call.get(call, [])

    def inside(self, bridge: str) -> list[SeenChannel]:
        """Those in this bridge, whatever call they were made for: who came by an attended transfer has another's."""
        return self._by_bridge.get(bridge, [])


def _adoption(caller: SeenChannel, operators: _Operators) -> AdoptTalk | AdoptColleagues | AdoptWaiting | HandBack:
    """What becomes of a caller, or of a desk that dialled, whom nobody looks after."""
    bridge = operators.bridge(caller.id)
    on_net = bridge is not None and bridge.id.startswith(NET_PREFIX)
    place = None if bridge is None or on_net else bridge.id
    together = [] if place is None else operators.inside(place)
    # An operator who asks somebody else has the caller on hold in another bridge: they are together again then.
    leg = next(iter(together or [leg for leg in operators.of_call(caller.id) if leg.held]), None)
    if caller.is_desk_line:
        return HandBack(caller.id, caller.endpoint) if not together else AdoptColleagues(caller, together[0], place)
    if leg is None:
        return AdoptWaiting(caller, on_net)
    return AdoptTalk(caller, leg, place, bool(together), next(iter(together[1:]), None), on_net)


def _stray(made: str, flows: Collection[str], used: Collection[str]) -> bool:
    call = call_of(made)
    return call is not None and call not in flows and made not in used
