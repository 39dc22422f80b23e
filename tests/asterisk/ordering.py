"""Supervisors' orders to a running instance: by the bus, as ``siaga`` gives them, without a program for each."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ari_app.bus.ask import AskRefused, ask
from ari_app.site.secrets import load
from ari_app.site.settings import load_settings
from ari_app.site.state import StateDir
from tests.asterisk.site import Site

SUPERVISOR = "rahma"
ACTOR = f"supervisor:{SUPERVISOR}"


async def give(site: Site, command: str, call: str, **arguments: Any) -> Any:
    """Give an order and wait for its answer, while the phones go on talking. Raises ``AskRefused``."""
    place = StateDir(site.state)
    settings = load_settings(place.config)
    secrets = load(place, settings)

    def blocking() -> Any:
        return ask(settings, secrets, command, {"call": call, **arguments}, supervisor=SUPERVISOR)

    return await asyncio.to_thread(blocking)


async def refused(site: Site, command: str, call: str, **arguments: Any) -> str:
    """Give an order that is refused, and why it was."""
    with pytest.raises(AskRefused) as info:
        await give(site, command, call, **arguments)
    return str(info.value)
