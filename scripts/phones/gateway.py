"""A simulated SIP-HT gateway: it answers for its nets, sends what officers say, and hears what is transmitted."""

from __future__ import annotations

from typing import Final

from scripts.phones.audio import Audio
from scripts.phones.handset import Handset
from scripts.phones.leg import State

SILENCE: Final = 0.0


class RadioGateway(Handset):
    """One gateway; each net that it is called for is a call of its own.

    It sends silence until an officer talks, as a gateway does that knows no silence suppression.
    """

    def audio_of(self, net: str) -> Audio:
        """What the net's latest line hears and sends; LookupError when there never was one."""
        lines = [call for call in self.calls if net in {call.dialog.local.user, call.dialog.remote.user}]
        if not lines:
            raise LookupError(f"{self.name} has no line for {net}")
        return lines[-1].audio

    def is_up(self, net: str) -> bool:
        """Whether the net's line is there."""
        return any(net in {call.dialog.local.user, call.dialog.remote.user} for call in self.talking)

    async def line_up(self, net: str, *, count: int = 1, seconds: float = 10.0) -> Audio:
        """The sound of the net's line, as soon as it is up for the ``count``-th time."""

        def lines() -> int:
            answered = [call for call in self.calls if call.state in {State.ANSWERED, State.ENDED}]
            return sum(net in {call.dialog.local.user, call.dialog.remote.user} for call in answered)

        await self.events.until(
            lambda: lines() >= count and self.is_up(net), seconds=seconds, what=f"line number {count} of net {net}"
        )
        return self.audio_of(net)
