"""``siaga desks``: the places with a phone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ari_app.domain.calls import CallRow
from ari_app.domain.desk_rows import WRAPPING_UP, DeskRow, desk_state
from ari_app.site.settings import Settings
from ari_app.site.state import StateDir
from ari_app.store.call_filter import CallFilter
from ari_app.store.contacts import Contact, contacts
from ari_app.store.queries import list_calls, list_desks
from cli import candidates
from cli.errors import Refused
from cli.help import examples
from cli.language import tr, word
from cli.options import HERE, AsJson, State, new_group
from cli.output import moment, plain, print_json, print_table
from cli.place import settings_in_force, state_dir, tables

app = new_group("Desks: whose phone is registered, who sits there, and which call is there.")


@app.command("list", epilog=examples("siaga desks list", "siaga desks list --json"))
def list_(as_json: AsJson = False, state: State = HERE) -> None:
    """List the desks: unregistered, no_operator, not_ready, wrapup, ready, or what is done with the call there.

    Where two desks talk without a caller, the other desk stands in the call's place.
    """
    place = state_dir(state)
    is_begun = place.config.exists() or place.journal.exists()
    desks = floor_desks(place, settings_in_force(place)) if is_begun else []
    if as_json:
        print_json(desks)
        return
    rows = [
        (
            desk["extension"],
            desk["unit_name"],
            desk["operator"],
            _shown(desk),
            desk["call"] or desk["colleague"],
        )
        for desk in desks
    ]
    columns = ("Desk", "Unit", "Operator", "State", "Call")
    print_table(columns, rows, empty=tr("No desk is configured."))


def _shown(desk: dict[str, Any]) -> str:
    state = str(word(desk["state"]))
    return f"{state} ({word(desk['reason'])})" if desk["state"] == "not_ready" and desk["reason"] else state


@app.command("register-status", epilog=examples("siaga desks register-status", "siaga desks register-status 1001"))
def register_status(
    extension: Annotated[
        str | None, typer.Argument(metavar="EXT", autocompletion=candidates.desks, help="Of one desk only.")
    ] = None,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Show whether the desks' phones are registered, since when, from where, and until when."""
    place = state_dir(state)
    settings = settings_in_force(place)
    desks = [desk for desk in settings.desk if extension in {None, desk.extension}]
    if extension is not None and not desks:
        raise Refused(tr("there is no desk {desk}: see `siaga desks list`", desk=plain(extension)))
    engine = tables(place, settings)
    known = {row.extension: row for row in list_desks(engine)} if engine is not None else {}
    phones = contacts(place.phones) or {}
    zone = ZoneInfo(settings.site.timezone)
    found = [
        _registration(known.get(desk.extension) or DeskRow(desk.extension), phones.get(desk.extension, []), zone)
        for desk in desks
    ]
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["extension"],
            word("registered" if each["registered"] else "unregistered"),
            moment(each["since"]),
            *((phone["address"], phone["user_agent"], moment(phone["expires_at"])) if phone else (None, None, None)),
        )
        for each in found
        for phone in each["phones"] or [None]
    ]
    columns = ("Desk", "Phone", "Since", "Address", "Program", "Until")
    print_table(columns, rows, empty=tr("No desk is configured."))


def _registration(row: DeskRow, phones: list[Contact], zone: ZoneInfo) -> dict[str, Any]:
    """How a desk's phone is registered; ``phones`` are empty where Asterisk knows of none, or cannot be asked."""
    shown = [
        {
            "address": phone.address,
            "user_agent": phone.user_agent or None,
            "expires_at": datetime.fromtimestamp(phone.expires, zone).isoformat(),
        }
        for phone in phones
        if row.registered
    ]
    return {"extension": row.extension, "registered": row.registered, "since": row.since, "phones": shown}


def floor_desks(place: StateDir, settings: Settings) -> list[dict[str, Any]]:
    """Every configured desk as it stands, as ``desks list --json`` has it."""
    engine = tables(place, settings)
    known = {row.extension: row for row in list_desks(engine)} if engine is not None else {}
    calls = {call.id: call for call in list_calls(engine, CallFilter(living=True))} if engine is not None else {}
    return _desks(settings, known, calls)


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
