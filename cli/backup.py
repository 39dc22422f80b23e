"""``siaga backup``: a copy of what cannot be made again, while everything runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ari_app.store import asterisk_log
from ari_app.store.journal_copy import copy_journal
from ari_app.store.verify import verify
from cli.errors import Refused
from cli.files import new_file, whole_folder
from cli.help import examples
from cli.language import tr
from cli.options import HERE, State, path
from cli.output import counted, plain, print_line
from cli.place import state_dir
from cli.verification import require_whole, tell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ari_app.site.state import StateDir

app = typer.Typer(add_completion=False)


@app.command(epilog=examples("siaga backup /mnt/backup"))
def backup(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            parser=path,
            help="The directory, outside of the state directory, in which the copy gets a new folder with its time.",
        ),
    ],
    state: State = HERE,
) -> None:
    """Copy journal, configuration, passwords, PINs, Asterisk's own records and your own recordings of sentences.

    It may be done at any time: no call waits for it. The copied journal is verified; exit code 1 if
    a record is not as it was written. Recordings of calls are not copied, they are too large: docs/operations.md says
    how, and how a copy is put back.
    """
    place = state_dir(state)
    name = f"siaga110-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    with whole_folder(place, folder, name) as fresh:
        copied = _copy(place, fresh)
    for each in copied:
        print_line(each)
    journal = folder / name / place.journal.name
    found = verify(journal)
    tell(str(journal), found)
    require_whole(str(journal), found)


def _copy(place: StateDir, target: Path) -> list[str]:
    """Copy everything into a new folder; what was copied, in a few words each."""
    copy_journal(place.journal, target / place.journal.name)
    files = [each for each in (place.config, place.secrets, place.root / "pins.json") if each.exists()]
    for each in files:
        _copy_file(each, target / each.name)
    said = [place.journal.name, *(each.name for each in files)]
    if place.witness.is_dir():
        with asterisk_log.unmoved(place.witness) as records:
            said.append(_copy_files(records, target, place.witness.relative_to(place.root)))
    recorded = place.sounds / "recorded"
    if recorded.is_dir():
        said.append(_copy_files(recorded.iterdir(), target, recorded.relative_to(place.root)))
    return said


def _copy_files(files: Iterable[Path], target: Path, folder: Path) -> str:
    """Copy files into a folder below ``target``; what was copied."""
    for each in (*reversed(folder.parents[:-1]), folder):
        (target / each).mkdir(mode=0o700, exist_ok=True)
    chosen = sorted(each for each in files if each.is_file() and not each.name.startswith("."))
    for each in chosen:
        _copy_file(each, target / folder / each.name)
    return tr("{files} in {folder}", files=counted(len(chosen), "file"), folder=folder)


def _copy_file(source: Path, target: Path) -> None:
    try:
        content = source.read_bytes()  # the largest is the 16 MB of what Asterisk writes down
    except OSError as error:
        raise Refused(tr("{file} cannot be read: {reason}", file=plain(str(source)), reason=error.strerror)) from None
    if source.name == asterisk_log.CURRENT:
        content = content[: content.rfind(b"\n") + 1]  # it may be in the middle of a line
    with new_file(target) as copy:
        copy.write(content)
