"""The scenes, in the order in which they are played."""

from __future__ import annotations

import sys

from ari_app.store.errors import StoreError
from scripts.demo.scenes_desks import next_desk, without_application
from scripts.demo.scenes_radio import by_radio
from scripts.demo.scenes_v import not_valid, taken_back, taken_by_polres
from scripts.demo.scenes_viii import pranks
from scripts.demo.screen import SceneError, Screen
from scripts.demo.stage import Stage, stage
from scripts.phones import PhoneError
from scripts.stack import StackError
from scripts.stack.stack import Stack


async def play(stack: Stack) -> int:
    """Play all scenes; 0 when everything went as the SOP says, 1 with what did not."""
    screen = Screen()
    try:
        async with stage(stack, screen) as on:
            await _complaints(on)
            await _radio(on)
            await pranks(on)
            await _faults(on)
        screen.done()
    except (SceneError, PhoneError, StackError, StoreError) as error:
        at = f"{screen.step}: " if screen.step else ""
        print(f"siaga110: the demo failed: {at}{error}", file=sys.stderr)
        return 1
    return 0


async def _complaints(on: Stage) -> None:
    """SOP section V."""
    await not_valid(on)
    if on.polres is None:
        on.screen.left_out("SOP V.6 to V.11", f"because no desk in {on.stack.prepared.config} is at a Polres")
        return
    await taken_back(on, on.polres)
    await taken_by_polres(on, on.polres)


async def _radio(on: Stage) -> None:
    """SOP section VII.d."""
    if on.radio is None or on.gateway is None:
        on.screen.left_out(
            "SOP VII.d", f"because no radio net in {on.stack.prepared.config} has its gateway on a loopback address"
        )
        return
    await by_radio(on, on.radio, on.gateway)


async def _faults(on: Stage) -> None:
    """What must not keep a caller from being answered."""
    if len(on.polda) > 1:
        await next_desk(on, *on.polda[:2])
    else:
        on.screen.left_out("A busy desk", f"because {on.stack.prepared.config} has only one desk at the Polda")
    await without_application(on)
