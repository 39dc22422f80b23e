"""The dialplan's notes on calls that are over, brought into the journal where it does not have their end."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from ari_app.domain.notes import Note, parse, story, with_recording, within
from ari_app.store.reader import JournalReader
from ari_app.store.recordings import PATIENCE_SECONDS

if TYPE_CHECKING:
    from ari_app.domain.facts import Fact, Json

log = structlog.get_logger(__name__)

FLUSH_SECONDS: Final = 5.0

MOST_KEPT: Final = 20
"""So many files with damaged notes are kept beside, the latest ones."""


class CallNotes:
    """The file of notes beside the journal. Every method may be called from any thread."""

    def __init__(  # noqa: PLR0913 - named, and each a thing of its own
        self,
        journal: Path,
        notes: Path,
        *,
        region: str,
        area_code: str = "",
        tell: Callable[[Fact], None],
        flush: Callable[[float], bool],
        is_living: Callable[[str], bool],
        is_told: Callable[[str], bool],
        opens: Callable[[Fact], None] | None = None,
        digest: Callable[[str, float], Mapping[str, Json] | None] | None = None,
    ) -> None:
        """``notes`` is the file that the dialplan adds lines to; ``tell`` and ``flush`` are the journal's.

        ``is_living`` says whether a flow of ours has a call in its hands and will tell its end itself, ``is_told``
        whether one has: that spares the journal a reading for nearly every call. ``opens`` tells a complaint that is
        opened, with a ticket (``Complaints.open_as``); without it none are. ``digest`` gives the data of
        ``call.recorded`` for a call, waiting so many seconds at most for its recording (``store.recordings``).
        """
        self._journal = journal
        self._notes = notes
        self._taken = notes.with_name(f"{notes.name}.taken")
        self._region, self._area_code = region, area_code
        self._tell = tell
        self._flush = flush
        self._is_living = is_living
        self._is_told = is_told
        self._opens = opens
        self._digest = digest
        self._one_at_a_time = threading.Lock()

    def bring_in(self) -> int:
        """Tell the journal what the dialplan noted; returns the number of calls. Done twice, it is told once.

        The notes go away only when the journal has them on disk.

        Raises:
            JournalError: the journal cannot be read.
            OSError: the notes cannot be read or taken away.
        """
        with self._one_at_a_time:
            count = 0
            while self._take():
                content = self._taken.read_bytes()
                parsed, damaged = _parsed(content)
                for line in damaged:
                    log.error("call.note_damaged", length=len(line), whole=len(within(line)))
                notes = [note for note in parsed if not self._is_told(note.call)]
                # Asked before the journal is: a flow that is done by now has told the end, and it will be found.
                living = {note.call for note in notes if self._is_living(note.call)}
                # What the journal has of a call decides what is still to be told of it.
                if not self._flush(FLUSH_SECONDS):
                    return count
                count += self._bring_in(note for note in notes if note.call not in living)
                if not self._flush(FLUSH_SECONDS) or living:
                    return count
                # Asterisk may have had the file open as it was moved: what it added since is read next.
                if self._taken.stat().st_size != len(content):
                    continue
                if damaged:
                    self._keep()
                else:
                    self._taken.unlink()
            return count

    def over(self) -> dict[str, Note]:
        """The calls that are over by notes that are still to be brought in; waits for nothing that ``bring_in`` does.

        What is brought in meanwhile is in the journal when it is missing here: this first, and then the journal.

        Raises:
            OSError: the notes cannot be read.
        """
        calls: dict[str, Note] = {}
        for file in (self._notes, self._taken):  # in the order in which a note goes through them
            with suppress(FileNotFoundError):
                calls |= {note.call: note for note in _parsed(file.read_bytes())[0]}
        return calls

    def _take(self) -> bool:
        """Move the notes aside, so that Asterisk begins a new file; False: there are none."""
        if self._taken.exists():  # from a round that was cut short
            return True
        try:
            self._notes.rename(self._taken)
        except FileNotFoundError:
            return False
        return True

    def _keep(self) -> None:
        """Put the notes that were taken aside for whoever looks into the damage; that needs no room on the disk."""
        kept = self._taken.with_name(f"{self._notes.name}.damaged-{secrets.token_hex(4)}")
        with suppress(OSError):  # it is not ours: the notes must not stand still for that
            self._taken.chmod(0o600)
        self._taken.rename(kept)
        log.error("call.notes_kept", file=str(kept))
        others = sorted(kept.parent.glob(f"{self._notes.name}.damaged-*"), key=lambda each: each.stat().st_mtime)
        for oldest in others[:-MOST_KEPT]:
            oldest.unlink(missing_ok=True)

    def _bring_in(self, notes: Iterable[Note]) -> int:
        told: dict[str, set[str]] = {}
        calls: set[str] = set()
        with JournalReader(self._journal, with_reserve=True) as reader:
            for note in notes:
                if note.call not in told:
                    # A line whose data is damaged tells its action all the same.
                    told[note.call] = {row[3] for row in reader.rows(after=0, call=note.call)}
                facts = story(note, told[note.call], self._region, self._area_code)
                if facts and "call.recorded" not in told[note.call]:
                    facts = with_recording(facts, self._recording(note))
                for fact in facts:
                    if fact.action != "complaint.opened":
                        self._tell(fact)
                    elif self._opens is not None:
                        self._opens(fact)
                    # A second note on the same call comes before the journal has the first one's facts.
                    told[note.call].add(fact.action)
                    calls.add(note.call)
        return len(calls)

    def _recording(self, note: Note) -> Mapping[str, Json] | None:
        """The recording of a call that is over. Nothing waits for one of a call that ended long ago."""
        if self._digest is None:
            return None
        age = (datetime.now(UTC) - note.ended).total_seconds()
        return self._digest(note.call, min(max(0.0, PATIENCE_SECONDS - age), PATIENCE_SECONDS))


def _parsed(content: bytes) -> tuple[list[Note], list[str]]:
    """The notes, and the lines in which something is damaged."""
    notes: list[Note] = []
    damaged: list[str] = []
    for line in filter(None, content.decode("ascii", "replace").splitlines()):
        note = parse(line)
        if note is None:
            damaged.append(line)
        notes += within(line) if note is None else [note]
    return notes, damaged
