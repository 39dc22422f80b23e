"""``siaga complaints``: what callers report (pengaduan). Each outlives its call, until somebody closes it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ari_app.domain.complaints import CATEGORIES, HISTORY, STATUSES, ComplaintRow, missing
from ari_app.domain.facts import Json, Record
from ari_app.store.queries import calls_between, find_call, find_complaint, list_complaints, ticket_at_desk
from ari_app.store.reader import read
from cli import candidates
from cli.asking import order
from cli.complaint_form import ask_fields
from cli.errors import Refused
from cli.help import examples
from cli.language import tr, word
from cli.options import HERE, AsJson, Limit, State, new_group
from cli.output import moment, plain, print_done, print_json, print_line, print_table
from cli.place import basics, settings_in_force, state_dir, tables, telephone_number
from cli.stories import action, print_actions, print_fields
from cli.times import as_ms, midnight

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ari_app.domain.calls import CallRow
    from ari_app.site.state import StateDir

app = new_group("Complaints: what callers report, for whom it is, and whether it is closed.")

DAY_MS = 24 * 60 * 60 * 1000

SomeTicket = Annotated[
    str | None,
    typer.Argument(
        metavar="TICKET",
        autocompletion=candidates.tickets,
        show_default=False,
        help="The complaint's number, as 110-20250131-0007.",
    ),
]
Ticket = Annotated[
    str,
    typer.Argument(
        metavar="TICKET", autocompletion=candidates.tickets, help="The complaint's number, as 110-20250131-0007."
    ),
]
Desk = Annotated[
    str | None,
    typer.Option(
        "--desk",
        metavar="EXT",
        autocompletion=candidates.desks,
        help="In place of TICKET: the complaint of the call at this desk.",
    ),
]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for the journal.")]


@app.command(
    "list", epilog=examples("siaga complaints list --today", "siaga complaints list --status open --polres 01 --json")
)
def list_(  # noqa: PLR0913 - one parameter for each option
    *,
    status: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help=f"Only these: {', '.join(STATUSES)}.")
    ] = None,
    polres: Annotated[
        str | None,
        typer.Option(
            "--polres", metavar="CODE", autocompletion=candidates.polres, help="Only complaints for this Polres."
        ),
    ] = None,
    number: Annotated[
        str | None, typer.Option("--number", metavar="NUMBER", help="Only of reporters with this telephone number.")
    ] = None,
    today: Annotated[bool, typer.Option("--today", help="Only those that were opened today.")] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """List the complaints, the newest first. Names and numbers are in `show` and in JSON only."""
    if status is not None and status not in STATUSES:
        raise typer.BadParameter(tr("there are {words}", words=", ".join(STATUSES)), param_hint="--status")
    place = state_dir(state)
    rows: list[ComplaintRow] = []
    if place.journal.exists():
        settings = settings_in_force(place)
        engine = tables(place, settings)
        if engine is not None:
            rows = list_complaints(
                engine,
                status=status,
                polres=polres,
                number=telephone_number("--number", number, basics(place)),
                since_ms=as_ms(midnight(settings.site.timezone)) if today else None,
                limit=limit or None,
            )
    if as_json:
        print_json([_as_dict(row) for row in rows])
        return
    is_filtered = today or any(given is not None for given in (status, polres, number))
    columns = ("Ticket", "Opened", "Status", "Polres", "Category", "Kind")
    lines = [
        (row.ticket, moment(row.opened_at), word(row.status), row.polres, row.category, word(_kind(row)))
        for row in rows
    ]
    print_table(columns, lines, empty=tr("There are no such complaints.") if is_filtered else tr("No complaints."))


@app.command(epilog=examples("siaga complaints show 110-20250131-0007", "siaga complaints show --desk 1001"))
def show(ticket: SomeTicket = None, desk: Desk = None, as_json: AsJson = False, state: State = HERE) -> None:
    """Show one complaint: its fields and which are missing, its call, the number's other calls, its history."""
    place = state_dir(state)
    engine, row = _find(place, ticket, desk)
    call = find_call(engine, row.call)
    earlier = _earlier(engine, row, call)
    records = [record for record in read(place.journal, call=row.call) if record.action in HISTORY]
    if as_json:
        print_json(_details(row, call, earlier, records))
        return
    print_fields(_as_dict(row) | {"missing": ", ".join(str(word(name)) for name in missing(row)) or None})
    print_line("")
    if call is not None:
        stands = {"state": word(call.state), "outcome": word(call.outcome) or tr("living")}
        print_line(
            tr("Call {call} of {time}: {state}, {outcome}", call=call.id, time=moment(call.received_at), **stands)
        )
    print_line(tr("Calls of the same number in the 24 hours before:"))
    columns = ("Call", "Received", "State", "Kind", "Ticket", "Outcome")
    lines = [
        (each.id, moment(each.received_at), word(each.state), word(each.kind), each.ticket, word(each.outcome))
        for each in earlier
    ]
    print_table(columns, lines, empty=tr("none"))
    print_line("")
    print_actions(records)


@app.command(
    epilog=examples(
        "siaga complaints edit 110-20250131-0007",
        "siaga complaints edit --desk 1001 --name Reza --place 'Jalan Gatot Subroto'",
    )
)
def edit(  # noqa: PLR0913 - one parameter for each option
    *,
    ticket: SomeTicket = None,
    desk: Desk = None,
    name: Annotated[str | None, typer.Option(help="Who reports it.")] = None,
    number: Annotated[str | None, typer.Option(help="The reporter's telephone number.")] = None,
    place_: Annotated[str | None, typer.Option("--place", help="Where it happened.")] = None,
    category: Annotated[str | None, typer.Option(help=f"What it is about: {', '.join(CATEGORIES)}.")] = None,
    description: Annotated[str | None, typer.Option(help="What happened.")] = None,
    plate: Annotated[str | None, typer.Option(help="A vehicle's number plate.")] = None,
    polres: Annotated[str | None, typer.Option(help="For which Polres it is: its code.")] = None,
    status: Annotated[str | None, typer.Option(help=f"One of {', '.join(STATUSES[:-1])}.")] = None,
    validity: Annotated[str | None, typer.Option(help="One of valid, not_valid, prank.")] = None,
    emergency: Annotated[bool | None, typer.Option("--emergency/--no-emergency", help="Is it an emergency?")] = None,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Fill in or change fields; without an option, each is asked for, and read line by line.

    "-" says that there is nothing to enter, an empty text empties a field.
    """
    given: dict[str, Json] = {
        "name": name, "number": number, "place": place_, "category": category, "description": description,
        "plate": plate, "polres": polres, "status": status, "validity": validity, "emergency": emergency,
    }  # fmt: skip
    fields: dict[str, Json] = {key: value for key, value in given.items() if value is not None}
    _check_which(ticket, desk)
    place = state_dir(state)
    settings = settings_in_force(place)
    which: dict[str, Json] = {"ticket": ticket} if ticket is not None else {"desk": desk}
    if not fields:
        _, row = _find(place, ticket, desk)
        if row.status == "closed":
            raise Refused(tr("complaint {ticket} is closed: reopen it first", ticket=row.ticket))
        fields, which = ask_fields(row, settings), {"ticket": row.ticket}
    if not fields:
        print_done({"ticket": which["ticket"], "changed": {}}, tr("Nothing was changed."), as_json=as_json)
        return
    done = order(place, settings, "complaints.edit", {**which, "fields": fields})
    changed = done.get("changed") if isinstance(done, dict) else None
    if isinstance(changed, dict) and changed:
        names = ", ".join(str(word(each)) for each in changed)
        text = tr("{ticket} changed: {fields}.", ticket=_ticket(done), fields=names)
    else:
        text = tr("{ticket} is as it was.", ticket=_ticket(done))
    print_done(done, text, as_json=as_json)


@app.command(epilog=examples("siaga complaints close 110-20250131-0007 --reason 'ditangani Polsek'"))
def close(
    ticket: SomeTicket = None, desk: Desk = None, reason: Reason = None, as_json: AsJson = False, state: State = HERE
) -> None:
    """Close a complaint: everything has been done (SOP V.9)."""
    _check_which(ticket, desk)
    place = state_dir(state)
    which: dict[str, Json] = {"ticket": ticket} if ticket is not None else {"desk": desk}
    done = order(place, settings_in_force(place), "complaints.close", {**which, "reason": reason})
    print_done(done, tr("{ticket} is closed.", ticket=_ticket(done)), as_json=as_json)


@app.command(epilog=examples("siaga complaints reopen 110-20250131-0007 --reason 'pelapor menelepon lagi'"))
def reopen(ticket: Ticket, reason: Reason = None, as_json: AsJson = False, state: State = HERE) -> None:
    """Open a closed complaint again."""
    place = state_dir(state)
    done = order(place, settings_in_force(place), "complaints.reopen", {"ticket": ticket, "reason": reason})
    print_done(done, tr("{ticket} is open again.", ticket=_ticket(done)), as_json=as_json)


def _ticket(done: Json) -> object:
    """Which complaint it was: who named a desk has not named its ticket."""
    return done.get("ticket") if isinstance(done, dict) else "-"


def _check_which(ticket: str | None, desk: str | None) -> None:
    if (ticket is None) == (desk is None):
        raise typer.BadParameter(tr("name either a ticket or, with --desk, a desk"), param_hint="TICKET")


def _find(place: StateDir, ticket: str | None, desk: str | None) -> tuple[Engine, ComplaintRow]:
    """The complaint that is asked for.

    Raises:
        Refused: there is none.
    """
    _check_which(ticket, desk)
    engine = tables(place, settings_in_force(place)) if place.journal.exists() else None
    if engine is not None:
        wanted = ticket if desk is None else ticket_at_desk(engine, desk)
        row = find_complaint(engine, wanted) if wanted is not None else None
        if row is not None:
            return engine, row
    if desk is not None:
        raise Refused(tr("no call with a complaint is at desk {desk}: see `siaga desks list`", desk=plain(desk)))
    raise Refused(tr("there is no complaint {ticket}: see `siaga complaints list`", ticket=plain(ticket or "")))


def _earlier(engine: Engine, row: ComplaintRow, call: CallRow | None) -> list[CallRow]:
    """The calls that came from the same number in the 24 hours before this one."""
    number = call.caller if call is not None else row.number
    if number is None:
        return []
    try:
        until = round(datetime.fromisoformat(call.received_at if call else row.opened_at).timestamp() * 1000)
    except ValueError:  # a damaged time
        return []
    found = calls_between(engine, number, since_ms=until - DAY_MS, until_ms=until + 1)
    return [each for each in found if each.id != row.call]


def _details(
    row: ComplaintRow, call: CallRow | None, earlier: list[CallRow], records: list[Record]
) -> dict[str, Any]:  # fmt: skip
    return {
        **_as_dict(row),
        "call_details": _call_dict(call) if call is not None else None,
        "earlier_calls": [_call_dict(each) for each in earlier],
        "history": [action(record) for record in records],
    }


def _call_dict(call: CallRow) -> dict[str, Any]:
    """As ``siaga calls list --json`` has it."""
    values = asdict(call)
    del values["first_seq"]
    return values


def _as_dict(row: ComplaintRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in row.__dataclass_fields__ if name != "first_seq"}
    return {"ticket": values.pop("ticket"), **values, "missing": missing(row)}


def _kind(row: ComplaintRow) -> str | None:
    return "emergency" if row.emergency else row.validity
