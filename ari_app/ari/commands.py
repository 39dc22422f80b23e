"""What the flows can ask of Asterisk, as a protocol: the real client and the tests' fake both have it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from ari_app.ari.model import Bridge, Channel, Endpoint
from ari_app.domain.display import Shown


class Claim(Enum):
    """What came of claiming a call: it is ours now, it was claimed before, or it is not on offer."""

    OURS = "ours"
    TAKEN = "taken"
    GONE = "gone"


class Mark(Enum):
    """What is noted on a caller's line in Asterisk, for the dialplan to find should its fallback get the caller."""

    EMERGENCY = "EMERGENCY"
    """It is one, so it matters no more whether the number is blocked (SOP VIII)."""
    CLOSED = "CLOSED"
    """The call was closed: the caller hears the salutation, and no desk rings (SOP VI "Salam Penutup")."""


class Commands(Protocol):
    """The operations of ARI that are used.

    Each returns when Asterisk has taken the order, which is not yet when it is done: the events tell
    that. Each raises ``AriNotFound`` when its leg or bridge is gone, ``AriConflict`` when it is in a
    state that does not allow the order, ``AriUnreachable`` when Asterisk gives no answer.
    """

    async def claim(self, channel: str) -> Claim:
        """Take a call that is on offer to all applications."""

    async def ring(self, leg: str, endpoint: str, *, originator: str | None, shown: Shown, seconds: int) -> None:
        """Make the channel ``leg`` and ring ``endpoint`` (``PJSIP/1001``) with it.

        ``originator`` is the caller's channel, None where nobody calls, and ``shown`` what the phone's display says.
        Asterisk itself gives up after ``seconds``, whether we are alive or not; answered, the leg is under our control.
        """

    async def snoop(self, leg: str, snoop: str, *, whispers: bool) -> None:
        """Make the channel ``snoop``, which hears what a leg says and hears; it comes under our control.

        ``whispers``: what ``snoop`` is given to hear is heard by that leg's telephone, too, and by nobody else.
        """

    async def show(self, leg: str, shown: Shown) -> None:
        """Change what the phone's display says, in the middle of a call."""

    async def indicate_ringing(self, leg: str) -> None:
        """Let an incoming leg that is not answered yet hear that it rings."""

    async def answer(self, leg: str) -> None:
        """Answer an incoming leg."""

    async def hangup(self, leg: str, *, reason: str = "normal") -> None:
        """End a leg: ``normal``, ``answered_elsewhere``, ``busy`` or another of ARI's reasons."""

    async def mark(self, leg: str, mark: Mark, *, on: bool = True) -> None:
        """Note something on a caller's leg, or that it is so no more.

        Unlike other orders it does not wait for what is played to the leg. Of a leg that is gone nothing is said.
        """

    async def back_to_dialplan(self, leg: str) -> None:
        """Let a leg go on in the dialplan after the hand-over: the fallback."""

    async def create_bridge(self, bridge: str, *, mixes: bool = False) -> None:
        """Make a bridge with an id that was never used before; ``mixes``: for two in it as well."""

    async def add_to_bridge(self, bridge: str, legs: Sequence[str], *, absorb_keys: bool = False) -> None:
        """Put legs into a bridge; with ``absorb_keys`` nobody else in it hears the keys that they press."""

    async def play(self, leg: str, playback: str, media: Sequence[str]) -> None:
        """Play ``sound:PATH`` and ``tone:NAME`` one after the other, as ``playback``, to this leg alone.

        Until it is over the leg hears nobody else, and nobody hears it, also in a bridge. Other orders for the
        leg wait for that (only a hang-up does not): stop it first.
        """

    async def stop_playing(self, playback: str) -> None:
        """End a playback."""

    async def destroy_bridge(self, bridge: str) -> None:
        """Remove a bridge; legs in it stay up."""

    async def channels(self) -> list[Channel]:
        """Every living channel."""

    async def bridges(self) -> list[Bridge]:
        """Every living bridge."""

    async def began(self) -> str:
        """Since when Asterisk runs (ISO 8601); empty: it does not say."""

    async def subscribe(self, sources: Sequence[str]) -> list[str]:
        """Get the events of ``channel:ID``, ``endpoint:PJSIP/1001``; returns those that are gone or unknown."""

    async def call_gateway(self, leg: str, dial: str, *, shown: Shown, seconds: int) -> None:
        """Make the channel ``leg`` and call a radio gateway with it (``PJSIP/radio-300/sip:...``).

        Asterisk itself gives up after ``seconds``; answered, the leg is under our control. ``shown`` is who calls.
        """

    async def ring_for_net(self, leg: str, endpoint: str, net: str, *, shown: Shown, seconds: int) -> None:
        """Make the channel ``leg`` and ring ``endpoint`` with it; answered, it goes to the net in the dialplan.

        It comes to us as if the desk had dialled the net. Asterisk itself gives up after ``seconds``. Until it has come
        its events are told to who has subscribed to it.
        """

    async def mute(self, leg: str) -> None:
        """Let nobody hear a leg from now on. Its keys are events all the same."""

    async def unmute(self, leg: str) -> None:
        """Let a leg be heard again where it is."""

    async def hush(self, leg: str) -> None:
        """Let nobody hear a leg from now on, whose talk is told all the same: after its first ``detect_talk``."""

    async def unhush(self, leg: str) -> None:
        """Let a leg be heard again that was hushed."""

    async def detect_talk(self, leg: str, *, silence_ms: int, level: int) -> None:
        """Have ``ChannelTalkingStarted`` and ``ChannelTalkingFinished`` told of a leg that is not muted.

        ``level`` is the average magnitude of samples that counts as talk, ``silence_ms`` how long it must be missing.
        Of a leg whose talk is told already nothing is told anew.
        """

    async def ignore_talk(self, leg: str) -> None:
        """Tell of a leg's talk no more; ``detect_talk`` after it tells talk that goes on already."""

    async def delay(self, leg: str, ms: int) -> None:
        """Let everybody hear what a leg says so much later; 0: without delay. Before it is muted, or never."""

    async def end_after(self, leg: str, seconds: int) -> None:
        """Have Asterisk itself end a leg after so long, whatever becomes of us; 0: never."""

    async def press_keys(self, leg: str, keys: str, *, down_ms: int, pause_ms: int) -> None:
        """Press keys towards a leg's telephone or gateway."""

    async def play_to_all(self, bridge: str, playback: str, media: Sequence[str]) -> None:
        """Play to everybody in a bridge; its end is told as ``PlaybackFinished`` for ``bridge:ID``."""

    async def record(self, bridge: str, name: str, *, seconds: int) -> None:
        """Record what is heard in a bridge, for at most so long, to ``name`` among Asterisk's recordings."""

    async def stop_recording(self, name: str, *, keep: bool) -> None:
        """End a recording; without ``keep`` there is none afterwards."""

    async def packets_received(self, leg: str) -> int:
        """How many RTP packets have come from a leg's telephone so far."""

    async def is_holding(self, leg: str) -> bool:
        """Whether a leg's telephone has put us on hold by its own key, and may send nothing for that."""

    async def endpoints(self) -> list[Endpoint]:
        """Every configured PJSIP endpoint with its state."""
