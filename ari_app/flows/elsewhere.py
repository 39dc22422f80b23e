"""Desks whose phones are in calls that no flow has: they are not free for us.

Those of the dialplan's fallback are so until that is over, and those that have dialled something until it is over or
with us: after a death a desk that was on a radio net comes back to it by itself (``radio.conf``). So are those that
were joined with a caller of the fallback's, where the flow of their own call is gone. Whose leg it is, only a look at
all channels tells. Its end must not wait for the next look: a caller may be waiting. Others are in calls of our own
that nobody looks after, until reconciling has: after a start, or when a flow has let go of its call.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping

from ari_app.ari.model import ChannelDestroyed, LegEvent
from ari_app.flows.surroundings import Surroundings


class Elsewhere:
    """Tells the switchboard of them."""

    def __init__(self, around: Surroundings) -> None:
        """Nobody has looked yet."""
        self._around = around
        self._legs: dict[str, str] = {}
        self._unheard: set[str] = set()
        self._left: dict[str, int] = {}
        self._times = itertools.count()

    def left(self, desks: Iterable[str]) -> None:
        """These desks may be in calls that nobody looks after: until ``looked_at``."""
        for desk in desks:
            self._left[desk] = next(self._times)
        self._tell()

    def to_look_at(self) -> Mapping[str, int]:
        """Those of ``left`` so far, and which time each was: what comes while somebody looks is for the next look."""
        return dict(self._left)

    def looked_at(self, desks: Mapping[str, int]) -> None:
        """Those of ``to_look_at`` that are still in such a call have a flow by now; the others are free."""
        self._left = {desk: times for desk, times in self._left.items() if times != desks.get(desk)}
        self._tell()

    def seen(self, found: Mapping[str, str], living: Collection[str]) -> None:
        """The desks of these legs are elsewhere; ``living`` are all channels. Asterisk has just been asked.

        A leg that has come to us since has a flow, and that its events. Of one that was elsewhere we are told that it
        has come, or is over: who has been asked may know that sooner, and then nobody has its desk for a moment.
        """
        switch = self._around.switch
        legs = {leg: desk for leg, desk in self._legs.items() if leg in living}
        legs |= {leg: desk for leg, desk in found.items() if leg not in switch}
        self._unheard |= legs.keys() - self._legs.keys()
        switch.forget(self._legs.keys() - legs.keys())
        self._legs = legs
        self._unheard &= legs.keys()
        for leg in self._unheard:
            switch.register(leg, self._on_event)
        self._tell()

    def handed_back(self, line: str, desk: str) -> None:
        """The dialplan gets a desk's own line from us: what becomes of it is not known before the next look."""
        self._legs[line] = desk
        self._unheard.add(line)
        self._around.switch.register(line, self._on_event)
        self._tell()

    def came(self, line: str) -> None:
        """A desk's own line is with us, and the desk in a call of ours: its events are that call's from now on."""
        self._unheard.discard(line)
        if self._legs.pop(line, None) is not None:
            self._tell()

    def __contains__(self, leg: str) -> bool:
        """Whether a leg is one that no flow has."""
        return leg in self._legs

    async def listen(self) -> None:
        """From now on the end of each of these legs is heard of. Those that are over by now were the first to go.

        Raises:
            AriError: Asterisk could not be asked.
        """
        unheard = frozenset(self._unheard)
        if not unheard:
            return
        for gone in await self._around.asterisk.subscribe([f"channel:{leg}" for leg in sorted(unheard)]):
            self._over(gone.removeprefix("channel:"))
        self._unheard -= unheard

    def _on_event(self, event: LegEvent) -> None:
        if isinstance(event, ChannelDestroyed):
            self._over(event.channel.id)

    def _over(self, leg: str) -> None:
        if self._legs.pop(leg, None) is not None:
            self._around.switch.forget([leg])
            self._tell()

    def _tell(self) -> None:
        self._around.switchboard.elsewhere({*self._legs.values(), *self._left})
