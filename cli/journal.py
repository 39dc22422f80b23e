"""``siaga journal``: everything that happened, in order, and the proof that nothing was changed."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer

from ari_app.site.state import StateDir
from ari_app.store.verify import Problem, Verification, verify, verify_export
from cli.errors import Refused
from cli.lines import Line, read_lines
from cli.options import HERE, AsJson, State, new_group, path
from cli.output import counted, print_bytes, print_json, print_line
from cli.place import state_dir

app = new_group("The journal: everything that happened, in order.")

_POLL_SECONDS: Final = 0.2


@app.command()
def tail(
    number: Annotated[
        int, typer.Option("--number", "-n", min=0, max=10_000_000, help="Show so many of the last records.")
    ] = 20,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new records as they come, until Ctrl-C.")
    ] = False,
    call: Annotated[
        str | None, typer.Option("--call", metavar="ID", help="Only records of the call with this id.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each record as one line of JSON, as `journal export` does.")
    ] = False,
    state: State = HERE,
) -> None:
    """Show the last records of the journal, oldest first."""
    journal = state_dir(state).journal
    day = ""

    def show(line: Line) -> None:
        nonlocal day
        if as_json:
            print_bytes(line.exported())
            return
        if line.day != day:
            day = line.day
            print_line(f"--- {day}")
        print_line(str(line))

    after = 0
    for line in _last(journal, number, call):
        show(line)
        after = line.seq
    if follow:
        _follow(journal, after, call, show)


def _last(journal: Path, number: int, call: str | None) -> Iterator[Line]:
    raise NotImplementedError
