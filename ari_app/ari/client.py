"""Commands to Asterisk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ari_app.ari.commands import Claim, Mark
from ari_app.ari.errors import AriConflict, AriNotFound, AriRefused, AriUnreachable
from ari_app.ari.model import (
    EVENT_TYPES,
    PHONE_EVENTS,
    Application,
    AsteriskInfo,
    Bridge,
    Channel,
    Endpoint,
    RTPstat,
    Variable,
)
from ari_app.ari.precedence import Precedence
from ari_app.ari.transport import Transport
from ari_app.domain.display import Shown

APPLICATION: Final = "siaga110"
BEAT: Final = "SIAGA_BEAT"
"""A variable of Asterisk's: whoever serves 110 writes another word into it again and again (``scripts/guard.py``)."""

PHONES: Final = "siaga110-phones"
"""A second name of ours, for the phones' registrations only: with them comes all that the phones' legs do, which
the first name gets already."""

NET_CONTEXT: Final = "desk-net"
"""Where in the dialplan a desk is on a radio net (``dialplan/radio.conf``)."""

SOURCES_AT_ONCE: Final = 50
"""Subscriptions in one request."""


class AsteriskClient(Transport):
    """ARI's commands; see ``Commands`` for what each does and raises."""

    @property
    def events_url(self) -> str:
        """Where the event websocket is."""
        return f"{self._base}/events?app={APPLICATION},{PHONES}"

    async def claim(self, channel: str) -> Claim:
        """Take a call that is on offer to all applications."""
        try:
            query = {"channelId": channel, "application": APPLICATION}
            await self._order("POST", "/events/claim", query, precedence=Precedence.CLAIM)
        except AriConflict:
            return Claim.TAKEN
        except AriNotFound:
            return Claim.GONE
        return Claim.OURS

    async def ring(self, leg: str, endpoint: str, *, originator: str | None, shown: Shown, seconds: int) -> None:
        """Make the channel ``leg`` and ring ``endpoint`` with it for at most ``seconds``."""
        query = {
            "endpoint": endpoint,
            "app": APPLICATION,
            "appArgs": "leg",
            "channelId": leg,
            "callerId": _caller_id(shown),
            "timeout": str(seconds),
        }
        if originator is not None:
            query["originator"] = originator
        await self._order("POST", "/channels", query)

    async def snoop(self, leg: str, snoop: str, *, whispers: bool) -> None:
        """Make a channel that hears a leg, and may be heard there."""
        query = {"app": APPLICATION, "appArgs": "leg", "spy": "both", "whisper": "out" if whispers else "none"}
        await self._order("POST", f"/channels/{leg}/snoop/{snoop}", query)

    async def show(self, leg: str, shown: Shown) -> None:
        """Change what the phone's display says."""
        await self._set(leg, "CONNECTEDLINE(all)", _caller_id(shown))

    async def _set(self, leg: str, variable: str, value: str) -> None:
        query = {"variable": variable, "value": value}  # most of them for a radio net
        await self._order("POST", f"/channels/{leg}/variable", query, precedence=Precedence.URGENT)

    async def call_gateway(self, leg: str, dial: str, *, shown: Shown, seconds: int) -> None:
        """Make the channel ``leg`` and call a radio gateway with it for at most ``seconds``."""
        await self.ring(leg, dial, originator=None, shown=shown, seconds=seconds)

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
        await self._order("POST", f"/channels/{leg}/mute", {"direction": "in"}, precedence=Precedence.URGENT)

    async def unmute(self, leg: str) -> None:
        """Let a leg be heard again."""
        await self._order("DELETE", f"/channels/{leg}/mute", {"direction": "in"}, precedence=Precedence.URGENT)

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

    async def ignore_talk(self, leg: str) -> None:
        """Have nothing told of a leg's talk."""
        await self._set(leg, "TALK_DETECT(remove)", "")

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
        await self._order("POST", f"/channels/{leg}/dtmf", query, precedence=Precedence.URGENT)

    async def indicate_ringing(self, leg: str) -> None:
        """Let an incoming leg hear that it rings."""
        await self._order("POST", f"/channels/{leg}/ring")

    async def answer(self, leg: str) -> None:
        """Answer an incoming leg."""
        await self._order("POST", f"/channels/{leg}/answer")

    async def hangup(self, leg: str, *, reason: str = "normal") -> None:
        """End a leg."""
        await self._order("DELETE", f"/channels/{leg}", {"reason": reason})

    async def mark(self, leg: str, mark: Mark, *, on: bool = True) -> None:
        """Note something on a caller's leg."""
        # Not as a variable of the channel: once ARI has set one, Asterisk 22 lets the channel write no file any more,
        # so that the call's note would be lost ("Dangerous function FILE write blocked").
        await self._order("POST", "/asterisk/variable", {"variable": f"SHARED({mark.value},{leg})", "value": "01"[on]})

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
        # Asked once a second for every talk: over HTTP Asterisk would check the password each time.
        answer = await self._order("GET", f"/channels/{leg}/rtp_statistics")
        return msgspec.json.decode(answer, type=RTPstat).rxcount

    async def is_holding(self, leg: str) -> bool:
        """Whether a leg's telephone has put us on hold by its own key."""
        # Over HTTP: Asterisk waits for whatever it does with that telephone, and other orders must not.
        answer = await self._send("GET", f"/channels/{leg}/variable", {"variable": "CHANNEL(rtp,hold)"})
        return msgspec.json.decode(answer, type=Variable).value == "1"

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
        await self._order("POST", f"/events/user/{name}", {"application": APPLICATION}, precedence=Precedence.URGENT)

    async def set_beat(self, word: str) -> None:
        """Show everybody who looks that we serve."""
        query = {"variable": BEAT, "value": word}
        await self._order("POST", "/asterisk/variable", query, precedence=Precedence.URGENT)

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

        Many go in one request, as Asterisk answers each with all subscriptions so far. One that is gone has it refuse
        the whole request: then they go one by one. ``AriUnreachable``, too, when it does not know *us* (any more).
        """
        gone: list[str] = []
        for first in range(0, len(sources), SOURCES_AT_ONCE):
            some = sources[first : first + SOURCES_AT_ONCE]
            try:
                await self._subscribe(some)
            except AriNotFound as error:
                raise AriUnreachable(f"Asterisk has no connection of ours to send events to: {error}") from error
            except AriRefused:
                gone += some if len(some) == 1 else [each for one in some for each in await self.subscribe([one])]
        return gone

    async def _subscribe(self, sources: Sequence[str]) -> None:
        application = PHONES if sources[0].startswith("endpoint:") else APPLICATION
        await self._order("POST", f"/applications/{application}/subscription", {"eventSource": ",".join(sources)})


def _caller_id(shown: Shown) -> str:
    return f'"{shown.name}" <{shown.number}>'
