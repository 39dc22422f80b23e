"""What lives in Asterisk, as the decisions about it need it (``domain.recovery``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ari_app.ari.model import Channel, endpoint_of
from ari_app.domain.seen import SeenBridge, SeenChannel

if TYPE_CHECKING:
    from ari_app.ari.commands import Commands

_RUNG_BY: Final = "AppDial"
"""So Asterisk calls the far end of the dialplan's ``Dial()``."""

_STAND_IN: Final = "Local/"
"""How the names of the channels begin that Asterisk makes by itself, when a phone's own transfer key is pressed."""

_HELD_BY: Final = frozenset({"Stasis", "StasisBroadcast"})


def seen(channel: Channel) -> SeenChannel:
    """What is to be known of a channel."""
    return SeenChannel(
        id=channel.id,
        endpoint=endpoint_of(channel),
        held=channel.dialplan.app_name in _HELD_BY,
        up=channel.state == "Up",
        number=channel.caller.number,
        dialled=channel.dialplan.exten,
        context=channel.dialplan.context,
        since=channel.creationtime,
        rung=channel.dialplan.app_name == _RUNG_BY,
        is_stand_in=channel.name.startswith(_STAND_IN),
    )


async def look(asterisk: Commands) -> tuple[list[SeenChannel], list[SeenBridge]]:
    """Every living channel, and then every bridge.

    Raises:
        AriError: Asterisk could not be asked.
    """
    channels = [seen(channel) for channel in await asterisk.channels()]
    return channels, [SeenBridge(bridge.id, frozenset(bridge.channels)) for bridge in await asterisk.bridges()]
