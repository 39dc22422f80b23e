"""``siaga desks``: the places with a phone."""

from __future__ import annotations

from typing import Any

from ari_app.domain.calls import DeskRow
from ari_app.site.settings import Settings
from ari_app.store.queries import list_calls, list_desks
from cli.options import HERE, AsJson, State, new_group
from cli.output import moment, print_json, print_table
from cli.place import settings_in_force, state_dir, tables

app = new_group("Desks: whose phone is registered, and which call is there.")


@app.command("list")
def list_(as_json: AsJson = False, state: State = HERE) -> None:
    """List the desks: unregistered, free, ringing or talking, since when, and their call."""
    place = state_dir(state)
    desks: list[dict[str, Any]] = []
    if place.config.exists() or place.journal.exists():
        settings = settings_in_force(place)
        engine = tables(place, settings)
        known = {row.extension: row for row in list_desks(engine)} if engine is not None else {}
        calls = {call.id: call.state for call in list_calls(engine, living=True)} if engine is not None else {}
        desks = _desks(settings, known, calls)
    if as_json:
        print_json(desks)
        return
    rows = [
        (desk["extension"], desk["unit_name"], desk["state"], moment(desk["since"]), desk["call"]) for desk in desks
    ]
    print_table(("Desk", "Unit", "State", "Registered since", "Call"), rows, empty="No desk is configured.")


def _desks(settings: Settings, known: dict[str, DeskRow], calls: dict[str, str]) -> list[dict[str, Any]]:
    """The configured desks with what the journal says of them; ``calls`` is the state of each living call."""
    names = {polres.code: polres.name for polres in settings.polres}
    found = []
    for desk in settings.desk:
        row = known.get(desk.extension) or DeskRow(desk.extension)
        call = row.call if row.call in calls else None
        found.append(
            {
                "extension": desk.extension,
                "unit": desk.unit,
                "unit_name": names.get(desk.unit, settings.site.name),
                "state": calls.get(call or "", "free" if row.registered else "unregistered"),
                "registered": row.registered,
                "since": row.since if row.registered else None,
                "call": call,
            }
        )
    return found
