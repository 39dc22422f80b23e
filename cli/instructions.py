"""``siaga instructions``: orders of the Perwira Piket on a call or its complaint (SOP VII.b)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ari_app.domain.complaints import ticket_key
from cli.asking import order
from cli.errors import Refused
from cli.help import examples
from cli.language import tr
from cli.options import HERE, AsJson, Limit, State, new_group
from cli.output import moment, plain, print_done, print_json, print_table
from cli.place import settings_in_force, state_dir, tables
from cli.times import as_ms, midnight

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ari_app.domain.facts import Json
    from ari_app.store.tapes import Ordered

app = new_group("Instructions: what the Perwira Piket has ordered on a call or a complaint.")

Which = Annotated[str, typer.Argument(metavar="CALL|TICKET", help="A call's id, or a complaint's number.")]
SomeWhich = Annotated[
    str | None,
    typer.Argument(metavar="[CALL|TICKET]", show_default=False, help="Only those on this call or complaint."),
]


@app.command("add", epilog=examples('siaga instructions add 110-20250131-0007 "Kirim unit" --from "AKP Harahap"'))
def add(
    which: Which,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The order, up to 1000 characters.")],
    officer: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="The Perwira Piket who gave it.")
    ] = None,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Write down an order; it is part of the call's and the complaint's story."""
    place = state_dir(state)
    about: dict[str, Json] = {"call" if ticket_key(which) is None else "ticket": which}
    done = order(place, settings_in_force(place), "instructions.add", {**about, "text": text, "officer": officer})
    print_done(done, tr("The order on {which} is written down.", which=which), as_json=as_json)


@app.command("list", epilog=examples("siaga instructions list --today"))
def list_(
    which: SomeWhich = None,
    *,
    today: Annotated[bool, typer.Option("--today", help="Only those of today.")] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """List the orders, the newest first."""
    from ari_app.store.tapes import list_instructions  # noqa: PLC0415 - as all that needs SQLAlchemy

    place = state_dir(state)
    settings = settings_in_force(place)
    engine = tables(place, settings)
    found: list[Ordered] = []
    if engine is not None:
        since = as_ms(midnight(settings.site.timezone)) if today else None
        call = _call_of(engine, which) if which is not None else None
        found = list_instructions(engine, call=call, since_ms=since, limit=limit or None)
    elif which is not None:
        raise Refused(tr("there is no call or complaint {which}", which=plain(which)))
    if as_json:
        print_json([_as_dict(each) for each in found])
        return
    rows = [
        (moment(each.instruction.at), each.ticket or each.instruction.call, each.instruction.officer,
         each.instruction.actor, each.instruction.text)
        for each in found
    ]  # fmt: skip
    print_table(("Given", "On", "From", "Written by", "Order"), rows, empty=tr("No instructions."))


def _call_of(engine: Engine, which: str) -> str:
    """The call that is meant.

    Raises:
        Refused: there is no such call or complaint.
    """
    from ari_app.store.queries import find_call, find_complaint  # noqa: PLC0415 - as above

    complaint = find_complaint(engine, which) if ticket_key(which) is not None else None
    call = complaint.call if complaint is not None else which
    if complaint is None and find_call(engine, which) is None:
        raise Refused(tr("there is no call or complaint {which}", which=plain(which)))
    return call


def _as_dict(each: Ordered) -> dict[str, Any]:
    return {**asdict(each.instruction), "ticket": each.ticket}
