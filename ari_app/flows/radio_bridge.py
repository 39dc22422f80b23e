"""The bridge in which everybody on a net hears the others (SOP VII.d)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import anyio
import structlog

from ari_app.ari.errors import AriError, AriNotFound, AriRefused
from ari_app.domain.seen import bridge_id

if TYPE_CHECKING:
    from ari_app.ari.commands import Commands
    from ari_app.ari.inbox import Switch
    from ari_app.ari.model import LegEvent

log = structlog.get_logger(__name__)


class NetBridge:
    """One at a time, made when somebody needs it."""

    def __init__(self, net: str, asterisk: Commands, switch: Switch, deliver: Callable[[LegEvent], None]) -> None:
        """``net`` is what it is named for; ``deliver`` gets its playbacks' ends."""
        self._net, self._asterisk, self._switch, self._deliver = net, asterisk, switch, deliver
        self._making = anyio.Lock()
        self.id: str | None = None
        self.legs: set[str] = set()
        """Who is in it or on the way into it, but for the gateway's line: whoever leaves is taken out of these."""
        self._inside: set[str] = set()
        """Those of them whom Asterisk has put into the present bridge."""

    async def open(self) -> str:
        """Its id.

        Raises:
            AriError: there is none.
        """
        async with self._making:
            if self.id is None:
                bridge = self.id = bridge_id(self._net, secrets.token_hex(4))  # nobody takes it for a stray
                self._switch.register(f"bridge:{bridge}", self._deliver)
                try:
                    await self._asterisk.create_bridge(bridge, mixes=True)
                except AriError:
                    self._let_go()
                    raise
            return self.id

    def _let_go(self) -> None:
        self._switch.forget([f"bridge:{self.id}"])
        self.id = None
        self._inside.clear()

    async def add(self, leg: str) -> None:
        """Put a leg into it.

        Raises:
            AriError: it is not there.
        """
        self.legs.add(leg)
        try:
            await self._put_in(leg)
        except BaseException:
            self.legs.discard(leg)
            raise

    async def _put_in(self, leg: str) -> None:
        bridge = await self.open()
        try:
            await self._asterisk.add_to_bridge(bridge, [leg], absorb_keys=True)
        except AriNotFound:
            if bridge == self.id:
                raise
            await self._put_in(leg)  # there is another one by now
        else:
            self._inside.add(leg)

    async def renew(self) -> None:
        """It is not what it was: another one, for those who are still there.

        Raises:
            AriUnreachable: Asterisk gives no answer.
        """
        await self.close()
        await self.gather()

    async def gather(self) -> None:
        """Whoever should be in it and is not, because Asterisk gave no answer, is put into it.

        Raises:
            AriUnreachable: Asterisk gives no answer.
        """
        for leg in sorted(self.legs - self._inside):
            if leg not in self.legs:
                continue  # has left meanwhile
            try:
                await self._put_in(leg)
            except AriRefused as refused:
                log.info("radio.leg_gone", status=refused.status)

    async def close(self) -> None:
        """It is needed no more.

        Raises:
            AriUnreachable: Asterisk gives no answer; reconciling removes it.
        """
        old = self.id
        if old is None:
            return
        self._let_go()
        try:
            await self._asterisk.destroy_bridge(old)
        except AriRefused as refused:
            log.info("radio.bridge_not_removed", status=refused.status)
