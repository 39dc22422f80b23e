"""The journal's reserve: a file for lines that the database does not take at present (docs/journal.md).

Its room is set aside when it is opened, so that it can be written on a full disk. It begins with the alarm, in a part
of its own; then come lines, each with a checksum before it, numbered and chained as they will be in the journal. So a
line that is in the journal already is known by its number and hash, and written there once, whenever we are killed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from zlib import crc32

import msgspec
import structlog

from ari_app.ownership import make_private
from ari_app.store.chain import behind, encode_data, follows, parse_line, row_line
from ari_app.store.journal_file import Head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ari_app.store.chain import Content, Row

ROOM: Final = 16 * 2**20
"""Bytes set aside: some 40,000 lines, which is the calls of a whole day at a Polda."""

MOST: Final = 2**30
"""It grows to so many bytes where the disk lets it."""

FIRST: Final = 1024
"""Where the lines begin; before them stands the alarm."""

_PAGE: Final = 2**16
_ZEROS: Final = bytes(_PAGE)

log = structlog.get_logger(__name__)


class ReserveDamaged(Exception):
    """What was written into the reserve does not come out of it."""


class Reserve:
    """The file, in the hands of the journal's writer; ``say`` may be called from any thread.

    ``last`` is the last line in it; None while it is empty.
    """

    def __init__(self, path: Path, room: int = ROOM) -> None:
        """Open it and set its room aside; that this is not possible is in the log, and tried again at its first use."""
        self.path = path
        self.last: Head | None = None
        self.room = room
        self._fd = -1
        self._end = self._soiled = FIRST
        self._next: tuple[int, int] = (0, FIRST)
        """Behind which line, and where in the file, ``read`` goes on."""
        self._said: str | None = None
        self._changing = threading.Lock()
        try:
            self._ready()
        except OSError as trouble:
            log.error("reserve.not_opened", reason=str(trouble))

    def recover(self, head: Head, hash_of: Callable[[int], str | None], now: str) -> Head:
        """Find what the journal, whose last line is ``head``, does not have yet; returns the last line in the reserve.

        ``hash_of`` gives the hash of one of the journal's lines. Lines that do not go on from ``head``, because the
        journal is another one by now, get new numbers. Pieces that cannot be read are put aside, and the journal is
        told how many there were; ``now`` is the moment of that.

        Raises:
            OSError, sqlite3.Error: it cannot be read, or its lines cannot get new numbers; it is as it was.
        """
        self._ready()
        self.last, self._end, self._next = None, FIRST, (0, FIRST)
        if not _has_lines(self._fd):
            return head
        last, fits = head, True
        for _, row in _pieces(self._fd):
            if row is not None and row[0] <= head.seq and hash_of(row[0]) == row[6]:
                continue
            fits = fits and row is not None and row[0] == last.seq + 1 and follows(row, last.hash)
            if not fits:
                break
            last = Head(row[0], row[6]) if row is not None else last
        if not fits:
            last = self._renumber(head, hash_of, now)
        self._end = self._soiled = self._used()
        self._next = (head.seq, FIRST)
        if last == head:
            with suppress(OSError):  # tried again before the next line
                self.empty()
        else:
            self.last = last
            log.warning("reserve.taken_up", lines=last.seq - head.seq)
        return last

    def append(self, rows: Sequence[Row]) -> None:
        """Put lines behind those that are there; on return they are on disk.

        Raises:
            OSError: it cannot be written; nothing was added.
        """
        self._ready()
        if self.last is None and self._soiled > FIRST:
            self.empty()
        data = b"".join(_sealed(row) for row in rows)
        if self._end + len(data) > MOST:
            raise OSError(errno.EFBIG, "the reserve is full")
        self._soiled = max(self._soiled, self._end + len(data))
        _write(self._fd, data, self._end)
        os.fdatasync(self._fd)
        self._end += len(data)
        self.last = Head(rows[-1][0], rows[-1][6])

    def read(self, after: int, limit: int) -> list[Row]:
        """The lines behind line ``after``, at most ``limit``; there must be one.

        Raises:
            OSError: it cannot be read at present.
            ReserveDamaged: they are not there.
        """
        rows: list[Row] = []
        self._ready()
        seq, start = self._next
        for end, row in _pieces(self._fd, start if seq == after else FIRST):
            if row is None:
                break
            if row[0] > after:
                if row[0] != after + len(rows) + 1:
                    break
                rows.append(row)
                self._next = (row[0], end)
                if len(rows) == limit:
                    break
        if not rows:
            raise ReserveDamaged(f"line {after + 1} is not in {self.path}")
        return rows

    def empty(self) -> None:
        """All that is in it is in the journal.

        Raises:
            OSError: it cannot be written; that is tried again before the next line.
        """
        self.last, self._end, self._next = None, FIRST, (0, FIRST)
        for start in range(FIRST + _PAGE, self._soiled, _PAGE):
            _write(self._fd, _ZEROS[: min(_PAGE, self._soiled - start)], start)
        if os.fstat(self._fd).st_size > self.room:
            os.ftruncate(self._fd, self.room)
        os.fdatasync(self._fd)  # the first page goes last: where it is empty, all is
        _write(self._fd, _ZEROS[: min(_PAGE, self._soiled - FIRST)], FIRST)
        os.fdatasync(self._fd)
        self._soiled = FIRST

    def say(self, alarm: str | None) -> bool:
        """Let ``siaga doctor`` know of the alarm: by a lock that it stands, which needs no disk; its words if possible.

        False: not now, as somebody is looking.
        """
        self._said = alarm
        with self._changing:
            if self._fd < 0:
                return True
            try:
                fcntl.flock(self._fd, fcntl.LOCK_UN if alarm is None else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            with suppress(OSError):
                text = msgspec.json.encode({"alarm": alarm and alarm[: FIRST // 6]})[: FIRST - 1]
                _write(self._fd, text.ljust(FIRST - 1) + b"\n", 0)
        return True

    def close(self) -> None:
        """Let go of it."""
        with self._changing:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def _ready(self) -> None:
        if self._fd < 0:
            self._fd = _open(self.path, self.room)

    def _used(self) -> int:
        """Where nothing but zeros follows, and which is not before ``FIRST``."""
        used = FIRST
        for start in range(FIRST, os.fstat(self._fd).st_size, _PAGE):
            page = os.pread(self._fd, _PAGE, start).rstrip(b"\0")
            used = start + len(page) if page else used
        return used

    def _renumber(self, head: Head, hash_of: Callable[[int], str | None], now: str) -> Head:
        """Write the lines into a file that then takes this one's place, so that they go on from ``head``."""
        fresh = self.path.with_name(f"{self.path.name}.new")
        with suppress(FileNotFoundError):
            fresh.unlink()
        fd = _open(fresh, self.room)
        try:
            last, end = head, FIRST
            for row in self._going_on(head, hash_of, now):
                data = _sealed(row)
                _write(fd, data, end)
                last, end = Head(row[0], row[6]), end + len(data)
            os.fsync(fd)
            fresh.replace(self.path)
            _sync_folder(self.path)
        except BaseException:
            os.close(fd)
            raise
        with self._changing:
            os.close(self._fd)
            self._fd = fd
        self.say(self._said)
        return last

    def _going_on(self, head: Head, hash_of: Callable[[int], str | None], now: str) -> Iterator[Row]:
        """What the journal does not have, with new numbers, and at last how much could not be read."""
        lost = 0
        for _, row in _pieces(self._fd):
            if row is None:
                lost += 1
            elif row[0] > head.seq or hash_of(row[0]) != row[6]:
                following = behind(head, row[1:6])
                yield following
                head = Head(following[0], following[6])
        if lost:
            kept = _keep(self.path)
            log.error("reserve.damaged", pieces=lost, kept=str(kept))
            yield behind(head, lost_line(now, lost, "reserve_damaged"))


def reserve_of(journal: Path) -> Path:
    """Where the reserve of a journal is."""
    return journal.with_name(f"{journal.name}.reserve")


def waiting(path: Path) -> bool:
    """Whether lines wait in the reserve at ``path``. For other processes.

    Raises:
        OSError: it cannot be read, or there is none.
    """
    with path.open("rb") as file:
        return _has_lines(file.fileno())


def waiting_rows(path: Path, head: Head) -> list[Row]:
    """The lines in the reserve at ``path`` that go on from the journal's last one; none where they cannot be read."""
    rows: list[Row] = []
    with suppress(OSError), path.open("rb") as file:
        for _, row in _pieces(file.fileno()) if _has_lines(file.fileno()) else ():
            if row is None:
                break
            if row[0] > head.seq:
                if row[0] != head.seq + 1 or not follows(row, head.hash):
                    break
                rows.append(row)
                head = Head(row[0], row[6])
    return rows


def standing_alarm(path: Path) -> str | None:
    """The alarm of the journal's running writer, if one stands. For other processes.

    Raises:
        OSError: the reserve cannot be read, or there is none.
    """
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            with suppress(msgspec.MsgspecError, OSError):
                alarm = msgspec.json.decode(file.read(FIRST), type=_Said).alarm
                if alarm is not None:
                    return alarm
            return "the journal is in trouble: see the application's log"
        return None


def lost_line(now: str, facts: int, reason: str) -> Content:
    """What the journal says where facts are missing, from its moment on: a line without number and hash."""
    data = encode_data({"facts": facts, "reason": reason}).decode()
    return now, "system", "journal.facts_lost", None, data


class _Said(msgspec.Struct):
    alarm: str | None


def _has_lines(fd: int) -> bool:
    """Nearly always it has none: then its zeros, which take 0.2 s to read, need not be read to their end."""
    return bool(os.pread(fd, _PAGE, FIRST).strip(b"\0"))


def _pieces(fd: int, start: int = FIRST) -> Iterator[tuple[int, Row | None]]:
    """Each line with where it ends in the file; None: it cannot be read. Zeros are passed over."""
    rest, place = b"", start
    while page := os.pread(fd, _PAGE, place + len(rest)):
        *lines, rest = (rest + page).split(b"\n")
        for each in lines:
            place += len(each) + 1
            yield place, _opened(each)
        if not rest.strip(b"\0"):
            place, rest = place + len(rest), b""
    if rest:
        yield place + len(rest), None


def _sealed(row: Row) -> bytes:
    line = row_line(row)
    return b"%08x %b\n" % (crc32(line), line)


def _opened(piece: bytes) -> Row | None:
    seal, _, line = piece.lstrip(b"\0").partition(b" ")
    try:
        return parse_line(line) if int(seal, 16) == crc32(line) else None
    except (ValueError, msgspec.MsgspecError):
        return None


def _open(path: Path, room: int) -> int:
    make_private(path)
    fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, room)
    except OSError as trouble:
        log.error("reserve.no_room", reason=trouble.strerror, bytes=room)
    return fd


def _write(fd: int, data: bytes, start: int) -> None:
    view = memoryview(data)
    while view:
        count = os.pwrite(fd, view, start)
        view, start = view[count:], start + count


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _keep(path: Path) -> Path | None:
    """A second name for the damaged file: the first one will be another's."""
    kept = path.with_name(f"{path.name}.damaged-{secrets.token_hex(4)}")
    try:
        kept.hardlink_to(path)
    except OSError:
        return None
    return kept
