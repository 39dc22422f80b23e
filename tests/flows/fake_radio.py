"""The radio gateways of the fake Asterisk: lines, talk, keys, and who is heard on a net."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ari_app.ari.errors import AriConflict, AriNotFound, AriRefused
from ari_app.ari.model import (
    ChannelTalkingFinished,
    ChannelTalkingStarted,
    Playback,
    PlaybackFinished,
    StasisStart,
)
from ari_app.domain.display import Shown
from tests.flows.equipment import Leg

if TYPE_CHECKING:
    from ari_app.ari.model import Channel

NORMAL, NO_ANSWER = 16, 19

ROUNDS, ROUND_SECONDS = 10, 0.3
"""How often, and when, the dialplan puts a desk onto its net again."""


class Gateway:
    """One net's gateway. ``answers_after`` None: it does not answer."""

    def __init__(self) -> None:
        self.answers_after: float | None = 0.05
        self.leg: str | None = None
        self.calls = 0
        """How often it was called."""
        self.keys: list[str] = []
        """What was pressed towards it."""


class FakeRadio:
    """Mixed into ``FakeAsterisk``."""

    legs: dict[str, Leg]
    open_bridges: dict[str, set[str]]
    wrongs: list[str]
    _order: Callable[..., Any]
    _tell: Callable[..., None]
    _send: Callable[..., None]
    _later: Callable[..., None]
    _change: Callable[..., None]
    _enter: Callable[..., None]
    _destroy: Callable[..., None]
    _ours: Callable[[str], Leg]
    _check_new: Callable[[str], None]
    _channel: Callable[[Leg], Channel]
    _press: Callable[[Leg, str], None]
    _ring: Callable[[str, str, int], None]
    displays: dict[str, Shown]
    connected: bool
    is_blocked: Callable[[Leg], None]
    hears: Callable[[str], set[str]]

    def __init__(self) -> None:
        self.gateways: dict[str, Gateway] = {}
        """By net."""
        self.said: list[str] = []
        """What was played to whole bridges."""
        self.speaking: dict[str, asyncio.TimerHandle] = {}
        self.recordings: dict[str, str] = {}
        """Of bridges, by name: ``recording``, ``kept`` or ``discarded``."""

    # ---- the world -----------------------------------------------------------------------------------

    def gateway_leg(self, net: str) -> Leg | None:
        """The gateway's line, if it is up."""
        leg = self.legs.get(self.gateways[net].leg or "")
        return leg if leg is not None and leg.state == "Up" else None

    def on_air(self, net: str) -> set[str]:
        """The legs that the gateway hears."""
        leg = self.gateway_leg(net)
        return set() if leg is None else self.hears(leg.id)

    def officer_talks(self, net: str, *, on: bool) -> None:
        """An officer begins to talk, or pauses."""
        leg = self.gateway_leg(net)
        if leg is not None:
            leg.talks = on
            self._hear(leg)

    def operator_talks(self, leg: str, *, on: bool) -> None:
        """An operator begins to talk, or has paused for as long as was asked for."""
        there = self.legs.get(leg)
        if there is not None:
            there.talks = on
            self._hear(there)

    def _hear(self, leg: Leg) -> None:
        """Tell that somebody talks or is silent now, if that is asked for, and new, and anything comes from the leg."""
        if leg.detects_talk and not leg.muted and leg.talks != leg.told_to_talk and leg.died_at is None:
            leg.told_to_talk = leg.talks
            kind = ChannelTalkingStarted if leg.talks else ChannelTalkingFinished
            self._tell(leg, kind(self._channel(leg)))

    def gateway_presses(self, net: str, keys: str) -> None:
        """An officer presses keys, 50 ms after each other."""
        leg = self.gateway_leg(net)
        assert leg is not None, f"net {net} has no line"
        for number, key in enumerate(keys):
            self._later(leg, 0.05 * number, partial(self._press, leg, key))

    def gateway_hangs_up(self, net: str) -> None:
        """The gateway ends its line, or is lost."""
        leg = self.gateway_leg(net)
        if leg is not None:
            self._destroy(leg, NORMAL)

    def gateway_calls(self, net: str, id_: str) -> None:
        """The gateway calls us, as ``dialplan/radio.conf`` has it."""
        leg = Leg(id_, f"PJSIP/radio-{net}-1", "Stasis", "Ring", desk=f"radio-{net}", context="radio-gateway")
        self.legs[id_] = leg
        self.gateways[net].leg = id_
        leg.stasis, leg.interested = True, 1
        self._tell(leg, StasisStart(self._channel(leg), ["gateway", net]))

    # ---- the commands --------------------------------------------------------------------------------

    async def call_gateway(self, leg: str, dial: str, *, shown: Shown, seconds: int) -> None:
        assert shown.name, "who calls is said"
        await self._order(
            "call_gateway", lambda: self._call_gateway(leg, dial.split("/")[1].removeprefix("radio-"), seconds)
        )

    def _call_gateway(self, id_: str, net: str, seconds: int) -> None:
        self._check_new(id_)
        gateway = self.gateways.get(net)
        if gateway is None:
            raise AriRefused(500, "Allocation failed")
        gateway.calls += 1
        gateway.leg = id_
        leg = self.legs[id_] = Leg(id_, f"PJSIP/radio-{net}-1", "AppDial2", desk=f"radio-{net}", interested=1)
        if gateway.answers_after is None:
            self._later(leg, seconds, lambda: self._destroy(leg, NO_ANSWER))
        else:
            self._later(leg, gateway.answers_after, lambda: self._gateway_answers(leg))

    def _gateway_answers(self, leg: Leg) -> None:
        self._change(leg, "Up")
        self._enter(leg, "leg")

    async def ring_for_net(self, leg: str, endpoint: str, net: str, *, shown: Shown, seconds: int) -> None:
        self.displays[leg] = shown
        await self._order("ring_for_net", lambda: self._ring_for_net(leg, endpoint.partition("/")[2], net, seconds))

    def _ring_for_net(self, id_: str, extension: str, net: str, seconds: int) -> None:
        self._ring(id_, extension, seconds)
        leg = self.legs[id_]
        leg.app, leg.context, leg.dials, leg.interested = "", "desk-net", ("net", net), 0

    def _goes_on(self, leg: Leg, round_: int = 0) -> None:
        """A desk's own line in the dialplan: on its net again (``radio.conf``), or hung up (``desk.conf``)."""
        if round_ == ROUNDS or leg.context != "desk-net":
            self._destroy(leg, NORMAL)
        elif round_ and self.connected:
            self._enter(leg, *leg.dials)
        else:
            self._later(leg, ROUND_SECONDS, lambda: self._goes_on(leg, round_ + 1))

    async def mute(self, leg: str) -> None:
        await self._order("mute", lambda: self._mute(leg, on=True))

    async def unmute(self, leg: str) -> None:
        await self._order("unmute", lambda: self._mute(leg, on=False))

    def _mute(self, id_: str, *, on: bool) -> None:
        self._ours(id_).muted = on

    async def hush(self, leg: str) -> None:
        await self._order("hush", lambda: self._hush(leg, on=True))

    async def unhush(self, leg: str) -> None:
        await self._order("unhush", lambda: self._hush(leg, on=False))

    def _hush(self, id_: str, *, on: bool) -> None:
        leg = self._ours(id_)
        if leg.app == "StasisBroadcast":
            self.wrongs.append(f"{id_}: with a variable of ours a caller's line cannot note its end")
        if not leg.detects_talk:
            self.wrongs.append(f"{id_}: hushed before its talk is told, it never is")
        leg.hushed = on

    async def detect_talk(self, leg: str, *, silence_ms: int, level: int) -> None:
        assert silence_ms > 0
        assert level > 0
        await self._order("detect_talk", lambda: self._detect_talk(leg))

    def _detect_talk(self, id_: str) -> None:
        leg = self._ours(id_)
        leg.told_to_talk &= leg.detects_talk  # asked for anew, talk that goes on is told
        leg.detects_talk = True
        self._hear(leg)

    async def ignore_talk(self, leg: str) -> None:
        await self._order("ignore_talk", lambda: self._ignore_talk(leg))

    def _ignore_talk(self, id_: str) -> None:
        leg = self._ours(id_)
        if not leg.detects_talk:
            raise AriRefused(400, "Failed to execute function")
        leg.detects_talk = False

    async def delay(self, leg: str, ms: int) -> None:
        await self._order("delay", lambda: self._delay(leg, ms))

    def _delay(self, id_: str, ms: int) -> None:
        if id_ in self.legs and self.legs[id_].app == "StasisBroadcast":
            self.wrongs.append(f"{id_}: with a variable of ours a caller's line cannot note its end")
        leg = self._ours(id_)
        if leg.muted and ms:
            self.wrongs.append(f"{id_}: delayed behind its mute, its first words are lost")
        leg.delay_ms = ms

    async def end_after(self, leg: str, seconds: int) -> None:
        await self._order("end_after", lambda: self._end_after(leg, seconds))

    def _end_after(self, id_: str, seconds: int) -> None:
        leg = self._ours(id_)
        if leg.ends is not None:
            leg.ends.cancel()
        loop = asyncio.get_running_loop()
        leg.ends = loop.call_later(seconds, self._destroy, leg, NORMAL) if seconds else None

    async def play_to_all(self, bridge: str, playback: str, media: Sequence[str]) -> None:
        await self._order("play_to_all", lambda: self._play_to_all(bridge, playback, media))

    def _play_to_all(self, bridge: str, playback: str, media: Sequence[str]) -> None:
        if bridge not in self.open_bridges:
            raise AriNotFound(404, "Bridge not found")
        self.said += [piece.rpartition("/")[2] for piece in media]
        timer = asyncio.get_running_loop().call_later(1.0, self._all_heard, bridge, playback)
        self.speaking[playback] = timer

    def _all_heard(self, bridge: str, playback: str) -> None:
        del self.speaking[playback]
        self._send(PlaybackFinished(Playback(playback, f"bridge:{bridge}", "done")))

    def nothing_to_say(self) -> None:
        """What is being said to whole bridges cannot be: its files are broken."""
        for playback, timer in list(self.speaking.items()):
            timer.cancel()
            del self.speaking[playback]
            bridge = playback.rpartition("-play-")[0]
            self._send(PlaybackFinished(Playback(playback, f"bridge:{bridge}", "failed")))

    async def record(self, bridge: str, name: str, *, seconds: int) -> None:
        assert seconds > 0
        await self._order("record", lambda: self._record_bridge(bridge, name))

    def _record_bridge(self, bridge: str, name: str) -> None:
        if bridge not in self.open_bridges:
            raise AriNotFound(404, "Bridge not found")
        if name in self.recordings:
            raise AriConflict(409, "recording exists")
        self.recordings[name] = "recording"

    async def stop_recording(self, name: str, *, keep: bool) -> None:
        await self._order("stop_recording", lambda: self._stop_recording(name, keep=keep))

    def _stop_recording(self, name: str, *, keep: bool) -> None:
        if self.recordings.get(name) != "recording":
            raise AriNotFound(404, "Recording not found")
        self.recordings[name] = "kept" if keep else "discarded"

    async def press_keys(self, leg: str, keys: str, *, down_ms: int, pause_ms: int) -> None:
        assert down_ms >= 40
        assert pause_ms >= 40
        await self._order("press_keys", lambda: self._press_keys(leg, keys))

    def _press_keys(self, id_: str, keys: str) -> None:
        leg = self._ours(id_)
        if leg.state != "Up":
            raise AriConflict(412, "Channel in invalid state")
        gateway = next((each for each in self.gateways.values() if each.leg == id_), None)
        if gateway is None:
            raise AriNotFound(404, "no gateway")
        gateway.keys.append(keys)
