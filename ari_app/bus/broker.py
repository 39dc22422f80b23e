"""Where the broker is, and a connection to it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from aiomqtt import Client, ProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ari_app.site.secrets import Secrets
from ari_app.site.settings import Mqtt

PREFIX: Final = "siaga110"

LARGEST_PACKET: Final = 2**20
"""Bytes; the broker holds back what is larger, so that nobody fills our memory."""

_PLAIN_PORT, _TLS_PORT = 1883, 8883
_WAITING: Final = 1000


@dataclass(frozen=True, slots=True)
class Broker:
    """An MQTT 5 broker, and who we are there."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    is_tls: bool = False

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def broker_of(mqtt: Mqtt, secrets: Secrets, role: str) -> Broker:
    """The configured broker for a role of ours: ``application``, ``supervisor`` or ``wallboard``.

    A user and a password in ``mqtt.url`` go before our own.
    """
    own = mqtt.own_broker
    if own is not None:
        return Broker(own.host, own.port, role, secrets.mqtt[role])
    url = urlsplit(mqtt.url or "")
    is_tls = url.scheme == "mqtts"
    return Broker(
        url.hostname or "localhost",
        url.port or (_TLS_PORT if is_tls else _PLAIN_PORT),
        unquote(url.username) if url.username else role,
        unquote(url.password) if url.password else secrets.mqtt[role],
        is_tls=is_tls,
    )


def connect(broker: Broker, *, timeout: float) -> Client:
    """A client whose session ends with it, to be entered with ``async with``; every step takes ``timeout`` s at most.

    It raises aiomqtt's ``MqttError``, ``MqttConnectError`` where the broker does not let us in.
    """
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types here
    properties.MaximumPacketSize = LARGEST_PACKET
    return Client(
        broker.host,
        broker.port,
        username=broker.user,
        password=broker.password,
        protocol=ProtocolVersion.V5,
        clean_start=True,
        properties=properties,
        timeout=timeout,
        keepalive=10,
        max_queued_incoming_messages=_WAITING,
        tls_context=ssl.create_default_context() if broker.is_tls else None,
    )


def publishing(*, correlation: bytes, expiry: int, response_topic: str | None = None) -> Properties:
    """The properties of a request or an answer; ``expiry`` in seconds."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.CorrelationData = correlation
    properties.MessageExpiryInterval = expiry
    if response_topic is not None:
        properties.ResponseTopic = response_topic
    return properties
