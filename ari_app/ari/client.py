"""Commands to Asterisk.

Orders go over the event websocket while it stands: a fifth of the CPU of an HTTP request, and Asterisk does
not check the password each time. It serves them one after the other, so questions with long answers, and
orders while there is no websocket, go over HTTP on connections that are kept alive.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self, TypeVar

import aiohttp
import msgspec
import structlog

from ari_app.ari.commands import Claim
from ari_app.ari.errors import AriConflict, AriNotFound, AriRefused, AriUnreachable, refusal
from ari_app.ari.model import (
    EVENT_TYPES,
    PHONE_EVENTS,
    Application,
    AsteriskInfo,
    Bridge,
    Channel,
    Endpoint,
    RESTResponse,
    RTPstat,
    Variable,
)
from ari_app.domain.display import Shown

APPLICATION: Final = "siaga110"
BEAT: Final = "SIAGA_BEAT"
"""A variable of Asterisk's: whoever serves 110 writes another word into it again and again (``scripts/guard.py``)."""

PHONES: Final = "siaga110-phones"
"""A second name of ours, for the phones' registrations only: with them comes all that the phones' legs do, which
the first name gets already."""

NET_CONTEXT: Final = "desk-net"
"""Where in the dialplan a desk is on a radio net (``dialplan/radio.conf``)."""

COMMAND_SECONDS: Final = 5.0
"""How long an order may take before Asterisk counts as unreachable."""

SOURCES_AT_ONCE: Final = 50
"""Subscriptions in one request."""

HTTP_ERROR: Final = 400
T = TypeVar("T")


class _Parameter(msgspec.Struct):
    name: str
    value: str


class _Request(msgspec.Struct, tag_field="type", tag="RESTRequest"):
    request_id: str
    transaction_id: str
    method: str
    uri: str
    query_strings: list[_Parameter]


_encoder: Final = msgspec.json.Encoder()
log = structlog.get_logger(__name__)


class AsteriskClient:
    """ARI's commands; see ``Commands`` for what each does and raises.

    Use as an async context manager. Safe for any number of tasks at once.
    """

    def __init__(self, base_url: str, user: str, password: str) -> None:
        """Prepare a client for ``base_url`` (``http://127.0.0.1:8088/ari``); nothing is sent yet."""
        self._base = base_url
        self._auth = aiohttp.encode_basic_auth(user, password)
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[RESTResponse]] = {}
        self._is_fenced = False

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession(
            headers={"Authorization": self._auth},
            connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(total=COMMAND_SECONDS),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The pool, for the event stream, which shares its credentials."""
        if self._session is None:
            msg = "the client is used outside its context"
            raise RuntimeError(msg)
        return self._session

    @property
    def events_url(self) -> str:
        """Where the event websocket is."""
        return f"{self._base}/events?app={APPLICATION},{PHONES}"

    def fence(self) -> None:
        """From now on nothing more goes out: every order fails with ``AriUnreachable``, for good.

        Callers belong to somebody else now, and whatever flows still do while they end must not reach Asterisk.
        """
        self._is_fenced = True

    @contextmanager
    def orders_over(self, socket: aiohttp.ClientWebSocketResponse) -> Iterator[None]:
        """Send orders over this websocket inside; whoever reads it passes the answers to ``answered``."""
        self._socket = socket
        try:
            yield
        finally:
            self._socket = None
            waiting, self._waiting = self._waiting, {}
            for future in waiting.values():
                if not future.done():
                    future.set_exception(AriUnreachable("the websocket was lost before the answer came"))

    def answered(self, answer: RESTResponse) -> None:
        """The answer to an order has come."""
        future = self._waiting.pop(answer.request_id, None)
        if future is not None and not future.done():
            future.set_result(answer)

    async def _order(self, method: str, path: str, query: dict[str, str] | None = None) -> None:
        """Have something done.

        Raises:
            AriUnreachable, AriRefused, AriProtocolError: see ``errors``.
        """
        socket = self._socket
        if socket is None or self._is_fenced:
            await self._send(method, path, query)
            return
        loop = asyncio.get_running_loop()
        number = str(next(self._numbers))
        future = self._waiting[number] = loop.create_future()
        # A timer of the loop: a cancel scope would cost as much as all the rest of the order.
        timer = loop.call_later(COMMAND_SECONDS, _give_up, future)
        request = _Request(
            request_id=number,
            transaction_id=number,
            method=method,
            uri=path[1:],
            query_strings=[_Parameter(name, value) for name, value in (query or {}).items()],
        )
        try:
            await socket.send_str(_encoder.encode(request).decode())
            answer = await future
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AriUnreachable(f"{method} {path}: {error!r}") from error
        finally:
            timer.cancel()
            self._waiting.pop(number, None)
        if answer.status_code >= HTTP_ERROR:
            raise refusal(answer.status_code, _reason(answer.message_body) or answer.reason_phrase)

    async def _send(
        self, method: str, path: str, query: dict[str, str] | None = None, body: dict[str, Any] | None = None
    ) -> bytes:
        if self._is_fenced:
            raise AriUnreachable(f"{method} {path}: it is not ours to act any more")
        try:
            async with self.session.request(method, self._base + path, params=query, json=body) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            raise AriUnreachable(f"{method} {path}: {error!r}") from error
        if answer.status >= HTTP_ERROR:
            raise refusal(answer.status, _reason(content) or f"{method} {path}")
        return content

    async def _get(self, path: str, kind: type[T]) -> T:
        return msgspec.json.decode(await self._send("GET", path), type=kind)

    async def claim(self, channel: str) -> Claim:
        """Take a call that is on offer to all applications."""
        try:
            await self._order("POST", "/events/claim", {"channelId": channel, "application": APPLICATION})
        except AriConflict:
            return Claim.TAKEN
        except AriNotFound:
            return Claim.GONE
        return Claim.OURS

    async def ring(self, leg: str, endpoint: str, *, originator: str, shown: Shown, seconds: int) -> None:
        """Make the channel ``leg`` and ring ``endpoint`` with it for at most ``seconds``."""
        query = {
            "endpoint": endpoint,
            "app": APPLICATION,
            "appArgs": "leg",
            "channelId": leg,
            "originator": originator,
            "callerId": _caller_id(shown),
            "timeout": str(seconds),
        }
        await self._order("POST", "/channels", query)

    async def show(self, leg: str, shown: Shown) -> None:
        """Change what the phone's display says."""
        await self._set(leg, "CONNECTEDLINE(all)", _caller_id(shown))

    async def _set(self, leg: str, variable: str, value: str) -> None:
        await self._order("POST", f"/channels/{leg}/variable", {"variable": variable, "value": value})

    async def call_gateway(self, leg: str, dial: str, *, shown: Shown, seconds: int) -> None:
        """Make the channel ``leg`` and call a radio gateway with it for at most ``seconds``."""
        query = {
            "endpoint": dial,
            "app": APPLICATION,
            "appArgs": "leg",
            "channelId": leg,
            "callerId": _caller_id(shown),
            "timeout": str(seconds),
        }
        await self._order("POST", "/channels", query)

    async def ring_for_net(self, leg: str, endpoint: str, net: str, *, shown: Shown, seconds: int) -> None:
        """Ring a desk that, when it answers, has dialled a radio net."""
        query = {
            "endpoint": endpoint,
            "context": NET_CONTEXT,
            "extension": net,
            "priority": "1",
            "channelId": leg,
            "callerId": _caller_id(shown),
            "timeout": str(seconds),
        }
        await self._order("POST", "/channels", query)

    async def mute(self, leg: str) -> None:
        """Let nobody hear a leg."""
        await self._order("POST", f"/channels/{leg}/mute", {"direction": "in"})

    async def unmute(self, leg: str) -> None:
        """Let a leg be heard again."""
        await self._order("DELETE", f"/channels/{leg}/mute", {"direction": "in"})

    async def hush(self, leg: str) -> None:
        """Let nobody hear a leg whose talk is told."""
        # Divided by so much every sample is 0. MUTEAUDIO is in front of TALK_DETECT, as ARI's mute is.
        await self._set(leg, "VOLUME(RX)", "-32767")

    async def unhush(self, leg: str) -> None:
        """Let a leg that was hushed be heard again."""
        await self._set(leg, "VOLUME(RX)", "0")

    async def detect_talk(self, leg: str, *, silence_ms: int, level: int) -> None:
        """Have talk and its end told of a leg."""
        await self._set(leg, "TALK_DETECT(set)", f"{silence_ms},{level}")

    async def delay(self, leg: str, ms: int) -> None:
        """Let a leg be heard so much later."""
        if ms:
            await self._set(leg, "JITTERBUFFER(fixed)", str(ms))
        else:
            await self._set(leg, "JITTERBUFFER(disabled)", "")

    async def end_after(self, leg: str, seconds: int) -> None:
        """Have Asterisk end a leg after so long; 0: never."""
        await self._set(leg, "TIMEOUT(absolute)", str(seconds))

    async def press_keys(self, leg: str, keys: str, *, down_ms: int, pause_ms: int) -> None:
        """Press keys towards a leg."""
        query = {"dtmf": keys, "duration": str(down_ms), "between": str(pause_ms)}
        await self._order("POST", f"/channels/{leg}/dtmf", query)

    async def indicate_ringing(self, leg: str) -> None:
        """Let an incoming leg hear that it rings."""
        await self._order("POST", f"/channels/{leg}/ring")

    async def answer(self, leg: str) -> None:
        """Answer an incoming leg."""
        await self._order("POST", f"/channels/{leg}/answer")

    async def hangup(self, leg: str, *, reason: str = "normal") -> None:
        """End a leg."""
        await self._order("DELETE", f"/channels/{leg}", {"reason": reason})

    async def mark_emergency(self, leg: str) -> None:
        """Note on a caller's leg that it is an emergency."""
        # Not as a variable of the channel: once ARI has set one, Asterisk 22 lets the channel write no file any more,
        # so that the call's note would be lost ("Dangerous function FILE write blocked").
        await self._order("POST", "/asterisk/variable", {"variable": f"SHARED(EMERGENCY,{leg})", "value": "1"})

    async def back_to_dialplan(self, leg: str) -> None:
        """Let a leg go on in the dialplan."""
        await self._order("POST", f"/channels/{leg}/continue")

    async def create_bridge(self, bridge: str, *, mixes: bool = False) -> None:
        """Make a bridge; ``mixes``: for two as well, who are otherwise joined as they are."""
        # The name is for video, which there is none of; it is the one way to say that a bridge always mixes.
        await self._order("POST", f"/bridges/{bridge}", {"type": "mixing,video_sfu" if mixes else "mixing"})

    async def add_to_bridge(self, bridge: str, legs: Sequence[str], *, absorb_keys: bool = False) -> None:
        """Put legs into a bridge."""
        # The display shows what we say, not who else is in the bridge.
        query = {"channel": ",".join(legs), "inhibitConnectedLineUpdates": "true"}
        if absorb_keys:
            query["absorbDTMF"] = "true"
        await self._order("POST", f"/bridges/{bridge}/addChannel", query)

    async def play(self, leg: str, playback: str, media: Sequence[str]) -> None:
        """Play one thing after the other to this leg alone."""
        await self._order("POST", f"/channels/{leg}/play/{playback}", {"media": ",".join(media)})

    async def play_to_all(self, bridge: str, playback: str, media: Sequence[str]) -> None:
        """Play to everybody in a bridge."""
        await self._order("POST", f"/bridges/{bridge}/play/{playback}", {"media": ",".join(media)})

    async def record(self, bridge: str, name: str, *, seconds: int) -> None:
        """Record what is heard in a bridge."""
        query = {"name": name, "format": "wav", "maxDurationSeconds": str(seconds)}
        await self._order("POST", f"/bridges/{bridge}/record", query)

    async def stop_recording(self, name: str, *, keep: bool) -> None:
        """End a recording, and keep it or not."""
        path = f"/recordings/live/{name}"
        await (self._order("POST", f"{path}/stop") if keep else self._order("DELETE", path))

    async def stop_playing(self, playback: str) -> None:
        """End a playback."""
        await self._order("DELETE", f"/playbacks/{playback}")

    async def destroy_bridge(self, bridge: str) -> None:
        """Remove a bridge."""
        await self._order("DELETE", f"/bridges/{bridge}")

    async def channels(self) -> list[Channel]:
        """Every living channel."""
        return await self._get("/channels", list[Channel])

    async def bridges(self) -> list[Bridge]:
        """Every living bridge."""
        return await self._get("/bridges", list[Bridge])

    async def packets_received(self, leg: str) -> int:
        """How many RTP packets have come from a leg's telephone so far."""
        return (await self._get(f"/channels/{leg}/rtp_statistics", RTPstat)).rxcount

    async def endpoints(self) -> list[Endpoint]:
        """Every configured PJSIP endpoint with its state."""
        return await self._get("/endpoints/PJSIP", list[Endpoint])

    async def applications(self) -> list[Application]:
        """The Stasis applications that Asterisk knows."""
        return await self._get("/applications", list[Application])

    async def began(self) -> str:
        """Since when Asterisk runs (ISO 8601); empty: it does not say."""
        return (await self._get("/asterisk/info?only=status", AsteriskInfo)).status.startup_time

    async def echo(self, name: str) -> None:
        """Have Asterisk send us a ``ChannelUserevent`` of this name."""
        await self._order("POST", f"/events/user/{name}", {"application": APPLICATION})

    async def set_beat(self, word: str) -> None:
        """Show everybody who looks that we serve."""
        await self._order("POST", "/asterisk/variable", {"variable": BEAT, "value": word})

    async def beat(self) -> str:
        """The last word of the application that serves; empty: there was none since Asterisk's start."""
        answer = await self._send("GET", "/asterisk/variable", {"variable": BEAT})
        return msgspec.json.decode(answer, type=Variable).value

    async def filter_events(self) -> None:
        """Have Asterisk send what is in the model and nothing else."""
        wanted = {APPLICATION: [k for k in EVENT_TYPES if k not in PHONE_EVENTS], PHONES: PHONE_EVENTS}
        for application, kinds in wanted.items():
            allowed: list[dict[str, str]] = [{"type": kind.__name__} for kind in kinds]
            await self._send("PUT", f"/applications/{application}/eventFilter", body={"allowed": allowed})

    async def subscribe(self, sources: Sequence[str]) -> list[str]:
        """Get the events of ``channel:ID`` or of ``endpoint:PJSIP/1001``; returns those that are gone or unknown.

        Many go in one request, as Asterisk answers each with all that we have subscribed to so far. For the sake of one
        that is gone it refuses all of a request: then they go one by one.
        """
        gone: list[str] = []
        for first in range(0, len(sources), SOURCES_AT_ONCE):
            some = sources[first : first + SOURCES_AT_ONCE]
            try:
                await self._subscribe(some)
            except AriRefused:
                gone += some if len(some) == 1 else [each for one in some for each in await self.subscribe([one])]
        return gone

    async def _subscribe(self, sources: Sequence[str]) -> None:
        application = PHONES if sources[0].startswith("endpoint:") else APPLICATION
        await self._order("POST", f"/applications/{application}/subscription", {"eventSource": ",".join(sources)})


def _caller_id(shown: Shown) -> str:
    return f'"{shown.name}" <{shown.number}>'


def _give_up(future: asyncio.Future[RESTResponse]) -> None:
    if not future.done():
        future.set_exception(TimeoutError(f"no answer within {COMMAND_SECONDS:.0f} s"))


def _reason(content: bytes | str) -> str:
    try:
        answer = json.loads(content)
    except ValueError:
        return ""
    return str(answer.get("message", "")) if isinstance(answer, dict) else ""
