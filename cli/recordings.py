"""``siaga recordings``: what was recorded of the calls, who was shown it, whether it is unchanged, and its end.

Whoever is shown where a recording lies, and what is deleted, is a fact in the journal, before it is done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from ari_app.domain.calls import CallRow
from ari_app.domain.facts import Json
from ari_app.domain.tapes import DELETED, TapeEvent
from ari_app.site.basics import Basics
from ari_app.store.call_filter import CallFilter
from ari_app.store.recordings import Recordings
from cli.asking import order
from cli.errors import Refused
from cli.help import examples
from cli.language import tr
from cli.options import HERE, AsJson, LimitCalls, State, Yes, new_group
from cli.output import counted, minute, moment, plain, print_done, print_json, print_line, print_table
from cli.place import basics, find_calls, settings_in_force, state_dir, tables, telephone_number
from cli.stories import heard_by, openings
from cli.times import FORMS, as_ms, entered_ms, midnight

app = new_group("Recordings of calls: which there are, who listened, whether they are unchanged.")

Call = Annotated[str, typer.Argument(metavar="CALL", help="The call's id, as `siaga calls list` shows it.")]
From = Annotated[
    str | None, typer.Option("--from", metavar="TIME", help=f"Only calls received from then on ({FORMS}).")
]
To = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="Only calls received before then; a date: on that day, too.")
]


@app.command("list", epilog=examples("siaga recordings list --today --desk 1001"))
def list_(  # noqa: PLR0913 - one parameter for each option
    *,
    since: From = None,
    until: To = None,
    today: Annotated[bool, typer.Option("--today", help="Only calls received today.")] = False,
    desk: Annotated[
        str | None, typer.Option("--desk", metavar="EXT", help="Only calls that this desk has or had last.")
    ] = None,
    number: Annotated[
        str | None, typer.Option("--number", metavar="NUMBER", help="Only calls from this telephone number.")
    ] = None,
    limit: LimitCalls = 50,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """List the calls' recordings, the newest first: how long, how large, whether it is there, and who listened."""
    place = state_dir(state)
    site = basics(place) if place.journal.exists() else Basics()
    zone = ZoneInfo(site.timezone)
    if today and since is not None:
        raise typer.BadParameter(tr("it excludes --today"), param_hint="--from")
    wanted = CallFilter(
        caller=telephone_number("--number", number, site),
        desk=desk,
        since_ms=as_ms(midnight(site.timezone)) if today else entered_ms("--from", since, zone),
        until_ms=entered_ms("--to", until, zone, whole_day=True),
        limit=limit or None,
    )
    calls = find_calls(place, site, wanted)
    heard = _events(state, [call.id for call in calls])
    tapes = Recordings(place.recordings)
    rows: list[dict[str, Any]] = [
        {
            "call": call.id, "received_at": call.received_at, "desk": call.desk, "seconds": call.recording_seconds,
            "bytes": call.recording_bytes, "sha256": call.recording_sha256,
            "state": _standing(tapes.path(call.id), call, heard.get(call.id, [])),
            "opened": openings(heard.get(call.id, [])),
        }
        for call in calls
    ]  # fmt: skip
    if as_json:
        print_json(rows)
        return
    lines = [
        (row["call"], minute(row["received_at"]), row["desk"], _length(row["seconds"]), _megabytes(row["bytes"]),
         shown(row["state"]), heard_by(row["opened"]))
        for row in rows
    ]  # fmt: skip
    columns = ("Call", "Received", "Desk", ">Length", ">MB", "Recording", "Heard by")
    print_table(columns, lines, empty=tr("There are no such calls.") if wanted.has_conditions else tr("No calls."))


@app.command("path", epilog=examples("siaga recordings path 1738285323.12"))
def path(call: Call, as_json: AsJson = False, state: State = HERE) -> None:
    """Print where a call's recording is, for a player. That you were shown it is written into the journal before."""
    place = state_dir(state)
    if (deleted := deletion(state, call)) is not None:
        raise Refused(
            tr("the recording of call {call} was deleted at {at} by {who}",
               call=call, at=moment(deleted.at), who=deleted.actor)
        )  # fmt: skip
    file = Recordings(place.recordings).path(call)
    if file is None or not file.is_file():
        engine = tables(place, settings_in_force(place))
        from ari_app.store.queries import find_call  # noqa: PLC0415 - as all that needs SQLAlchemy

        if engine is None or find_call(engine, call) is None:
            raise Refused(tr("there is no call {call}: see `siaga calls list`", call=plain(call)))
        raise Refused(tr("call {call} has no recording", call=plain(call)))
    show_path(state, file, call=call, as_json=as_json)


def deletion(state: Path, name: str) -> TapeEvent | None:
    """Who deleted the recording of a call or transmission, and when; None: nobody has."""
    return next((each for each in _events(state, [name]).get(name, []) if each.action == DELETED), None)


def show_path(state: Path, file: Path, *, call: str | None, transmission: str | None = None, as_json: bool) -> None:
    """Print where a recording is, once the journal has on disk who was shown it; for programs also how large it is.

    Raises:
        Refused: the journal does not take that: then the path is not printed.
    """
    place = state_dir(state)
    about: dict[str, Json] = {"call": call, "transmission": transmission}
    order(place, settings_in_force(place), "recordings.open", {name: each for name, each in about.items() if each})
    print_done(about | {"path": str(file), "bytes": file.stat().st_size}, str(file), as_json=as_json)


@app.command("verify", epilog=examples("siaga recordings verify --all --from 2025-01-01 --to 2025-01-31"))
def verify(  # noqa: PLR0913 - one parameter for each option
    call: Annotated[str | None, typer.Argument(metavar="[CALL]", show_default=False, help="The call's id.")] = None,
    *,
    all_: Annotated[bool, typer.Option("--all", help="The recordings of all calls.")] = False,
    since: From = None,
    until: To = None,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Compare recordings with the SHA-256 that the journal has; exit code 1 when one does not match."""
    if (call is not None) == all_:
        raise typer.BadParameter(tr("name either a call or --all"), param_hint="CALL")
    from cli.recordings_check import check  # noqa: PLC0415 - as all that needs SQLAlchemy

    place = state_dir(state)
    settings = settings_in_force(place)
    zone = ZoneInfo(settings.site.timezone)
    engine = tables(place, settings)
    if engine is None:
        raise Refused(tr("there is no journal yet: nobody has called"))
    since_ms, until_ms = entered_ms("--from", since, zone), entered_ms("--to", until, zone, whole_day=True)
    found = check(engine, Recordings(place.recordings), call, since_ms=since_ms, until_ms=until_ms)
    if as_json:
        print_json({"verified": found.verified, "deleted": found.deleted,
                    "problems": [{"call": each, "problem": problem} for each, problem in found.problems]})  # fmt: skip
    else:
        for each, problem in found.problems:
            print_line(f"{each}: {shown(problem)}")
        print_line(
            tr("{recordings} unchanged, {deleted} deleted",
               recordings=counted(found.verified, "recording"), deleted=found.deleted)
        )  # fmt: skip
    if found.problems:
        wrong = counted(len(found.problems), "recording")
        raise Refused(tr("{recordings} not as the journal has it", recordings=wrong))


@app.command("delete", epilog=examples("siaga recordings delete --before 2024-07-01"))
def delete(
    before: Annotated[
        str, typer.Option("--before", metavar="TIME", help=f"Those of calls received before then ({FORMS}).")
    ],
    yes: Yes = False,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Delete the recordings of calls that were received before a day; those of open complaints are kept.

    The journal has each of them before its file is removed. What an earlier run did not finish is finished.
    """
    from cli.recordings_delete import carry_out, delete_before  # noqa: PLC0415 - as all that needs SQLAlchemy

    carry_out(delete_before, before, yes=yes, as_json=as_json, state=state)


def shown(standing: str) -> str:
    """How a recording stands, or what is wrong with it, as people read it."""
    texts = {
        "recording": tr("still recording"),
        "complete": tr("complete"),
        "unfinished": tr("unfinished"),
        "missing": tr("file missing"),
        "deleted": tr("deleted"),
        "none": tr("none"),
        "changed": tr("changed"),
        "unreadable": tr("unreadable"),
        "unknown": tr("not in the journal"),
    }
    return texts[standing]


def _events(state: Path, names: list[str]) -> dict[str, list[TapeEvent]]:
    """What was done with these recordings."""
    from ari_app.store.tapes import tape_events  # noqa: PLC0415 - as all that needs SQLAlchemy

    place = state_dir(state)
    engine = tables(place, settings_in_force(place))
    return tape_events(engine, names) if engine is not None and names else {}


def _standing(file: Path | None, call: CallRow, events: list[TapeEvent]) -> str:
    """How it stands with a recording: its place is looked at, its contents are not."""
    if any(each.action == DELETED for each in events):
        return "deleted"
    is_there = file is not None and file.is_file()
    if call.state != "ended":
        return "recording" if is_there else "none"
    if is_there:
        return "complete" if call.recording_sha256 is not None else "unfinished"
    return "missing" if call.recording_sha256 is not None else "none"


def _length(seconds: float | None) -> str | None:
    """Minutes and seconds."""
    return None if seconds is None else f"{round(seconds) // 60}:{round(seconds) % 60:02d}"


def _megabytes(size: int | None) -> str | None:
    return None if size is None else f"{size / 1e6:.1f}"
