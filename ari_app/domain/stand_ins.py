"""Stand-ins: channels that Asterisk makes by itself, in the place of a phone whose transfer key was pressed.

Somebody is heard through one: with a phone's two calls joined, who is in the other one. That may be a caller whom the
dialplan's fallback has given to the desk, and who is in no call of ours; the stand-in is in our bridge, and held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ari_app.domain.radio import NET_PREFIX
from ari_app.domain.seen import SeenBridge, SeenChannel, call_of, is_operators


def joined(channels: Mapping[str, SeenChannel], bridges: Iterable[SeenBridge]) -> dict[str, list[SeenChannel]]:
    """Bridges of ours in which stand-ins talk with desks or each other, and the desks' legs: they go on by themselves.

    A channel that was not there yet when the channels were asked for (``channels``, by id) is one: only Asterisk puts
    anybody into a bridge behind whose legs there is no flow.
    """
    found: dict[str, list[SeenChannel]] = {}
    for bridge in bridges:
        others = [channels.get(each) for each in bridge.channels if call_of(each) is None]
        if call_of(bridge.id) is None or bridge.id.startswith(NET_PREFIX) or not others:
            continue
        legs = [channels[each] for each in sorted(bridge.channels & channels.keys()) if is_operators(each)]
        up = [leg for leg in legs if leg.up]
        if len(up) + len(others) > 1 and all(other is None or other.is_stand_in for other in others):
            found[bridge.id] = up
    return found


def inside(channels: Iterable[SeenChannel], bridges: Iterable[SeenBridge]) -> list[str]:
    """The stand-ins in these bridges."""
    there = {channel for bridge in bridges for channel in bridge.channels}
    return [each.id for each in channels if each.is_stand_in and each.id in there]


def strangers_on_nets(channels: Iterable[SeenChannel], bridges: Iterable[SeenBridge]) -> list[str]:
    """Whom Asterisk has put onto a radio net by itself: nobody mutes them, and nobody could key for them."""
    return inside(channels, [bridge for bridge in bridges if bridge.id.startswith(NET_PREFIX)])


def loose(channels: Iterable[SeenChannel], bridges: Iterable[SeenBridge]) -> set[str]:
    """The stand-ins that are held and in no bridge: nobody is heard through them, or they are just on their way in."""
    inside_one = {channel for bridge in bridges for channel in bridge.channels}
    return {each.id for each in channels if each.is_stand_in and each.held and each.id not in inside_one}
