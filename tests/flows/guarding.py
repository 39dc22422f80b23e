"""The guard, at work on the fake Asterisk."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from ari_app.ari.errors import AriRefused
from scripts.guard import PLAYBACKS, decide
from tests.flows.fake_asterisk import FakeAsterisk


async def the_guard_acts(asterisk: FakeAsterisk, *, for_good: bool = False) -> int:
    """Look, decide and carry out as ``scripts/guard.py`` does it over HTTP; how many callers were given back."""
    channels = msgspec.to_builtins(await asterisk.channels())
    bridges = msgspec.to_builtins(await asterisk.bridges())
    plan = decide(channels, bridges, for_good=for_good)
    for leg in plan.hang_up:
        with suppress(AriRefused):
            await asterisk.hangup(leg)
    for channel in plan.silence:
        for number in range(PLAYBACKS):
            with suppress(AriRefused):
                await asterisk.stop_playing(f"{channel}-play-{number}")
    given = 0
    for line in plan.give_back:
        with suppress(AriRefused):
            await asterisk.unmute(line)
        with suppress(AriRefused):
            await asterisk.back_to_dialplan(line)
            given += 1
    for desk in plan.let_go:
        with suppress(AriRefused):
            await asterisk.back_to_dialplan(desk)
    return given
