"""``siaga queue``: who waits, and who could answer."""

from __future__ import annotations

from dataclasses import asdict

from ari_app.domain.desks import POLDA
from ari_app.domain.queue_rows import queue_rows
from ari_app.store.call_filter import CallFilter
from ari_app.store.queries import list_calls
from ari_app.store.reader import read
from cli.desks import floor_desks
from cli.help import examples
from cli.language import tr, word
from cli.options import HERE, AsJson, State, new_group
from cli.output import counted, moment, print_json, print_line, print_table
from cli.place import settings_in_force, state_dir, tables

app = new_group("The queue: whom nobody has answered yet, in their order, and which desks are ready.")

_WAITS = frozenset({"waiting", "ringing"})


@app.command(epilog=examples("siaga queue show", "siaga queue show --json"))
def show(as_json: AsJson = False, state: State = HERE) -> None:
    """Show who waits, since when and at which place; blocked numbers, which are to be verified; the ready desks."""
    place = state_dir(state)
    settings = settings_in_force(place)
    engine = tables(place, settings)
    calls = list_calls(engine, CallFilter(living=True)) if engine is not None else []
    rows = queue_rows(list(read(place.journal, call=call.id)) for call in calls if call.state in _WAITS)
    desks = floor_desks(place, settings)
    ready = [desk["extension"] for desk in desks if desk["state"] == "ready" and desk["unit"] == POLDA]
    if as_json:
        print_json({"waiting": [asdict(row) for row in rows], "ready_desks": ready})
        return
    columns = ("Call", "Caller", "Waits since", "Priority", "Emergency", "Blocked", "Rings at")
    print_table(
        columns,
        [
            (
                row.call,
                row.caller or tr("withheld"),
                moment(row.since),
                word(row.priority),
                tr("yes") if row.emergency else None,
                tr("yes") if row.blocked else None,
                row.desk,
            )
            for row in rows
        ],
        empty=tr("Nobody waits."),
    )
    print_line("")
    if ready:
        print_line(tr("{desks} ready: {which}", desks=counted(len(ready), "desk"), which=" ".join(ready)))
    else:
        print_line(tr("No desk of the Polda is ready."))
