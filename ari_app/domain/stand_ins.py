"""Stand-ins: channels that Asterisk makes by itself, in the place of a phone whose transfer key was pressed."""

from __future__ import annotations

from collections.abc import Iterable

from ari_app.domain.radio import NET_PREFIX
from ari_app.domain.seen import SeenBridge, SeenChannel


def strangers_on_nets(channels: Iterable[SeenChannel], bridges: Iterable[SeenBridge]) -> list[str]:
    """Whom Asterisk has put onto a radio net by itself: nobody mutes them, and nobody could key for them."""
    inside = {leg for bridge in bridges if bridge.id.startswith(NET_PREFIX) for leg in bridge.channels}
    return [each.id for each in channels if each.is_stand_in and each.id in inside]
