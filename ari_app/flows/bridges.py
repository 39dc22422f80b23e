"""The bridges of one call: who hears whom."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

import structlog

from ari_app.ari.commands import Commands
from ari_app.ari.errors import AriError
from ari_app.domain.seen import bridge_id

log = structlog.get_logger(__name__)


class Bridges:
    """The caller's bridge, and one aside for those who talk without the caller.

    Two who talk are joined as they are: what one sends goes to the other. So the recording, which hears with the
    caller, gets one operator's packets, and would take those of another one for late ones and drop half of them
    (docs/asterisk.md). Whoever comes after the first operator therefore meets the caller in a bridge that mixes.
    """

    def __init__(self, asterisk: Commands, call: str) -> None:
        """There is none yet."""
        self._asterisk = asterisk
        self._call = call
        self._main: str | None = None
        self._aside: str | None = None
        self._left: list[str] = []
        """Those that the caller has left, or never came to."""
        self._first: str | None = None
        """The leg of the operator who was the first with the caller."""
        self.has_caller = False
        """Whether the caller is in their bridge, perhaps hearing something else."""
        self._always_mixes = False

    def adopt(self, bridge: str | None, leg: str) -> None:
        """Take up what was found living: the caller's bridge, and the leg of the operator who has the caller.

        No leg: an operator may have had the caller, and has not any more.
        """
        self._main, self._first = bridge, leg
        self.has_caller = bridge is not None

    def mix_from_now_on(self) -> None:
        """An operator's leg is listened to by Asterisk itself from now on: what comes to it must have one source.

        It has a translation path like the recording's, which may take another telephone's packets for late ones
        (docs/asterisk.md).
        """
        if not self._always_mixes:
            self._always_mixes, self._first = True, ""
            self._left += [self._aside] if self._aside is not None else []
            self._aside = None

    @property
    def main(self) -> str | None:
        """Where the caller meets the operators; None: nowhere yet."""
        return self._main

    def moves_for(self, leg: str) -> bool:
        """Whether the caller goes to another bridge to meet ``leg``."""
        return self._first not in {None, leg}

    async def join(self, leg: str, *, beside: bool = False) -> None:
        """Let the caller and ``leg`` hear each other; ``beside``: with whoever is with the caller already.

        A caller who moves must not be played anything.

        Raises:
            AriRefused: one of them is gone; the others are where they were.
        """
        bridge, moves = self._main, self.moves_for(leg) and not beside
        if bridge is None or moves:
            bridge = await self._make(mixes=moves)
            self._left.append(bridge)
        legs = [leg] if self.has_caller and bridge == self._main else [self._call, leg]
        await self._asterisk.add_to_bridge(bridge, legs, absorb_keys=True)
        if bridge != self._main:
            self._left.remove(bridge)
            self._left += [self._main] if self._main is not None else []
            self._main, self.has_caller = bridge, True
        self._first = self._first or leg

    async def take_caller_home(self) -> None:
        """The caller, who was elsewhere, is in their own bridge again.

        Raises:
            AriRefused: the caller is gone.
        """
        if self._main is None:
            self._main = await self._make()
        await self._asterisk.add_to_bridge(self._main, [self._call], absorb_keys=True)
        self.has_caller = True

    async def join_aside(self, legs: Iterable[str]) -> None:
        """Let these legs hear each other, without the caller.

        Raises:
            AriRefused: one of them is gone.
        """
        if self._aside is None:
            self._aside = await self._make()
        await self._asterisk.add_to_bridge(self._aside, list(legs), absorb_keys=True)

    async def _make(self, *, mixes: bool = False) -> str:
        bridge = bridge_id(self._call, secrets.token_hex(4))
        await self._asterisk.create_bridge(bridge, mixes=mixes or self._always_mixes)
        return bridge

    async def remove(self) -> None:
        """Remove all of them, after the legs: deleting a bridge with legs in it overwrites their causes.

        Never raises; reconciling removes what is left (asterisk#1124).
        """
        for bridge in self._all():
            try:
                await self._asterisk.destroy_bridge(bridge)
            except AriError as error:
                log.info("call.bridge_not_removed", error=repr(error))

    def __contains__(self, bridge: str) -> bool:
        """Whether it is one of them."""
        return bridge in self._all()

    def _all(self) -> list[str]:
        return [bridge for bridge in (self._main, self._aside, *self._left) if bridge is not None]
