"""What Asterisk sends: the fields that we use of its channels, bridges, endpoints and events.

Decoded by msgspec straight from the bytes; fields that are not named here are skipped. The test
``tests/asterisk/test_ari_docs.py`` holds every type and field against the running Asterisk's own
``/ari/api-docs``.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec


class CallerID(msgspec.Struct, frozen=True):
    """A party's name and number, both possibly empty."""

    name: str = ""
    number: str = ""


class DialplanCEP(msgspec.Struct, frozen=True):
    """Where in the dialplan a channel is."""

    context: str = ""
    exten: str = ""
    app_name: str = ""


class Channel(msgspec.Struct, frozen=True):
    """One leg, as Asterisk sees it. ``state`` is ``Down``, ``Ring``, ``Ringing``, ``Up`` or another."""

    id: str
    name: str
    state: str
    caller: CallerID
    dialplan: DialplanCEP
    creationtime: str = ""


class Bridge(msgspec.Struct, frozen=True):
    """A mixing bridge and the ids of the channels in it."""

    id: str
    bridge_type: str
    channels: list[str]


class Endpoint(msgspec.Struct, frozen=True):
    """A configured phone or trunk; ``state`` is ``online``, ``offline``, ``unknown`` or missing."""

    technology: str
    resource: str
    channel_ids: list[str]
    state: str | None = None


class Application(msgspec.Struct, frozen=True):
    """A Stasis application that is known to Asterisk."""

    name: str


class CallBroadcast(msgspec.Struct, frozen=True, tag_field="type", tag="CallBroadcast"):
    """A call is offered to every application; the first to claim it has it."""

    channel: Channel
    caller: str | None = None
    called: str | None = None


class StasisStart(msgspec.Struct, frozen=True, tag_field="type", tag="StasisStart"):
    """A channel is now under an application's control."""

    channel: Channel
    args: list[str]


class StasisEnd(msgspec.Struct, frozen=True, tag_field="type", tag="StasisEnd"):
    """A channel has left the application: hung up, or gone on in the dialplan."""

    channel: Channel


class ChannelStateChange(msgspec.Struct, frozen=True, tag_field="type", tag="ChannelStateChange"):
    """A channel rings, or was answered (``channel.state`` is ``Up``)."""

    channel: Channel


class ChannelDestroyed(msgspec.Struct, frozen=True, tag_field="type", tag="ChannelDestroyed"):
    """A leg is over; ``cause`` is a Q.850 cause."""

    channel: Channel
    cause: int
    cause_txt: str


class EndpointStateChange(msgspec.Struct, frozen=True, tag_field="type", tag="EndpointStateChange"):
    """A phone registered or its registration ended."""

    endpoint: Endpoint


class ApplicationReplaced(msgspec.Struct, frozen=True, tag_field="type", tag="ApplicationReplaced"):
    """Another program took our application's name."""


class RESTResponse(msgspec.Struct, frozen=True, tag_field="type", tag="RESTResponse"):
    """The answer to an order that went over the websocket."""

    request_id: str
    status_code: int
    reason_phrase: str
    message_body: str = ""


LegEvent: TypeAlias = StasisStart | StasisEnd | ChannelStateChange | ChannelDestroyed
Event: TypeAlias = CallBroadcast | LegEvent | EndpointStateChange | ApplicationReplaced
Message: TypeAlias = Event | RESTResponse

EVENT_TYPES: Final = (
    CallBroadcast,
    StasisStart,
    StasisEnd,
    ChannelStateChange,
    ChannelDestroyed,
    EndpointStateChange,
    ApplicationReplaced,
    RESTResponse,
)
"""Everything that we let Asterisk send; the rest is filtered out at its end, even answers to orders (measured)."""

PHONE_EVENTS: Final = (EndpointStateChange,)
"""Those of them that are about phones, whether they are in a call or not."""

_decoder: Final = msgspec.json.Decoder(Message)


class _AnyEvent(msgspec.Struct, frozen=True):
    type: str = ""


_type_decoder: Final = msgspec.json.Decoder(_AnyEvent)
_KNOWN: Final = {kind.__name__ for kind in EVENT_TYPES}


def decode_message(message: bytes | str) -> Message | None:
    """The event or answer in one websocket message; None for a kind that we did not ask for.

    Raises:
        msgspec.DecodeError: it is not an event, or one of ours with other fields than Asterisk 22's.
    """
    try:
        found: Message = _decoder.decode(message)
    except msgspec.ValidationError:
        if _type_decoder.decode(message).type in _KNOWN:
            raise
        return None
    return found
