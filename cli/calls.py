"""``siaga calls``: the calls to 110."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ari_app.domain.calls import CallRow
from ari_app.domain.numbers import e164
from ari_app.store.queries import find_call, list_calls
from ari_app.store.reader import read
from cli import candidates
from cli.call_orders import COMMANDS
from cli.errors import Refused
from cli.help import examples
from cli.language import tr, word
from cli.options import HERE, AsJson, State, new_group
from cli.output import moment, plain, print_json, print_line, print_table
from cli.place import settings_in_force, state_dir, tables
from cli.stories import action, print_actions, print_fields

app = new_group("Calls to 110: those that live and those that have ended.")

for name, (command, example) in COMMANDS.items():
    app.command(name, epilog=examples(f"siaga calls {name} {example}"))(command)

_FIELDS = tuple(name for name in CallRow.__dataclass_fields__ if name != "first_seq")


@app.command("list", epilog=examples("siaga calls list --living", "siaga calls list --caller 081234567890 --json"))
def list_(  # noqa: PLR0913 - one parameter for each option
    *,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, max=10_000_000, help="Show at most so many calls; 0 shows all.")
    ] = 50,
    living: Annotated[bool, typer.Option("--living", help="Only calls that have not ended.")] = False,
    ended: Annotated[bool, typer.Option("--ended", help="Only calls that have ended.")] = False,
    caller: Annotated[
        str | None, typer.Option("--caller", metavar="NUMBER", help="Only calls from this telephone number.")
    ] = None,
    desk: Annotated[
        str | None,
        typer.Option(
            "--desk", metavar="EXT", autocompletion=candidates.desks, help="Only calls that this desk has or had last."
        ),
    ] = None,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """List the calls, the newest first."""
    if living and ended:
        raise typer.BadParameter(tr("it excludes --living"), param_hint="--ended")
    place = state_dir(state)
    calls: list[CallRow] = []
    if place.journal.exists():
        settings = settings_in_force(place)
        engine = tables(place, settings)
        if engine is not None:
            number = e164(caller, settings.site.region, settings.site.area_code) if caller is not None else None
            if caller is not None and number is None:
                raise typer.BadParameter(tr("it has no digit, or too few"), param_hint="--caller")
            calls = list_calls(
                engine,
                living=living or (False if ended else None),
                caller=number,
                desk=desk,
                limit=limit or None,
            )
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
    is_filtered = living or ended or caller or desk
    print_table(columns, rows, empty=tr("There are no such calls.") if is_filtered else tr("No calls."))


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
