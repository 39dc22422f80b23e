"""``siaga calls``: the calls to 110."""

from __future__ import annotations

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ari_app.domain.calls import KINDS, OUTCOMES, CallRow
from ari_app.site.basics import Basics
from ari_app.store.call_filter import CallFilter
from ari_app.store.reader import read
from cli import candidates
from cli.call_orders import COMMANDS
from cli.errors import Refused
from cli.help import examples
from cli.language import tr, word
from cli.options import HERE, AsJson, LimitCalls, State, new_group
from cli.output import moment, plain, print_json, print_line, print_table
from cli.place import basics, find_calls, settings_in_force, state_dir, tables, telephone_number
from cli.stories import action, print_actions, print_fields
from cli.times import FORMS, as_ms, entered_ms, midnight

app = new_group("Calls to 110: those that live and those that have ended.")

_FIELDS = tuple(name for name in CallRow.__dataclass_fields__ if name != "first_seq")


@app.command("list", epilog=examples("siaga calls list --living", "siaga calls list --caller 081234567890 --json"))
def list_(  # noqa: PLR0913 - one parameter for each option
    *,
    limit: LimitCalls = 50,
    living: Annotated[bool, typer.Option("--living", help="Only calls that have not ended.")] = False,
    ended: Annotated[bool, typer.Option("--ended", help="Only calls that have ended.")] = False,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help=f"Only calls received from then on ({FORMS}).")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="Only calls received before then; a date: on that day, too."),
    ] = None,
    today: Annotated[bool, typer.Option("--today", help="Only calls received today.")] = False,
    caller: Annotated[
        str | None,
        typer.Option("--number", "--caller", metavar="NUMBER", help="Only calls from this telephone number."),
    ] = None,
    desk: Annotated[
        str | None,
        typer.Option(
            "--desk", metavar="EXT", autocompletion=candidates.desks, help="Only calls that this desk has or had last."
        ),
    ] = None,
    operator: Annotated[
        str | None,
        typer.Option("--operator", metavar="NRP", help="Only calls that this operator answered or had last."),
    ] = None,
    polres: Annotated[
        str | None, typer.Option("--polres", metavar="CODE", help="Only calls that this Polres has or had.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND", help=f"Only these: {', '.join(KINDS)}.")] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", metavar="OUTCOME", help=f"Only these: {', '.join(OUTCOMES)}.")
    ] = None,
    emergency: Annotated[bool, typer.Option("--emergency", help="Only emergencies.")] = False,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """List the calls, the newest first."""
    if living and ended:
        raise typer.BadParameter(tr("it excludes --living"), param_hint="--ended")
    place = state_dir(state)
    site = basics(place) if place.journal.exists() else Basics()
    wanted = CallFilter(
        living=living or (False if ended else None),
        caller=telephone_number("--number", caller, site),
        desk=desk,
        operator=operator,
        polres=polres,
        kind=_one_of("--kind", kind, KINDS),
        outcome=_one_of("--outcome", outcome, OUTCOMES),
        emergency=emergency or None,
        since_ms=_since("--from", since, site, today=today),
        until_ms=entered_ms("--to", until, ZoneInfo(site.timezone), whole_day=True),
        limit=limit or None,
    )
    calls = find_calls(place, site, wanted)
    if as_json:
        print_json([_as_dict(call) for call in calls])
        return
    columns = ("Call", "Received", "Caller", "State", "Desk", "Outcome")
    rows = [
        (
            call.id,
            moment(call.received_at),
            call.caller or tr("withheld"),
            word(call.state),
            call.desk,
            word(call.outcome),
        )
        for call in calls
    ]
    empty = tr("There are no such calls.") if wanted.has_conditions else tr("No calls.")
    print_table(columns, rows, empty=empty)


def _since(option: str, text: str | None, site: Basics, *, today: bool) -> int | None:
    if not today:
        return entered_ms(option, text, ZoneInfo(site.timezone))
    if text is not None:
        raise typer.BadParameter(tr("it excludes --today"), param_hint=option)
    return as_ms(midnight(site.timezone))


def _one_of(option: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value not in allowed:
        raise typer.BadParameter(tr("there are {names}", names=", ".join(allowed)), param_hint=option)
    return value


@app.command(epilog=examples("siaga calls show 1738285323.12"))
def show(
    call_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", autocompletion=candidates.calls, help="The call's id, as `siaga calls list` shows it."
        ),
    ],
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Show one call with everything that was done, in order."""
    from ari_app.store.queries import find_call  # noqa: PLC0415 - see find_calls

    place = state_dir(state)
    engine = tables(place, settings_in_force(place)) if place.journal.exists() else None
    call = find_call(engine, call_id) if engine is not None else None
    if call is None:
        raise Refused(tr("there is no call {call}: see `siaga calls list`", call=plain(call_id)))
    records = list(read(place.journal, call=call.id))
    if as_json:
        print_json(_as_dict(call) | {"actions": [action(record) for record in records]})
        return
    print_fields(_as_dict(call))
    print_line("")
    print_actions(records)


def _as_dict(call: CallRow) -> dict[str, Any]:
    return {name: getattr(call, name) for name in _FIELDS}


for name, (command, example) in COMMANDS.items():
    app.command(name, epilog=examples(f"siaga calls {name} {example}"))(command)
