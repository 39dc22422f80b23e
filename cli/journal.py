"""``siaga journal``: everything that happened, in order, and the proof that nothing was changed."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from ari_app.site.state import StateDir
from ari_app.store.errors import JournalError
from ari_app.store.reader import JournalReader
from ari_app.store.verify import Problem, Verification, verify, verify_export
from cli import candidates
from cli.errors import Refused
from cli.files import whole_file
from cli.help import examples
from cli.language import in_english, localised, tr
from cli.lines import Shower, follow, last_lines, lines
from cli.options import HERE, STANDARD, AsJson, State, new_group, path
from cli.output import counted, print_json, print_line
from cli.place import state_dir
from cli.reconcile import reconcile_
from cli.verification import require_whole, tell

app = new_group("The journal: everything that happened, in order.")
app.command("reconcile", epilog=examples("siaga journal reconcile --since 2025-01-31"))(reconcile_)


@app.command(epilog=examples("siaga journal tail --follow", "siaga journal tail --call 1738285323.12 --json"))
def tail(
    *,
    number: Annotated[
        int, typer.Option("--number", "-n", min=0, max=10_000_000, help="Show so many of the last records.")
    ] = 20,
    follow_: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new records as they come, until Ctrl-C.")
    ] = False,
    call: Annotated[
        str | None,
        typer.Option(
            "--call", metavar="ID", autocompletion=candidates.calls, help="Only records of the call with this id."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each record as one line of JSON, as `journal export` does.")
    ] = False,
    state: State = HERE,
) -> None:
    """Show the last records of the journal, the newest at the end."""
    journal = state_dir(state).journal
    shower = Shower(as_json=as_json)
    end = 0
    if journal.exists():
        with JournalReader(journal) as reader:
            end = reader.head().seq
            for line in last_lines(reader, number, until=end, call=call):
                shower.show(line)
    if follow_:
        sys.stdout.flush()
        for page in follow(journal, end, call):
            for line in page:
                shower.show(line)
            sys.stdout.flush()


@app.command("verify", epilog=examples("siaga journal verify", "siaga journal verify --export journal.jsonl --json"))
def verify_(
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="FILE",
            parser=path,
            show_default=False,
            help="Check this exported file ('-': standard input) in place of the journal itself. Where the state "
            "directory has the journal, the file's end is compared with it.",
        ),
    ] = None,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Check that no record was changed, removed, added or moved; exit code 1 if one was."""
    if export is None:
        place = state_dir(state)
        name, found, note = str(place.journal), verify(place.journal), None
    else:
        name = str(export)
        with in_english() if as_json else nullcontext():
            found, note = _compare(StateDir(state).journal, _verify_file(export))
    if as_json:
        print_json(asdict(found) | {"ok": found.ok, "note": note})
    else:
        tell(name, found)
        if note:
            print_line(note)
    require_whole(name, found)


def _verify_file(file: Path) -> Verification:
    if file == STANDARD:
        return verify_export(sys.stdin.buffer)
    with file.open("rb") as stream:
        try:
            return verify_export(stream)
        except JournalError as error:
            raise Refused(
                tr("{file} is not an exported journal: {reason}", file=file, reason=localised(str(error)))
            ) from None


def _compare(journal: Path, found: Verification) -> tuple[Verification, str | None]:
    """Hold the end of an exported file against the journal; also says what cannot be judged."""
    if not journal.exists():
        return found, None
    with JournalReader(journal) as reader:
        end = reader.head().seq
        rows = reader.rows(after=found.last - 1, limit=1) if found.records else []
    if found.records and (not rows or (rows[0][0], rows[0][6]) != (found.last, found.hash)):
        problem = Problem(found.last, tr("not the line that {journal} has there", journal=journal))
        return replace(found, problems=(*found.problems, problem)), None
    if found.last < end:
        return found, tr(
            "{journal} goes on to line {line}: the file is older than that, or its end was cut off",
            journal=journal,
            line=end,
        )
    return found, None


@app.command(
    epilog=examples("siaga journal export --output journal.jsonl", "siaga journal export | zstd > journal.zst")
)
def export(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", parser=path, help="Write to this file; '-': standard output."),
    ] = STANDARD,
    state: State = HERE,
) -> None:
    """Write the whole journal as JSON lines, which `journal verify --export` can check anywhere."""
    place = state_dir(state)
    if output == STANDARD:
        _export(place.journal, sys.stdout.buffer)
        return
    with whole_file(place, output) as stream:
        count = _export(place.journal, stream)
    print_line(tr("{records} in {file}", records=counted(count, "record"), file=output))


def _export(journal: Path, stream: BinaryIO) -> int:
    """Write the lines that the journal has now; returns how many."""
    count = 0
    if journal.exists():
        with JournalReader(journal) as reader:
            for line in lines(reader, after=0, until=reader.head().seq):
                stream.write(line.exported() + b"\n")
                count += 1
    return count
