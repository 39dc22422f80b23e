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


class RTPstat(msgspec.Struct, frozen=True):
    """What a leg's audio has come to: packets received."""

    rxcount: int


class StatusInfo(msgspec.Struct, frozen=True):
    """Since when Asterisk runs (ISO 8601)."""

    startup_time: str


class AsteriskInfo(msgspec.Struct, frozen=True):
    """What Asterisk tells of itself."""

    status: StatusInfo = StatusInfo("")


class Variable(msgspec.Struct, frozen=True):
    """One of Asterisk's variables; empty: it is not set."""

    value: str


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
    timestamp: str = ""


class ChannelStateChange(msgspec.Struct, frozen=True, tag_field="type", tag="ChannelStateChange"):
    """A channel rings, or was answered (``channel.state`` is ``Up``)."""

    channel: Channel


class ChannelDestroyed(msgspec.Struct, frozen=True, tag_field="type", tag="ChannelDestroyed"):
    """A leg is over; ``cause`` is a Q.850 cause."""

    channel: Channel
    cause: int
    cause_txt: str
    timestamp: str = ""


class ChannelDtmfReceived(msgspec.Struct, frozen=True, tag_field="type", tag="ChannelDtmfReceived"):
    """A key was pressed on a telephone: ``0`` to ``9``, ``*``, ``#`` or ``A`` to ``D``. Some are told twice.

    ``duration_ms`` is for how long, as far as the telephone says.
    """

    channel: Channel
    digit: str
    duration_ms: int = 0
    timestamp: str = ""


class ChannelHold(msgspec.Struct, frozen=True, tag_field="type", tag="ChannelHold"):
    """A telephone's own hold key was pressed."""

    channel: Channel


class ChannelUnhold(msgspec.Struct, frozen=True, tag_field="type", tag="ChannelUnhold"):
    """A telephone's own hold key was pressed again."""

    channel: Channel


class ChannelTalkingStarted(msgspec.Struct, frozen=True, tag_field="type", tag="ChannelTalkingStarted"):
    """Talk is heard from a leg for which ``detect_talk`` was asked; told with its first 20 ms."""

    channel: Channel


class ChannelTalkingFinished(msgspec.Struct, frozen=True, tag_field="type", tag="ChannelTalkingFinished"):
    """It is no longer. Not told when the leg sends nothing at all: then no silence is heard either."""

    channel: Channel


class Playback(msgspec.Struct, frozen=True):
    """What is played to a leg; ``state`` is ``done``, ``failed`` or another."""

    id: str
    target_uri: str
    state: str = ""


class PlaybackFinished(msgspec.Struct, frozen=True, tag_field="type", tag="PlaybackFinished"):
    """What was played is over: played to its end, or stopped."""

    playback: Playback


class BridgeBlindTransfer(msgspec.Struct, frozen=True, tag_field="type", tag="BridgeBlindTransfer"):
    """A telephone's own transfer key sends the other party to ``exten``; ``channel`` is the telephone's leg.

    Asterisk puts ``replace_channel`` into the bridge in its place.
    """

    channel: Channel
    exten: str
    result: str
    replace_channel: Channel | None = None


class BridgeAttendedTransfer(msgspec.Struct, frozen=True, tag_field="type", tag="BridgeAttendedTransfer"):
    """A telephone joins the parties of its two calls, and leaves both.

    The first call is the one in which it was asked for; which of the two that is differs from phone to phone. Asterisk
    puts ``destination_link_first_leg`` into the first call's bridge in its place. ``transferee`` is the other party of
    the first call, ``transfer_target`` that of the second: where there is just one, in a bridge that does not mix.
    While the second still rings, ``replace_channel`` comes into the first's bridge.
    """

    transferer_first_leg: Channel
    result: str
    transfer_target: Channel | None = None
    destination_link_first_leg: Channel | None = None
    transferer_second_leg: Channel | None = None
    transferee: Channel | None = None
    destination_link_second_leg: Channel | None = None
    replace_channel: Channel | None = None

    def from_the_second(self) -> BridgeAttendedTransfer:
        """The same as if it had been asked for in the second call; itself, where no second one is named."""
        if self.transferer_second_leg is None:
            return self
        return BridgeAttendedTransfer(
            self.transferer_second_leg, self.result, self.transferee, self.destination_link_second_leg,
            self.transferer_first_leg, self.transfer_target, self.destination_link_first_leg, self.replace_channel,
        )  # fmt: skip


class PeerStatusChange(msgspec.Struct, frozen=True, tag_field="type", tag="PeerStatusChange"):
    """A phone registered or its registration ended.

    Not ``EndpointStateChange``, which comes each time that a call begins or ends there, too.
    """

    endpoint: Endpoint


class ApplicationReplaced(msgspec.Struct, frozen=True, tag_field="type", tag="ApplicationReplaced"):
    """Another program took our application's name."""


class ChannelUserevent(msgspec.Struct, frozen=True, tag_field="type", tag="ChannelUserevent"):
    """An event that a program had Asterisk send: only our own, which shows that events come."""

    eventname: str


class RESTResponse(msgspec.Struct, frozen=True, tag_field="type", tag="RESTResponse"):
    """The answer to an order that went over the websocket."""

    request_id: str
    status_code: int
    reason_phrase: str
    message_body: str = ""


LegEvent: TypeAlias = (
    StasisStart
    | StasisEnd
    | ChannelStateChange
    | ChannelDestroyed
    | ChannelDtmfReceived
    | ChannelHold
    | ChannelUnhold
    | ChannelTalkingStarted
    | ChannelTalkingFinished
    | PlaybackFinished
    | BridgeBlindTransfer
    | BridgeAttendedTransfer
)
Event: TypeAlias = CallBroadcast | LegEvent | PeerStatusChange | ApplicationReplaced
Message: TypeAlias = Event | ChannelUserevent | RESTResponse

EVENT_TYPES: Final = (
    CallBroadcast,
    StasisStart,
    StasisEnd,
    ChannelStateChange,
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelHold,
    ChannelUnhold,
    ChannelTalkingStarted,
    ChannelTalkingFinished,
    PlaybackFinished,
    BridgeBlindTransfer,
    BridgeAttendedTransfer,
    PeerStatusChange,
    ApplicationReplaced,
    ChannelUserevent,
    RESTResponse,
)
"""Everything that we let Asterisk send; the rest is filtered out at its end, even answers to orders (measured)."""

PHONE_EVENTS: Final = (PeerStatusChange,)
"""Those of them that are about phones, whether they are in a call or not."""


def endpoint_of(channel: Channel) -> str:
    """The phone or trunk that a channel belongs to: ``1001`` of ``PJSIP/1001-0000002a``."""
    return channel.name.partition("/")[2].rpartition("-")[0]


def leg_of(event: LegEvent) -> str:
    """The id of the leg that an event is about."""
    if isinstance(event, PlaybackFinished):
        return event.playback.target_uri.removeprefix("channel:")
    if isinstance(event, BridgeAttendedTransfer):
        return event.transferer_first_leg.id
    return event.channel.id


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
