"""``siaga block``: numbers that were marked for pranks, and the block list (SOP VII.f, VIII)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import phonenumbers
import typer

from ari_app.domain.blocklist import DAY, BlockRefused, BlockRules, NumberRules, blockable
from ari_app.domain.facts import Json
from ari_app.domain.number_rows import NumberRow
from ari_app.domain.numbers import e164
from ari_app.site.rules import block_rules, number_rules
from ari_app.store.call_filter import CallFilter
from ari_app.store.queries import find_number, list_calls, list_numbers, number_history
from cli.asking import order
from cli.block_file import export_to, import_from
from cli.call_orders import Call
from cli.errors import Refused
from cli.help import examples
from cli.language import tr, word
from cli.options import HERE, AsJson, Limit, State, new_group
from cli.options import path as as_path
from cli.output import counted, moment, print_done, print_json, print_json_list, print_line, print_table
from cli.place import settings_in_force, state_dir, tables
from cli.stories import print_fields

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ari_app.site.settings import Settings

app = new_group("Prank calls: numbers that are marked or blocked, and what was done with them.")

CALLS_SHOWN = 100

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="A telephone number, as 081234567890 or +6281234567890.")]
Note = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="What is to be known of it.")]


@app.command("list", epilog=examples("siaga block list --all", "siaga block list --number 0812 --json"))
def list_(
    *,
    all_: Annotated[bool, typer.Option("--all", help="Also numbers that are only marked, or were once.")] = False,
    number: Annotated[
        str | None, typer.Option("--number", metavar="NUMBER", help="Only numbers that begin with this.")
    ] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """List the blocked numbers, the last blocked first."""
    place = state_dir(state)
    settings = settings_in_force(place)
    rules = block_rules(settings)
    rows: Iterable[NumberRow] = ()
    engine = tables(place, settings)
    if engine is not None:
        rows = list_numbers(
            engine,
            blocked_since_ms=None if all_ else _oldest_ms(rules),
            prefix=_prefix(number, settings) if number is not None else None,
            limit=limit or None,
        )
    listed = (_as_dict(row, rules) for row in rows)
    if as_json:
        print_json_list(listed)
        return
    columns = ("Number", "Blocked since", "By", "Reason", ">Marks", "Note")
    lines = (
        (each["number"], moment(each["since"]), each["by"], word(each["reason"]), str(each["marks"]), each["note"])
        for each in listed
    )
    nothing = tr("There are no such numbers.") if all_ or number else tr("No number is blocked.")
    print_table(columns, lines, empty=nothing)


@app.command(epilog=examples("siaga block add 081234567890 --note 'iseng, sudah diperingatkan'"))
def add(number: Number, note: Note = None, as_json: AsJson = False, state: State = HERE) -> None:
    """Block a number."""
    done = _order(state, "add", {"number": number, "note": note})
    print_done(done, tr("{number} is blocked.", number=done["number"]), as_json=as_json)


@app.command(epilog=examples("siaga block remove 081234567890"))
def remove(number: Number, note: Note = None, as_json: AsJson = False, state: State = HERE) -> None:
    """Unblock a number; the marks that it has count no more."""
    done = _order(state, "remove", {"number": number, "note": note})
    print_done(done, tr("{number} is not blocked any more.", number=done["number"]), as_json=as_json)


@app.command(epilog=examples("siaga block check 081234567890"))
def check(number: Number, as_json: AsJson = False, state: State = HERE) -> None:
    """Say whether a number is blocked, and how many marks count against it."""
    place = state_dir(state)
    settings = settings_in_force(place)
    found = _standing(tables(place, settings), _number(number, settings), settings)
    if as_json:
        print_json(found)
        return
    marks = counted(found["marks"], "mark")
    if found["blocked"]:
        why = {"time": moment(found["since"]), "by": found["by"], "reason": word(found["reason"])}
        print_line(
            tr(
                "{number} is blocked since {time} by {by} ({reason}); {marks}.",
                number=found["number"],
                marks=marks,
                **why,
            )
        )
    else:
        print_line(tr("{number} is not blocked; {marks}.", number=found["number"], marks=marks))


@app.command(epilog=examples("siaga block show 081234567890", "siaga block show +6281234567890 --json"))
def show(number: Number, as_json: AsJson = False, state: State = HERE) -> None:
    """Show a number: how it stands, its last calls, and all marks, blocks and unblocks, by whom."""
    place = state_dir(state)
    settings = settings_in_force(place)
    wanted, engine = _number(number, settings), tables(place, settings)
    found = _standing(engine, wanted, settings)
    calls = list_calls(engine, CallFilter(caller=wanted, limit=CALLS_SHOWN)) if engine is not None else []
    history = number_history(engine, wanted) if engine is not None else []
    if as_json:
        shown = [{name: getattr(call, name) for name in _CALL_FIELDS} for call in calls]
        events = [{name: getattr(event, name) for name in _EVENT_FIELDS} for event in history]
        print_json(found | {"calls": shown, "history": events})
        return
    print_fields(found)
    print_line("")
    print_line(tr("The last {number} calls:", number=CALLS_SHOWN) if len(calls) == CALLS_SHOWN else tr("Calls:"))
    columns = ("Call", "Received", "State", "Kind", "Operator", "Outcome")
    lines = [
        (call.id, moment(call.received_at), word(call.state), word(call.kind), call.operator, word(call.outcome))
        for call in calls
    ]
    print_table(columns, lines, empty=tr("none"))
    print_line("")
    events_shown = [
        (str(event.seq), moment(event.at), event.actor, event.action, event.call, word(event.reason), event.note)
        for event in history
    ]
    print_table(
        (">Seq", "Time", "Actor", "Action", "Call", "Reason", "Note"), events_shown, empty=tr("Nothing was done.")
    )


_CALL_FIELDS = ("id", "received_at", "state", "kind", "emergency", "operator", "desk", "outcome", "ended_at")
_EVENT_FIELDS = ("seq", "at", "actor", "action", "call", "reason", "note")


@app.command(epilog=examples("siaga block mark 1738285323.12"))
def mark(call: Call, note: Note = None, as_json: AsJson = False, state: State = HERE) -> None:
    """Mark a call as a prank: one that lives is ended with the closing salutation, as by *7 at the desk."""
    done = _order(state, "mark", {"call": call, "note": note})
    what = tr("is being closed and marked") if done.get("living") else tr("is marked")
    blocked = tr(": its number is blocked now") if done.get("blocked") else ""
    print_done(done, tr("Call {call} {what}{blocked}.", call=call, what=what, blocked=blocked), as_json=as_json)


@app.command(epilog=examples("siaga block unmark 1738285323.12 --reason 'salah pencet'"))
def unmark(
    call: Call,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the journal.")],
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Take back the mark of a call; a block that rests on it ends."""
    done = _order(state, "unmark", {"call": call, "reason": reason})
    unblocked = tr(": its number is unblocked") if done.get("unblocked") else ""
    print_done(
        done, tr("Call {call} is not marked any more{unblocked}.", call=call, unblocked=unblocked), as_json=as_json
    )


@app.command("import", epilog=examples("siaga block import nomor.csv --dry-run", "siaga block import nomor.csv"))
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", parser=as_path, help="CSV: number, note; '-': standard input.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Block all numbers of a CSV file with the columns number and, if wanted, note.

    Lines that cannot be used are reported by their number, the others go in all the same; the exit code is 1 then.
    """
    place = state_dir(state)
    if not import_from(file, place, settings_in_force(place), dry_run=dry_run, as_json=as_json):
        raise typer.Exit(1)


@app.command("export", epilog=examples("siaga block export nomor.csv"))
def export(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", parser=as_path, help="Left out, or '-': standard output.")
    ] = None,
    state: State = HERE,
) -> None:
    """Write the blocked numbers as CSV, into a file that only its owner can read."""
    place = state_dir(state)
    settings = settings_in_force(place)
    export_to(file, place, tables(place, settings), since_ms=_oldest_ms(block_rules(settings)))


def _order(state: Path, name: str, arguments: dict[str, Json]) -> dict[str, Any]:
    place = state_dir(state)
    done = order(place, settings_in_force(place), f"block.{name}", arguments)
    return done if isinstance(done, dict) else {}


def _standing(engine: Engine | None, number: str, settings: Settings) -> dict[str, Any]:
    row = find_number(engine, number) if engine is not None else None
    return _as_dict(row or NumberRow(number, 0, ""), block_rules(settings))


def _as_dict(row: NumberRow, rules: BlockRules) -> dict[str, Any]:
    """How a number stands at this moment, by the site's rules."""
    now = time.time()
    is_blocked = row.blocked_ms is not None and not rules.is_over(row.blocked_ms / 1000, now)
    return {
        "number": row.number,
        "blocked": is_blocked,
        "marks": sum(rules.counts(at / 1000, now) for _, at in row.marked_in),
        "since": row.blocked_at if is_blocked else None,
        "by": row.blocked_by if is_blocked else None,
        "reason": row.reason if is_blocked else None,
        "note": row.note if is_blocked else None,
    }


def _oldest_ms(rules: BlockRules) -> int:
    """Blocks from before that (ms since 1970) have ended by themselves."""
    return round((time.time() - rules.expire_days * DAY) * 1000) if rules.expire_days else -1


def _number(entered: str, settings: Settings) -> str:
    """A number as it is kept.

    Raises:
        Refused: it is none.
    """
    rules = number_rules(settings)
    try:
        return blockable(entered, NumberRules(rules.region, rules.area_code))
    except BlockRefused as error:
        raise Refused(str(error)) from None


def _prefix(entered: str, settings: Settings) -> str:
    """The beginning of numbers as they are kept: ``0812`` is ``+62812``.

    Raises:
        typer.BadParameter: it has no digit.
    """
    digits = "".join(c for c in entered if c in "0123456789")
    if not digits:
        raise typer.BadParameter(tr("it has no digit"), param_hint="--number")
    country = str(phonenumbers.country_code_for_region(settings.site.region))
    whole = e164(entered, settings.site.region)
    if whole is not None and whole.startswith("+"):
        return whole
    if entered.startswith("+") or digits.startswith(country):
        return f"+{digits}"
    return f"+{country}{digits[1:]}" if digits.startswith("0") else digits
