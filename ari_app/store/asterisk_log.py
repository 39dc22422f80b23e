"""The files in which Asterisk writes down what it sees of the calls, beside the journal and without the application.

::

    witness/asterisk.tsv                       Asterisk adds a line for each event (asterisk_conf/cel_custom.conf.j2)
    witness/asterisk-20250131T170000Z-0000.tsv.gz   lines up to that moment; may be deleted, the oldest first

Asterisk opens its file anew for each line, so it can be moved away at any time.
"""

from __future__ import annotations

import fcntl
import gzip
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Final

from ari_app.domain.asterisk_log import Event, parse
from ari_app.ownership import make_private

CURRENT: Final = "asterisk.tsv"
WHOLE_DAY: Final = timedelta(days=1)
LARGE: Final = 16 * 2**20
"""A file is put away when it has a day or so many bytes."""

STILL_OPEN: Final = timedelta(minutes=10)
"""A file is compressed when it was put away so long ago: nobody can be in the middle of a line."""

CLOCK: Final = timedelta(hours=1)
"""How far the machine's clock may have been set."""

_LONG_AGO: Final = datetime.fromtimestamp(0, UTC) + CLOCK
_STAMP: Final = "%Y%m%dT%H%M%S"
_PUT_AWAY: Final = re.compile(r"asterisk-([0-9]{8}T[0-9]{6})Z-([0-9]{4,})\.tsv(?:\.gz)?")
_LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class Damaged:
    """A line that cannot be read."""

    file: str
    number: int


def events(folder: Path, *, since: datetime, until: datetime) -> Iterator[Event | Damaged]:
    """What was written from ``since`` to ``until``, and what is in the same files, in the order of writing.

    Raises:
        OSError: a file cannot be read.
    """
    with _locked(folder, fcntl.LOCK_SH):
        for path in _chosen(folder, since, until):
            yield from _read(path)


def begins(folder: Path) -> datetime | None:
    """When the first line that is there was written; None: there is none.

    Raises:
        OSError: a file cannot be read.
    """
    with _locked(folder, fcntl.LOCK_SH):
        for path in _files(folder):
            for event in _read(path):
                if isinstance(event, Event):
                    return event.at
    return None


@contextmanager
def unmoved(folder: Path) -> Iterator[list[Path]]:
    """The folder's files, of which none is put away or compressed meanwhile. Asterisk adds lines to the current one.

    Raises:
        OSError: it cannot be read.
    """
    with _locked(folder, fcntl.LOCK_SH):
        yield [each for each in folder.iterdir() if each.name != _LOCK]


def put_away(folder: Path, now: datetime) -> list[Path]:
    """Begin a new file where it is time for it, and compress what was put away; returns the files that were made.

    Nothing is done while somebody reads.

    Raises:
        OSError: a file cannot be read or written; nothing is lost.
    """
    made: list[Path] = []
    with suppress(BlockingIOError), _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
        for done in folder.glob("asterisk-*.tsv.gz"):  # the last time was cut short before this
            done.with_suffix("").unlink(missing_ok=True)
        waiting = [each for each in _files(folder) if each.suffix == ".tsv" and each.name != CURRENT]
        made += [_compressed(each) for each in waiting if now - _changed(each) > STILL_OPEN]
        current = folder / CURRENT
        if current.exists() and _is_full(current, now):
            target = _fresh_name(folder, now)
            current.rename(target)
            os.utime(target, (now.timestamp(), now.timestamp()))
            made.append(target)
    return made


def _is_full(path: Path, now: datetime) -> bool:
    if path.stat().st_size >= LARGE:
        return True
    first = next((each for each in _read(path) if isinstance(each, Event)), None)
    return first is not None and now - first.at >= WHOLE_DAY


def _fresh_name(folder: Path, now: datetime) -> Path:
    """A name for the file that is put away, behind all that are there: the clock may have been set."""
    found = (_PUT_AWAY.fullmatch(each.name) for each in folder.iterdir())
    taken = sorted((each[1], int(each[2] or 0)) for each in found if each is not None)
    stamp, number = now.astimezone(UTC).strftime(_STAMP), 0
    if taken and taken[-1][0] >= stamp:
        stamp, number = taken[-1][0], taken[-1][1] + 1
    return folder / f"asterisk-{stamp}Z-{number:04}.tsv"


def _compressed(path: Path) -> Path:
    target = path.with_name(f"{path.name}.gz")
    fresh = path.with_name(f".{target.name}.new")
    try:
        with path.open("rb") as source, fresh.open("wb") as raw:
            with gzip.GzipFile(fileobj=raw, mode="wb", filename="") as packed:
                shutil.copyfileobj(source, packed)
            raw.flush()
            os.fsync(raw.fileno())
        fresh.replace(target)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise
    path.unlink()
    return target


def _chosen(folder: Path, since: datetime, until: datetime) -> Iterator[Path]:
    """The files that may have lines between two moments."""
    before = _LONG_AGO
    for path in _files(folder):
        found = _PUT_AWAY.fullmatch(path.name)
        end = None if found is None else datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)
        if (end is None or end + CLOCK >= since) and before - CLOCK <= until:
            yield path
        before = end or before


def _files(folder: Path) -> list[Path]:
    """All of them, the oldest first."""
    found = [each for each in folder.iterdir() if _PUT_AWAY.fullmatch(each.name)]
    packed = {each.name.removesuffix(".gz") for each in found if each.suffix == ".gz"}
    old = sorted((each for each in found if each.name not in packed), key=lambda each: each.name.partition(".")[0])
    return [*old, *(each for each in (folder / CURRENT,) if each.exists())]


def _read(path: Path) -> Iterator[Event | Damaged]:
    with _opened(path) as stream:
        for number, line in enumerate(stream, 1):
            if not line.endswith("\n") and path.name == CURRENT:  # it is just being written
                return
            event = parse(line.removesuffix("\n"))
            yield event if event is not None else Damaged(path.name, number)


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="\n")
    return path.open(encoding="utf-8", errors="replace", newline="\n")


def _changed(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


@contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    """No file changes its name while somebody reads."""
    make_private(folder / _LOCK)
    descriptor = os.open(folder / _LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
