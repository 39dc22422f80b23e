"""``siaga watch``: the live floor, redrawn as it changes."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import anyio
import typer
from pydantic import BaseModel
from rich.console import Console
from rich.live import Live

from ari_app import logs
from ari_app.bus.broker import Broker, broker_of
from ari_app.bus.view import FloorView, Viewer
from ari_app.site import secrets as site_secrets
from ari_app.site.settings import Settings
from cli.errors import Refused
from cli.help import examples
from cli.language import tr
from cli.options import HERE, AsJson, State
from cli.output import print_json
from cli.place import settings_in_force, state_dir
from cli.watch_screen import Frame, screen

app = typer.Typer(add_completion=False)

FASTEST_SECONDS: Final = 0.1
"""So long a screen stands at least."""

TICK_SECONDS: Final = 1.0
"""So long it stands at most: the times on it go on."""

ONCE_SECONDS: Final = 5.0
"""How long ``--once`` waits for the floor."""

_WIDTH, _HEIGHT = 120, 10_000
"""Columns and lines where there is no terminal."""


@app.command(epilog=examples("siaga watch", "ssh -t HOST siaga watch", "siaga watch --json"))
def watch(
    *,
    once: Annotated[bool, typer.Option("--once", help="Show the floor once; so it is into a pipe.")] = False,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Show the live floor until Ctrl-C: callers who wait, calls, desks, today's figures, alarms.

    Every time is how long it has been so. A lost link, and whatever is wrong, is said in red. --json prints the floor
    once.
    """
    place = state_dir(state)
    settings = settings_in_force(place)
    broker = broker_of(settings.mqtt, site_secrets.load(place, settings), "supervisor")
    # What is wrong with the link is said on the screen; a line of a log would spoil it.
    logs.say_little()
    logging.getLogger("mqtt").setLevel(logging.CRITICAL)
    console = Console(highlight=False)
    if not as_json and not once and console.is_terminal:
        anyio.run(_follow, broker, settings, console)
        return
    view = anyio.run(_look, broker)
    if as_json:
        print_json(_as_json(view))
        return
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH, height=_HEIGHT)
    console.print(screen(_frame(settings, console, view, None)))


async def _follow(broker: Broker, settings: Settings, console: Console) -> None:
    """Draw until Ctrl-C."""
    changed = anyio.Event()

    def news() -> None:
        changed.set()  # the one that is waited for now

    viewer = Viewer(broker, news)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(viewer.run)
            while True:
                trouble = None if viewer.is_up else viewer.trouble
                live.update(screen(_frame(settings, console, viewer.view, trouble)), refresh=True)
                await anyio.sleep(FASTEST_SECONDS)
                with anyio.move_on_after(TICK_SECONDS - FASTEST_SECONDS):
                    await changed.wait()
                changed = anyio.Event()


async def _look(broker: Broker) -> FloorView:
    """The floor as it is now.

    Raises:
        Refused: it is not told in time, and why.
    """
    told = anyio.Event()
    viewer = Viewer(broker, told.set)
    with anyio.move_on_after(ONCE_SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(viewer.run)
            await told.wait()
            tasks.cancel_scope.cancel()
    if viewer.view is None:
        if viewer.trouble:
            raise Refused(tr("the broker at {broker} does not answer: {reason}", broker=broker, reason=viewer.trouble))
        raise Refused(tr("the broker at {broker} does not answer", broker=broker))
    return viewer.view


def _frame(settings: Settings, console: Console, view: FloorView | None, trouble: str | None) -> Frame:
    return Frame(
        site=settings.site.name,
        polres={polres.code: polres.name for polres in settings.polres},
        view=view,
        trouble=trouble,
        now=datetime.now(ZoneInfo(settings.site.timezone)),
        width=console.width,
        height=console.height,
    )


def _as_json(view: FloorView) -> dict[str, Any]:
    return {
        "application": _dump(view.application),
        "publisher": _dump(view.publisher),
        "alarms": [_dump(alarm) for alarm in view.alarms],
        "queue": _dump(view.queue),
        "calls": [_dump(call) for _, call in sorted(view.calls.items())],
        "desks": [_dump(desk) for _, desk in sorted(view.desks.items())],
        "nets": [_dump(net) for _, net in sorted(view.nets.items())],
        "unread": sorted(view.unread),
    }


def _dump(model: BaseModel | None) -> Any:  # noqa: ANN401 - as pydantic has it
    return None if model is None else model.model_dump(mode="json")
