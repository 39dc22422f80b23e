"""``siaga desks``: the places with a phone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ari_app.domain.calls import CallRow
from ari_app.domain.desk_rows import WRAPPING_UP, DeskRow, desk_state
from ari_app.site.settings import Settings
from ari_app.store.queries import list_calls, list_desks
from cli.options import HERE, AsJson, State, new_group
from cli.output import print_json, print_table
from cli.place import settings_in_force, state_dir, tables

app = new_group("Desks: whose phone is registered, who sits there, and which call is there.")


@app.command("list")
def list_(as_json: AsJson = False, state: State = HERE) -> None:
    """List the desks: unregistered, no_operator, not_ready, wrapup, ready, or what is done with the call there.

    Where two desks talk without a caller, the other desk stands in the call's place.
    """
    place = state_dir(state)
    desks: list[dict[str, Any]] = []
    if place.config.exists() or place.journal.exists():
        settings = settings_in_force(place)
        engine = tables(place, settings)
        known = {row.extension: row for row in list_desks(engine)} if engine is not None else {}
        calls = {call.id: call for call in list_calls(engine, living=True)} if engine is not None else {}
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
            desk["call"] or desk["colleague"],
        )
        for desk in desks
    ]
    columns = ("Desk", "Unit", "Operator", "State", "Call")
    print_table(columns, rows, empty="No desk is configured.")


def _desks(settings: Settings, known: dict[str, DeskRow], calls: dict[str, CallRow]) -> list[dict[str, Any]]:
    """The configured desks with what the journal says of them; ``calls`` are the living calls."""
    names = {polres.code: polres.name for polres in settings.polres}
    now = datetime.now(UTC)
    found: list[dict[str, Any]] = []
    for desk in settings.desk:
        row = known.get(desk.extension) or DeskRow(desk.extension)
        call = calls.get(row.call or "")
        state = desk_state(row, call, login=desk.login, now=now)
        is_busy = call is None and (row.colleague is not None or state == WRAPPING_UP)
        found.append(
            {
                "extension": desk.extension,
                "unit": desk.unit,
                "unit_name": names.get(desk.unit, settings.site.name),
                "operator": row.operator,
                "state": state,
                "registered": row.registered,
                "ready": row.ready,
                "reason": row.reason,
                "since": row.since if row.registered else None,
                "call": call.id if call is not None else None,
                "colleague": row.colleague if call is None else None,
                "busy_since": row.busy_since if is_busy else None,
                "wrapup_until": row.wrapup_until if state == WRAPPING_UP else None,
            }
        )
    return found
