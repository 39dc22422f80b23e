"""One call of a handset, and all that a person can do with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from scripts.phones.events import Event, PhoneEndedError, PhoneError, PhoneTimeoutError
from scripts.phones.leg import Leg, State

_FINAL, _REFUSED = 200, 300
_CLICK_SECONDS: Final = 10.0


class HandsetCall(Leg):
    """A call at a handset, rung or dialled.

    ``caller_name`` and ``caller_number`` are what the display shows now. When it is over, ``ended_by`` is ``self``
    or ``other``, ``ending`` is ``hung_up``, ``cancelled``, ``refused`` (with ``code``) or ``lost`` (nobody answers our
    messages), and ``cause`` what the other side gave as the reason.

    Every wait raises PhoneTimeoutError, or PhoneEndedError when the call ended without what was awaited.
    """

    @property
    def cause(self) -> int | None:
        """The Q.850 cause (else SIP's) with which the other side ended the call; None when it gave none."""
        return self.causes.get("Q.850", self.causes.get("SIP"))

    async def ringing(self, *, seconds: float = 10.0) -> Event:
        """It rings: here, or, when we dialled, at the other side (180)."""
        return await self.events.wait("ringing", seconds=seconds)

    async def early(self, *, seconds: float = 10.0) -> Event:
        """There is sound before the answer (183, or 180 with a session description)."""
        return await self.events.wait("early", seconds=seconds)

    async def answered(self, *, seconds: float = 10.0) -> Event:
        """Somebody answered."""
        return await self.events.wait("answered", seconds=seconds)

    async def ended(self, *, seconds: float = 10.0) -> Event:
        """The call is over."""
        return await self.events.wait("ended", seconds=seconds)

    async def refused(self, *, seconds: float = 10.0) -> int:
        """The call was refused: the code. PhoneEndedError when it ended in another way."""
        await self.ended(seconds=seconds)
        if self.ending != "refused" or self.code is None:
            raise PhoneEndedError(f"{self.events.name} was not refused: {self.ending} by {self.ended_by}")
        return self.code

    async def display(self, condition: Callable[[str, str], bool], *, seconds: float = 5.0) -> tuple[str, str]:
        """Name and number on the display, as soon as ``condition(name, number)`` holds."""

        def shown() -> bool:
            return condition(self.caller_name, self.caller_number)

        try:
            await self.events.until(shown, seconds=seconds, what="such a display")
        except PhoneTimeoutError as error:
            raise PhoneTimeoutError(f"{error}; it shows {self.caller_name!r} {self.caller_number!r}") from None
        return self.caller_name, self.caller_number

    async def press(self, keys: str) -> None:
        """Press these keys (0-9 * # A-D); returns when the last one was released."""
        if self.state is not State.ANSWERED and not self.events.all("early"):
            raise PhoneEndedError(f"{self.events.name}: no line for key presses ({self.ending or self.state.value})")
        if self.offer is None or not self.offer.has_keys:
            raise PhoneError(f"{self.events.name}: the other side takes no key presses")
        await self.audio.press(keys)

    async def hold(self) -> None:
        """Put the call on hold: the other side hears nothing more from here. PhoneError when it is refused."""
        was, self.held = self.held, True
        try:
            await self.change("sendonly")
        except PhoneError:
            self.held = was
            raise

    async def unhold(self) -> None:
        """Take the call back from hold."""
        was, self.held = self.held, False
        try:
            await self.change("sendrecv")
        except PhoneError:
            self.held = was
            raise

    async def blind_transfer(self, target: str, *, seconds: float = _CLICK_SECONDS) -> int:
        """Send the other side to ``target`` (REFER); how that ended: 200, or the code of the refusal.

        The phone hangs up when it succeeded. ``transfer_codes`` has all codes that were reported on the way.
        """
        code = await self._refer(f"<{self.line.uri(target)}>", seconds)
        if code < _REFUSED:
            await self.hang_up()
        return code

    async def attended_transfer(self, other: HandsetCall, *, seconds: float = _CLICK_SECONDS) -> int:
        """Connect the other sides of this call and of ``other`` (REFER with Replaces); as ``blind_transfer``."""
        target = other.dialog.remote.uri if other.incoming else self.line.uri(other.dialog.remote.user)
        code = await self._refer(other.dialog.refer_to(target), seconds)
        if code < _REFUSED:
            await asyncio.gather(self.hang_up(), other.hang_up())
        return code

    async def _refer(self, refer_to: str, seconds: float) -> int:
        if self.state is not State.ANSWERED:
            raise PhoneEndedError(f"{self.events.name} is not answered: {self.ending or self.state.value}")
        self.transfer_codes.clear()
        headers = [("Refer-To", refer_to), ("Referred-By", f"<{self.dialog.local.uri}>")]
        response = await self.line.request(self.dialog, "REFER", headers)
        if response.code >= _REFUSED:
            return response.code
        # Not the call's own events: the news of a transfer may come after the call's end.
        await self.line.events.until(
            lambda: any(code >= _FINAL for code in self.transfer_codes), seconds=seconds, what="news of the transfer"
        )
        return self.transfer_codes[-1]
