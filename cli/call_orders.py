"""``siaga calls``: what is done with a living call in the place of its operator, and how one is followed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ari_app.domain.facts import Json
from ari_app.store.reader import JournalReader
from cli import candidates
from cli.asking import order
from cli.errors import Refused
from cli.language import tr, word
from cli.lines import Line, Shower, follow, lines
from cli.options import HERE, AsJson, State
from cli.output import plain, print_done, print_line
from cli.place import settings_in_force, state_dir

Call = Annotated[
    str,
    typer.Argument(
        metavar="CALL", autocompletion=candidates.calls, help="The call's id, as `siaga calls list` shows it."
    ),
]

ENDED: Final = "call.ended"


class Kind(StrEnum):
    """Of what kind a call is (SOP V.4)."""

    VALID = "valid"
    NOT_VALID = "not-valid"
    PRANK = "prank"
    EMERGENCY = "emergency"


def transfer(
    call: Call,
    polres: Annotated[
        str,
        typer.Argument(
            metavar="POLRES", autocompletion=candidates.polres, help="The code of the Polres, two digits: 01."
        ),
    ],
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Transfer a call to a Polres, as *2PP# does at the desk."""
    done = _order(state, "transfer", call, polres=polres)
    print_done(
        done,
        tr("Polres {polres} is being rung for call {call}.", polres=plain(polres), call=plain(call)),
        as_json=as_json,
    )


def take_back(call: Call, as_json: AsJson = False, state: State = HERE) -> None:
    """Take a call back while a Polres is being rung, as ## does at the desk."""
    done = _order(state, "take_back", call)
    print_done(done, tr("The operator of call {call} has the caller again.", call=plain(call)), as_json=as_json)


def hold(call: Call, as_json: AsJson = False, state: State = HERE) -> None:
    """Put the caller on hold with the SOP's sentence, as *4 does at the desk."""
    done = _order(state, "hold", call)
    print_done(done, tr("The caller of call {call} is on hold.", call=plain(call)), as_json=as_json)


def resume(call: Call, as_json: AsJson = False, state: State = HERE) -> None:
    """Bring a caller back who is on hold, as *4 does at the desk."""
    done = _order(state, "resume", call)
    print_done(done, tr("The caller of call {call} is not on hold any more.", call=plain(call)), as_json=as_json)


def hangup(
    call: Call,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the journal.")],
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """End a call with the closing salutation; its complaint stays open.

    A caller with whom no operator has spoken yet is not hung up on.
    """
    done = _order(state, "hangup", call, reason=reason)
    print_done(done, tr("Call {call} is being ended.", call=plain(call)), as_json=as_json)


def classify(
    call: Call,
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help="valid, not-valid, prank or emergency.")],
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Say of what kind a call is, as *5, *6, *7 and *9 do at the desk.

    A prank is ended with the closing salutation and marked, as by `siaga block mark`. A caller who waits can be said to
    be in an emergency: they come first then.
    """
    done = _order(state, "classify", call, kind=kind.value.replace("-", "_"))
    text = tr("Call {call} is classified: {kind}.", call=plain(call), kind=word(kind.name.lower()))
    print_done(done, text, as_json=as_json)
    if done.get("blocked") and not as_json:
        print_line(tr("Its number is blocked now."))


def note(
    call: Call,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="At most 200 characters, in one line.")],
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Write a note into a call's story, also of one that is over: `siaga calls show` has it."""
    done = _order(state, "note", call, text=text)
    print_done(done, tr("Noted with call {call}.", call=plain(call)), as_json=as_json)


def tail(
    call: Call,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each record as one line of JSON, as `journal export` does.")
    ] = False,
    state: State = HERE,
) -> None:
    """Follow what is done with one call, from its beginning to its end, or until Ctrl-C."""
    journal = state_dir(state).journal
    found: list[Line] = []
    end = 0
    if journal.exists():
        with JournalReader(journal) as reader:
            end = reader.head().seq
            found = list(lines(reader, after=0, until=end, call=call))
    if not found:
        raise Refused(tr("there is no call {call}: see `siaga calls list`", call=plain(call)))
    shower = Shower(as_json=as_json)
    pages = follow(journal, end, call)
    while True:
        for line in found:
            shower.show(line)
        sys.stdout.flush()
        if any(line.row[3] == ENDED for line in found):
            return
        found = next(pages)


def _order(state: Path, name: str, call: str, **arguments: Json) -> dict[str, Any]:
    place = state_dir(state)
    done = order(place, settings_in_force(place), f"calls.{name}", {"call": call, **arguments})
    return done if isinstance(done, dict) else {}


_ID: Final = "1738285323.12"

COMMANDS: Final[dict[str, tuple[Callable[..., None], str]]] = {
    "tail": (tail, _ID),
    "transfer": (transfer, f"{_ID} 01"),
    "take-back": (take_back, _ID),
    "hold": (hold, _ID),
    "resume": (resume, _ID),
    "hangup": (hangup, f'{_ID} --reason "salah sambung"'),
    "classify": (classify, f"{_ID} emergency"),
    "note": (note, f'{_ID} "Ambulans tiba 14.05"'),
}
"""By their names under ``siaga calls``, each with an example of its arguments."""
