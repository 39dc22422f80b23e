"""Who sits at the desks while the demo plays.

Desks without ``login`` are staffed by their phones. At the others an operator of the demo's own logs in, who is
removed when it is over, and whose PIN nobody ever sees.
"""

from __future__ import annotations

import secrets
import string
import sys
from functools import partial

import anyio
import anyio.to_thread

from ari_app.bus.ask import AskRefused, NobodyAnswered, ask
from ari_app.domain.facts import Json
from ari_app.site.pins import hash_pin
from ari_app.site.settings import Desk
from ari_app.store.staff import staff
from scripts.demo.screen import SceneError, Screen
from scripts.demo.story import until
from scripts.phones import Handset
from scripts.stack.prepare import Prepared

SUPERVISOR = "demo"


class Staff:
    """The demo's operators, and the supervisor who gives them orders."""

    def __init__(self, prepared: Prepared, screen: Screen) -> None:
        """Nobody is there yet."""
        self._prepared = prepared
        self._screen = screen
        self._hired: list[str] = []

    async def order(self, command: str, **arguments: Json) -> Json:
        """Give the application a supervisor's command, such as ``complaints.edit``; its result.

        Raises:
            SceneError: it was not carried out.
        """
        work = partial(
            ask, self._prepared.settings, self._prepared.secrets, command, arguments, supervisor=SUPERVISOR
        )  # fmt: skip
        try:
            return await anyio.to_thread.run_sync(work)
        except (AskRefused, NobodyAnswered) as error:
            raise SceneError(f"{command}: {error}") from None

    async def sit_down(self, desk: Desk, phone: Handset) -> None:
        """Somebody is at the desk, whose phone is registered, and ready for calls."""
        seat = staff(self._prepared.state.journal).seat(desk.extension)
        if desk.login and seat.operator is None:
            await self._log_in(desk, phone)
        elif not seat.ready:  # as somebody left it before the demo
            await self.order("operators.ready", desk=desk.extension)

    async def _log_in(self, desk: Desk, phone: Handset) -> None:
        """``*10*NRP*PIN``, by an operator who is new."""
        nrp, pin = f"99{_digits(10)}", _digits(8)
        pin_hash = await anyio.to_thread.run_sync(hash_pin, pin)
        await self.order("operators.add", nrp=nrp, name="Operator Demo", unit=desk.unit, pin_hash=pin_hash)
        self._hired.append(nrp)
        call = await phone.dial(f"*10*{nrp}*{pin}")
        await call.answered()
        await call.ended(seconds=20)
        await until(lambda: self._is_there(nrp, desk), f"operator {nrp} at desk {desk.extension}")
        self._screen.say(f"desk {desk.extension}", f"operator {nrp} has logged in: *10*NRP*PIN")

    def _is_there(self, nrp: str, desk: Desk) -> bool | None:
        return staff(self._prepared.state.journal).desk_of(nrp) == desk.extension or None

    async def go_home(self) -> None:
        """The demo's operators are there no more, also when it is broken off."""
        with anyio.CancelScope(shield=True):
            for nrp in self._hired:
                try:
                    await self.order("operators.remove", nrp=nrp)
                except SceneError as error:
                    print(f"siaga110: remove the demo's operator {nrp}: {error}", file=sys.stderr)
        self._hired.clear()


def _digits(count: int) -> str:
    return "".join(secrets.choice(string.digits) for _ in range(count))
