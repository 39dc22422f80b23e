"""Supervisors' orders to the application on a ``floor``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ari_app.domain.blocklist import CallStory, NumberRules
from ari_app.domain.commands import CommandRefused, Handler
from ari_app.domain.recovery import REMARKS
from ari_app.flows.blocking import block_commands
from ari_app.flows.call_office import CallOffice, call_commands
from ari_app.flows.once import Once
from ari_app.flows.radio_office import Speak, radio_commands
from tests.flows.floor import Floor

ACTOR = "supervisor:rahma"


async def nobody_speaks(text: str) -> Path:
    """There is no voice."""
    raise CommandRefused(text)


async def spoken(text: str) -> Path:
    """A file, which is not there, named for what it has."""
    return Path("/nowhere") / f"{text}.wav"


def handlers(here: Floor, speak: Speak = nobody_speaks) -> dict[str, Handler]:
    """The commands, as ``app.py`` puts them together."""
    app = here.app
    assert app is not None

    def find(call: str) -> CallStory | None:
        received = here.facts(call, "call.received")
        return CallStory(str(received[0].data["caller"]), is_marked=False) if received else None

    async def last_of(call: str) -> str | None:
        return next((a for a in reversed(here.told(call)) if a.startswith("call.") and a not in REMARKS), None)

    block = block_commands(
        app.blocking, find=find, mark_living=app.router.mark_living, flush=lambda _: True, rules=NumberRules("ID")
    )
    office = CallOffice(app.router, Once(app.tell, lambda _: False), last_of=last_of, mark=block["block.mark"])
    return block | radio_commands(app.nets, app.tell, speak=speak, give=office.give) | call_commands(office)


async def give(here: Floor, name: str, call: str, **arguments: Any) -> Any:
    """Give an order; its answer. Raises ``CommandRefused``."""
    return await handlers(here)[name]({"call": call, **arguments}, ACTOR)


async def refused(here: Floor, name: str, call: str, **arguments: Any) -> str:
    """Give an order that is refused; why, and nothing was told of it."""
    before = len(here.journal)
    with pytest.raises(CommandRefused) as info:
        await give(here, name, call, **arguments)
    assert [fact.action for fact in here.journal[before:] if fact.actor == ACTOR] == []
    return str(info.value)
