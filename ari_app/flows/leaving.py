"""How a caller's leg left us: it was hung up, or somebody else gave it to the dialplan."""

from __future__ import annotations

from typing import Final

from ari_app.ari.model import Channel, ChannelDestroyed, StasisEnd
from ari_app.domain.recovery import moment
from ari_app.flows.messages import Delivered

HANG_UP_SECONDS: Final = 0.3
"""A leg that is hung up is over so soon after it has left us, unless the disk is slow with the dialplan's note."""


class Leaving:
    """What the events have told of it so far."""

    def __init__(self, caller: str) -> None:
        """``caller`` is the leg's id."""
        self._caller = caller
        self._left: StasisEnd | None = None
        self._over: ChannelDestroyed | None = None

    def note(self, message: Delivered) -> None:
        """Take in one message of the call's."""
        match message:
            case StasisEnd(channel=Channel(id=leg)) if leg == self._caller:
                self._left = message
            case ChannelDestroyed(channel=Channel(id=leg)) if leg == self._caller:
                self._over = message

    @property
    def has_left(self) -> bool:
        """Whether the leg is not under our control any more."""
        return self._left is not None

    @property
    def is_end_unseen(self) -> bool:
        """Whether no event has told of its end, and so not where it was until then, or whether it is over at all."""
        return self._over is None

    def was_taken(self, *, is_over: bool) -> bool:
        """Whether it seems to have gone on in the dialplan; after standing still we hear of it when that is over, too.

        ``is_over``: the leg is gone by now.
        """
        if self._left is None or self._over is None:
            return self._left is not None and not is_over
        left, over = moment(self._left.timestamp), moment(self._over.timestamp)
        return left is not None and over is not None and (over - left).total_seconds() > HANG_UP_SECONDS
