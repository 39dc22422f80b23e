"""``siaga operators``: the people who take the calls, where they are logged in, and whether they are ready."""

from __future__ import annotations

import sys
from enum import StrEnum
from getpass import getpass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ari_app.domain.facts import Json
from ari_app.domain.operators import RosterState, is_pin
from ari_app.store.staff import staff
from cli import candidates
from cli.asking import order
from cli.errors import Refused
from cli.help import examples
from cli.language import tr, word
from cli.options import HERE, AsJson, State, new_group
from cli.output import moment, print_done, print_json, print_table
from cli.place import settings_in_force, state_dir

app = new_group("Operators: who takes the calls, logged in where, and ready or not.")

_LONGEST_LINE: Final = 1000


class Reason(StrEnum):
    """Why a supervisor sets a desk not ready."""

    REST = "rest"
    PRAYER = "prayer"
    MEAL = "meal"
    BRIEFING = "briefing"
    SUPERVISOR = "supervisor"


Nrp = Annotated[str, typer.Argument(metavar="NRP", help="The operator's service number, 4 to 18 digits.")]
SomeNrp = Annotated[
    str | None, typer.Argument(metavar="[NRP]", show_default=False, help="The operator who is logged in there.")
]
Desk = Annotated[
    str | None,
    typer.Option("--desk", metavar="EXT", autocompletion=candidates.desks, help="The desk, by its extension."),
]
Pin = Annotated[
    str | None,
    typer.Option(
        "--pin",
        metavar="PIN",
        help="4 to 8 digits. Left out, it is asked for, or read from standard input: others cannot see it there.",
    ),
]


@app.command("list", epilog=examples("siaga operators list", "siaga operators list --json"))
def list_(as_json: AsJson = False, state: State = HERE) -> None:
    """List the operators: logged out, ready or not ready, at which desk, and since when."""
    place = state_dir(state)
    operators = _listed(staff(place.journal))
    if as_json:
        print_json(operators)
        return
    rows = [
        (each["nrp"], each["name"], each["unit"], each["desk"], _shown(each), moment(each["since"]))
        for each in operators
    ]
    print_table(
        ("NRP", "Name", "Unit", "Desk", "State", "Since"), rows, empty=tr("No operators: see `siaga operators add`.")
    )


def _listed(state: RosterState) -> list[dict[str, Any]]:
    found = []
    for nrp, operator in sorted(state.operators.items()):
        desk = state.desk_of(nrp)
        seat = state.seat(desk) if desk is not None else None
        found.append(
            {
                "nrp": nrp,
                "name": operator.name,
                "unit": operator.unit,
                "desk": desk,
                "state": "logged_out" if seat is None else "ready" if seat.ready else "not_ready",
                "reason": seat.reason if seat is not None else None,
                "since": state.since.get(nrp),
            }
        )
    return found


def _shown(operator: dict[str, Any]) -> str:
    state, reason = str(word(operator["state"])).replace("_", " "), word(operator["reason"])
    return f"{state}: {reason.replace('_', ' ')}" if reason else state


@app.command(
    epilog=examples(
        "siaga operators add 85012345 'Bripda Rina'", "siaga operators add 85012346 --name 'Briptu Adi' --unit 01"
    )
)
def add(  # noqa: PLR0913, PLR0917 - one parameter for each option
    nrp: Nrp,
    called: Annotated[str | None, typer.Argument(metavar="[NAME]", show_default=False, help="The name.")] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="The operator's name.")] = None,
    unit: Annotated[str, typer.Option("--unit", metavar="UNIT", help="polda, or the code of a Polres.")] = "polda",
    pin: Pin = None,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Add an operator with a PIN, which is needed to log in by phone: *10*NRP*PIN."""
    if name is not None and called is not None:
        raise typer.BadParameter(tr("it is there twice"), param_hint="--name")
    wanted = name if name is not None else called
    if wanted is None:
        raise typer.BadParameter(tr("it is missing"), param_hint="--name")
    _check_before_asking(state)
    done = _order(state, "add", {"nrp": nrp, "name": wanted, "unit": unit, "pin_hash": _hash(pin)})
    text = tr("operator {nrp} ({name}) of unit {unit} is added", nrp=nrp, name=wanted, unit=unit)
    print_done(done, text, as_json=as_json)


@app.command(epilog=examples("siaga operators remove 85012345"))
def remove(nrp: Nrp, as_json: AsJson = False, state: State = HERE) -> None:
    """Remove an operator; one who is logged in is logged out."""
    done = _order(state, "remove", {"nrp": nrp})
    print_done(done, tr("operator {nrp} is removed", nrp=nrp), as_json=as_json)


@app.command("pin", epilog=examples("siaga operators pin 85012345"))
def pin_(nrp: Nrp, pin: Pin = None, as_json: AsJson = False, state: State = HERE) -> None:
    """Give an operator another PIN."""
    _check_before_asking(state)
    done = _order(state, "pin", {"nrp": nrp, "pin_hash": _hash(pin)})
    print_done(done, tr("operator {nrp} has another PIN", nrp=nrp), as_json=as_json)


@app.command(epilog=examples("siaga operators login 85012345 1001"))
def login(
    nrp: Nrp,
    at: Annotated[
        str | None,
        typer.Argument(
            metavar="[DESK]", autocompletion=candidates.desks, show_default=False, help="The desk, by its extension."
        ),
    ] = None,
    desk: Desk = None,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Log an operator in at a desk, which is ready then; whoever was there is logged out."""
    if (at is None) == (desk is None):
        raise typer.BadParameter(tr("name one desk"), param_hint="DESK")
    done = _order(state, "login", {"nrp": nrp, "desk": desk if desk is not None else at})
    where = desk if desk is not None else at
    print_done(done, tr("operator {nrp} is logged in at desk {desk}", nrp=nrp, desk=where), as_json=as_json)


@app.command(epilog=examples("siaga operators logout 85012345", "siaga operators logout --desk 1001"))
def logout(nrp: SomeNrp = None, desk: Desk = None, as_json: AsJson = False, state: State = HERE) -> None:
    """Log an operator out."""
    _say(_order(state, "logout", _where(nrp, desk)), tr("logged out"), as_json=as_json)


@app.command(epilog=examples("siaga operators ready --desk 1001"))
def ready(nrp: SomeNrp = None, desk: Desk = None, as_json: AsJson = False, state: State = HERE) -> None:
    """Make a desk take calls again."""
    _say(_order(state, "ready", _where(nrp, desk)), tr("ready"), as_json=as_json)


@app.command("not-ready", epilog=examples("siaga operators not-ready 85012345 --reason meal"))
def not_ready(
    nrp: SomeNrp = None,
    desk: Desk = None,
    reason: Annotated[Reason, typer.Option("--reason", help="Why it takes no calls.")] = Reason.SUPERVISOR,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Make a desk take no calls."""
    done = _order(state, "not_ready", {**_where(nrp, desk), "reason": reason.value})
    _say(done, tr("not ready: {reason}", reason=word(reason.value)), as_json=as_json)


def _where(nrp: str | None, desk: str | None) -> dict[str, Json]:
    if (nrp is None) == (desk is None):
        raise typer.BadParameter(tr("name either the operator or the desk"), param_hint="NRP or --desk")
    return {"nrp": nrp} if nrp is not None else {"desk": desk}


def _say(result: Json, done: str, *, as_json: bool) -> None:
    about = result if isinstance(result, dict) else {}
    desk, nrp = about.get("desk"), about.get("nrp")
    if nrp:
        text = tr("desk {desk} (operator {nrp}): {what}", desk=desk, nrp=nrp, what=done)
    else:
        text = tr("desk {desk}: {what}", desk=desk, what=done)
    print_done(result, text, as_json=as_json)


def _order(state: Path, command: str, arguments: dict[str, Json]) -> Json:
    place = state_dir(state)
    return order(place, settings_in_force(place), f"operators.{command}", arguments)


def _check_before_asking(state: Path) -> None:
    """Nobody is asked for a PIN that could not be kept anyway."""
    settings_in_force(state_dir(state))


def _hash(pin: str | None) -> str:
    """The hash of the PIN that was given, or is asked for; the PIN itself goes no further.

    Raises:
        Refused: it cannot be a PIN, or was not the same twice.
    """
    from ari_app.site.pins import hash_pin  # noqa: PLC0415 - a listing needs no hashing

    chosen = pin if pin is not None else _asked()
    if not is_pin(chosen):
        raise Refused(tr("a PIN has 4 to 8 digits"))
    return hash_pin(chosen)


def _asked() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.buffer.readline(_LONGEST_LINE).decode("utf-8", "replace").rstrip("\r\n")
    try:
        chosen = getpass(tr("PIN, 4 to 8 digits: "))
        if chosen != getpass(tr("Once more: ")):
            raise Refused(tr("that was not the same PIN twice: nothing is changed"))
    except EOFError:
        raise Refused(tr("no PIN was given")) from None
    return chosen
