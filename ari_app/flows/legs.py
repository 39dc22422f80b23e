"""The legs of a call: the caller's and those that were made for it, and what Asterisk has told of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ari_app.ari.model import Channel, ChannelDestroyed, PlaybackFinished, StasisStart, leg_of
from ari_app.domain.causes import UNKNOWN_CAUSE
from ari_app.flows.messages import LegAnswered, LegGone

if TYPE_CHECKING:
    from ari_app.ari.model import LegEvent


class Legs:
    """A leg is made for the call, entered when it is ours to act on, and ended with a cause (Q.850).

    Iterating gives all of them that are the call's, the caller's first, whether they have ended or not.
    """

    def __init__(self, caller: str) -> None:
        """``caller`` is the caller's leg; nothing is known of it yet."""
        self._caller = caller
        self._made: list[str] = []
        self._seen: set[str] = set()
        self._entered: set[str] = set()
        self._causes: dict[str, int] = {}

    def note(self, message: LegEvent | LegGone | LegAnswered) -> None:
        """Learn from what has come of a leg, or of what is played to one."""
        match message:
            case LegAnswered(leg=leg):
                self.found(leg)
            case LegGone(leg=leg):
                self.is_gone(leg)
            case ChannelDestroyed(channel=Channel(id=leg), cause=cause):
                self._seen.add(leg)
                self._causes[leg] = cause
            case PlaybackFinished():
                pass
            case _:
                self._seen.add(leg_of(message))
                if isinstance(message, StasisStart):
                    self._entered.add(message.channel.id)

    def is_gone(self, leg: str) -> None:
        """A leg is over, and nothing has told why: the cause stays as it is known, or is unknown."""
        self._causes.setdefault(leg, UNKNOWN_CAUSE)

    def add(self, leg: str) -> None:
        """A leg is the call's from now on."""
        self._made.append(leg)

    def found(self, leg: str, *, entered: bool = True) -> None:
        """A leg lives, though no event has told of it; ``entered``: it is under our control already."""
        self._seen.add(leg)
        if entered:
            self._entered.add(leg)

    def give_away(self, leg: str) -> None:
        """A leg that was made for this call belongs to another one from now on."""
        self._made.remove(leg)
        self._seen.discard(leg)

    @property
    def made(self) -> Sequence[str]:
        """Those that were made for the call, or taken up by it."""
        return self._made

    def has_entered(self, leg: str) -> bool:
        """Whether Asterisk has told that a leg is under our control."""
        return leg in self._entered

    def has_come(self, leg: str) -> bool:
        """Whether a leg is under our control, or over: nobody need wait for it."""
        return self.has_entered(leg) or self.has_ended(leg)

    def has_ended(self, leg: str) -> bool:
        """Whether a leg is over."""
        return leg in self._causes

    def cause(self, leg: str, unknown: int = UNKNOWN_CAUSE) -> int:
        """Why a leg has ended (Q.850); ``unknown``: it has not, or nobody has said."""
        return self._causes.get(leg, unknown)

    def are_over(self) -> bool:
        """Whether every one of them has ended."""
        return all(leg in self._causes for leg in self)

    def certain(self) -> set[str]:
        """Those that Asterisk has told of and not ended: if one is missing there, it is lost."""
        return self._seen - self._causes.keys()

    def awaited(self) -> set[str]:
        """Those that were made for the call and have neither come under our control nor ended."""
        return set(self._made) - self._entered - self._causes.keys()

    def __iter__(self) -> Iterator[str]:
        """The caller's leg, and all that were made for the call."""
        return iter((self._caller, *self._made))
