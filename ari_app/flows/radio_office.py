"""What supervisors can have done on the radio nets: a sentence, a net in a call and out of it (SOP VII.d)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import StringConstraints

from ari_app.domain.commands import CommandRefused, Handler
from ari_app.domain.facts import Fact, Json
from ari_app.domain.keys import Key, Wish
from ari_app.domain.transmissions import SAID, SAY_ORDERED
from ari_app.flows.office import Arguments, Extension, command
from ari_app.flows.radio import Nets

Sentence = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*[^\W_][^\x00-\x1f\x7f]*$", max_length=300)]

Speak: TypeAlias = Callable[[str], Awaitable[Path]]
"""Speaks a text into a file; raises ``CommandRefused`` when it cannot."""

Give: TypeAlias = Callable[[str, Wish, str], Awaitable[None]]
"""Gives a living call an order (call, wish, actor); raises ``CommandRefused`` when it is not carried out."""


class _Say(Arguments):
    net: Extension
    text: Sentence


class _Patch(Arguments):
    call: str
    net: Extension


class _Unpatch(Arguments):
    call: str


class _Office:
    def __init__(self, nets: Nets, tell: Callable[[Fact], None], speak: Speak, give: Give) -> None:
        self._nets, self._tell, self._speak, self._give = nets, tell, speak, give

    async def say(self, given: _Say, actor: str) -> Json:
        """A sentence waits for the floor; what has waited for a minute is not said any more."""
        net = self._nets.get(given.net)
        if net is None:
            raise CommandRefused(f"there is no radio net {given.net}")
        path = await self._speak(given.text)
        what: dict[str, Json] = {"net": given.net, "id": secrets.token_hex(4), "text": given.text}
        self._tell(Fact(actor, SAY_ORDERED, data={**what}))
        net.say([f"sound:{path.with_suffix('')}"], partial(self._said, what, actor, path))
        return {"net": given.net}

    def _said(self, what: dict[str, Json], actor: str, path: Path, is_said: bool) -> None:  # noqa: FBT001 - as the net tells it
        with suppress(OSError):  # the next application removes it
            path.unlink(missing_ok=True)
        self._tell(Fact(actor, SAID, data={**what, "said": is_said}))

    async def patch(self, given: _Patch, actor: str) -> Json:
        if self._nets.get(given.net) is None:
            raise CommandRefused(f"there is no radio net {given.net}")
        return await self._ask(given.call, given.net, actor)

    async def unpatch(self, given: _Unpatch, actor: str) -> Json:
        return await self._ask(given.call, "", actor)

    async def _ask(self, call: str, net: str, actor: str) -> Json:
        await self._give(call, Wish(Key.RADIO, net), actor)
        self._tell(Fact(actor, "radio.ordered", call, {"net": net}))
        return {"call": call, "net": net}


def radio_commands(nets: Nets, tell: Callable[[Fact], None], *, speak: Speak, give: Give) -> dict[str, Handler]:
    """The commands ``radio.*`` with their handlers."""
    of = _Office(nets, tell, speak, give)
    return {
        "radio.say": command(_Say, of.say),
        "radio.patch": command(_Patch, of.patch),
        "radio.unpatch": command(_Unpatch, of.unpatch),
    }
