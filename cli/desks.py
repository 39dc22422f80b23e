"""``siaga desks``: the places with a phone."""

from __future__ import annotations

from typing import Any

from ari_app.domain.calls import CallRow
from ari_app.domain.desk_rows import DeskRow, desk_state
from ari_app.site.settings import Settings
from ari_app.store.call_filter import CallFilter
from ari_app.store.queries import list_calls, list_desks
from cli.options import HERE, AsJson, State, new_group
from cli.output import print_json, print_table
from cli.place import settings_in_force, state_dir, tables

app = new_group("Desks: whose phone is registered, who sits there, and which call is there.")


@app.command("list")
def list_(as_json: AsJson = False, state: State = HERE) -> None:
    """List the desks: unregistered, no_operator, not_ready, ready, or what is done with the call that is there."""
    place = state_dir(state)
    desks: list[dict[str, Any]] = []
    if place.config.exists() or place.journal.exists():
        settings = settings_in_force(place)
        engine = tables(place, settings)
        known = {row.extension: row for row in list_desks(engine)} if engine is not None else {}
        calls = {call.id: call for call in list_calls(engine, CallFilter(living=True))} if engine is not None else {}
        desks = _desks(settings, known, calls)
    if as_json:
        print_json(desks)
        return
    rows = [
        (
            desk["extension"],
            desk["unit_name"],
            desk["operator"],
            f"{desk['state']} ({desk['reason']})" if desk["state"] == "not_ready" and desk["reason"] else desk["state"],
            desk["call"],
        )
        for desk in desks
    ]
    columns = ("Desk", "Unit", "Operator", "State", "Call")
    print_table(columns, rows, empty="No desk is configured.")


def _desks(settings: Settings, known: dict[str, DeskRow], calls: dict[str, CallRow]) -> list[dict[str, Any]]:
    """The configured desks with what the journal says of them; ``calls`` are the living calls."""
    names = {polres.code: polres.name for polres in settings.polres}
    found = []
    for desk in settings.desk:
        row = known.get(desk.extension) or DeskRow(desk.extension)
        call = calls.get(row.call or "")
        found.append(
            {
                "extension": desk.extension,
                "unit": desk.unit,
                "unit_name": names.get(desk.unit, settings.site.name),
                "operator": row.operator,
                "state": desk_state(row, call, login=desk.login),
                "registered": row.registered,
                "ready": row.ready,
                "reason": row.reason,
                "since": row.since if row.registered else None,
                "call": call.id if call is not None else None,
            }
        )
    return found
