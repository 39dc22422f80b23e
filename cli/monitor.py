"""``siaga monitor``: a supervisor at a living call, by a desk's phone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import candidates
from cli.asking import order
from cli.call_orders import Call
from cli.help import examples
from cli.language import tr
from cli.options import HERE, AsJson, State, new_group
from cli.output import plain, print_done, print_line
from cli.place import settings_in_force, state_dir

app = new_group("Listen to a living call at a desk's phone, whisper to its operator, or join it.")

Desk = Annotated[
    str,
    typer.Option(
        "--desk", metavar="EXT", autocompletion=candidates.desks, help="Whose phone rings: a desk that is free."
    ),
]


@app.command(epilog=examples("siaga monitor listen 1738285323.12 --desk 1003"))
def listen(call: Call, desk: Desk, as_json: AsJson = False, state: State = HERE) -> None:
    """Hear a call's operator and all that the operator hears; nobody hears you."""
    _ring(state, "listen", call, desk, as_json=as_json)


@app.command(epilog=examples("siaga monitor whisper 1738285323.12 --desk 1003"))
def whisper(call: Call, desk: Desk, as_json: AsJson = False, state: State = HERE) -> None:
    """The same, and the operator alone hears you."""
    _ring(state, "whisper", call, desk, as_json=as_json)


@app.command(epilog=examples("siaga monitor barge 1738285323.12 --desk 1003"))
def barge(call: Call, desk: Desk, as_json: AsJson = False, state: State = HERE) -> None:
    """Join a call: caller and operator hear you, and you hear them."""
    _ring(state, "barge", call, desk, as_json=as_json)


def _ring(state: Path, mode: str, call: str, desk: str, *, as_json: bool) -> None:
    place = state_dir(state)
    done = order(place, settings_in_force(place), f"monitor.{mode}", {"call": call, "desk": desk})
    print_done(
        done, tr("Desk {desk} is being rung for call {call}.", desk=plain(desk), call=plain(call)), as_json=as_json
    )
    if not as_json:
        print_line(tr("1 listens, 2 whispers, 3 joins; hanging up disturbs nobody."))
