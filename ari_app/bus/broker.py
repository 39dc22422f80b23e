"""Where the broker is, and a connection to it."""

from __future__ import annotations

import math
import ssl
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from aiomqtt import Client, MqttError, ProtocolVersion, Will
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ari_app.site.secrets import Secrets
from ari_app.site.settings import Mqtt

LARGEST_PACKET: Final = 2**20
"""Bytes; the broker holds back what is larger, so that nobody fills our memory."""

_WAITING: Final = 1000


@dataclass(frozen=True, slots=True)
class Broker:
    """An MQTT 5 broker, and who we are there."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    is_tls: bool = False
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def identifier(self, name: str) -> str:
        """A client id that is ours again and again, and that nobody knows who has not got our password.

        With it a new connection drops the old one and its last will before it says anything; others who knew it could
        drop ours.
        """
        return f"siaga110-{name}-{sha256(f'{name}:{self.password}'.encode()).hexdigest()[:16]}"


def broker_of(mqtt: Mqtt, secrets: Secrets, role: str) -> Broker:
    """The configured broker for a role of ours: ``application``, ``supervisor`` or ``wallboard``.

    A user and a password in ``mqtt.url`` go before our own.
    """
    address, url = mqtt.address, urlsplit(mqtt.url or "")
    return Broker(
        address.host,
        address.port,
        unquote(url.username) if url.username else role,
        unquote(url.password) if url.password else secrets.mqtt[role],
        is_tls=mqtt.is_tls,
        ca=mqtt.ca,
        certificate=mqtt.certificate,
        key=mqtt.key,
    )


class BusClient(Client):
    """A client that notices when the broker takes a message and throws it away, for want of a right to write there."""

    refused = ""

    async def send(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1 and wait for the confirmation, however long it takes.

        Raises:
            MqttError: the broker is gone, or does not let us write there.
        """
        await self.publish(topic, payload, qos=1, retain=retain, timeout=math.inf)
        if self.refused:
            raise MqttError(f"the broker does not take what is published: {self.refused}")

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:  # noqa: ANN401 - as paho calls it
        if getattr(reason_code, "is_failure", False):
            self.refused = str(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)


def connect(broker: Broker, *, timeout: float, identifier: str | None = None, will: Will | None = None) -> BusClient:
    """A client whose session ends with it, to be entered with ``async with``; every step takes ``timeout`` s at most.

    Of two clients with the same ``identifier`` the broker drops the older one. It raises aiomqtt's ``MqttError``,
    ``MqttConnectError`` where the broker does not let us in, and ``OSError`` where a certificate cannot be read.
    """
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types here
    properties.MaximumPacketSize = LARGEST_PACKET
    client = BusClient(
        broker.host,
        broker.port,
        username=broker.user,
        password=broker.password,
        identifier=identifier,
        will=will,
        protocol=ProtocolVersion.V5,
        clean_start=True,
        properties=properties,
        timeout=timeout,
        keepalive=10,
        max_queued_incoming_messages=_WAITING,
        tls_context=tls_context(broker.ca, broker.certificate, broker.key) if broker.is_tls else None,
    )
    client.pending_calls_threshold = _WAITING
    return client


def tls_context(ca: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """What a TLS connection to a broker begins with: whom we trust (None: whom the system does), and who we are.

    Raises:
        OSError: a file cannot be read, or is not what it should be (``ssl.SSLError``).
    """
    context = ssl.create_default_context(cafile=ca)
    if certificate is not None:
        # A key with a password would be asked for at the terminal, which nobody sees.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    return context


def tls_trouble(mqtt: Mqtt) -> str:
    """What is wrong with the configured certificates: ``key: file: reason``; empty: nothing."""
    for name, ca, certificate, key in (("ca", mqtt.ca, None, None), ("certificate", None, mqtt.certificate, mqtt.key)):
        if ca is None and certificate is None:
            continue
        try:
            tls_context(ca, certificate, key)
        except OSError as error:
            files = " and ".join(str(path) for path in (ca, certificate, key) if path is not None)
            is_other = isinstance(error, ssl.SSLError)
            return f"mqtt.{name}: {files}: {'not what it should be: ' if is_other else ''}{error.strerror or error}"
    return ""


def publishing(*, correlation: bytes, expiry: int, response_topic: str | None = None) -> Properties:
    """The properties of a request or an answer; ``expiry`` in seconds."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.CorrelationData = correlation
    properties.MessageExpiryInterval = expiry
    if response_topic is not None:
        properties.ResponseTopic = response_topic
    return properties
