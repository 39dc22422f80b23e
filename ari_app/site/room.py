"""Recordings leave the disk's last space alone: below a limit no new one begins, until there is room again.

On a full disk Asterisk cannot write down that a phone has registered anew. It says 200 all the same, and forgets the
phone when its registration of before is over: then no desk can be rung. The journal has a reserve of its own, and a
call needs no disk.

A mark in the state directory says that no new recording may begin. The tables' keeper sets it and takes it away, as no
call waits for that process and it is there whatever becomes of the application. It is looked at where recordings begin:
calls' in ``dialplan/emergency.conf``, the radio nets' in the application. A mark that nobody renews counts no more: its
keeper is dead, and recordings must not stay away for ever (SOP VII.g).
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from ari_app.site.state import StateDir

LEAST_FREE: Final = 10**9
"""Bytes. Recordings that have begun go on, at 1 MB a minute: a hundred for ten minutes."""

ENOUGH_FREE: Final = LEAST_FREE * 5 // 4
"""Bytes from which on recordings begin again; more, so that it does not change with every file that comes and goes."""

LOOK_SECONDS: Final = 5.0
RENEW_SECONDS: Final = 60.0

BELIEVED_SECONDS: Final = 600
"""A mark that was not renewed for so long, by the machine's clock, counts no more."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Room:
    """Where one kind of recordings goes.

    ``mark`` is the file that keeps new ones from beginning, ``alarm`` says so in one sentence.
    """

    what: str
    folder: Path
    mark: Path
    alarm: str

    def free(self) -> int:
        """Bytes that recordings can still take.

        Raises:
            OSError: the folder is not there, or its disk cannot be asked.
        """
        return shutil.disk_usage(self.folder).free

    def is_closed(self) -> bool:
        """Whether no new recording may begin, as the dialplan sees it, too. What cannot be read closes nothing."""
        try:
            renewed = int(self.mark.stat().st_mtime)
        except OSError:
            return False
        return renewed + BELIEVED_SECONDS > int(time.time())


def rooms(state: StateDir) -> tuple[Room, Room]:
    """The calls' and the radio nets', which may lie on different disks."""
    return (
        Room(
            "calls",
            state.recordings,
            state.calls_unrecorded,
            "new calls are not recorded, as the disk of their recordings is nearly full",
        ),
        Room(
            "radio",
            state.transmissions,
            state.radio_unrecorded,
            "the radio nets are not recorded, as the disk of their recordings is nearly full",
        ),
    )


def keep(room: Room) -> None:
    """Set the mark, renew it or take it away, as there is room; nothing is written while there is enough.

    Raises:
        OSError: the disk cannot be asked, or the mark cannot be written.
    """
    free = room.free()
    try:
        age = abs(time.time() - room.mark.stat().st_mtime)
    except FileNotFoundError:
        if free < LEAST_FREE:
            room.mark.touch()
            log.error("recordings.suspended", what=room.what, free_bytes=free)
        return
    if free >= ENOUGH_FREE:
        room.mark.unlink(missing_ok=True)
        log.warning("recordings.resumed", what=room.what, free_bytes=free)
    elif age > RENEW_SECONDS:
        os.utime(room.mark)


class RoomKeeper:
    """Keeps the marks, in a thread of its own: a disk that does not answer holds up nothing else."""

    def __init__(self, kept: Sequence[Room]) -> None:
        """Start it."""
        self._rooms = kept
        self._trouble: dict[str, str | None] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="room", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 1.0) -> None:
        """End it; the marks stay as they are."""
        self._closing.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            for room in self._rooms:
                self._keep(room)
            if self._closing.wait(LOOK_SECONDS):
                return

    def _keep(self, room: Room) -> None:
        reason = None
        try:
            keep(room)
        except OSError as error:
            reason = error.strerror or str(error)
            if reason != self._trouble.get(room.what):
                log.error("recordings.room_not_kept", what=room.what, reason=reason)
        self._trouble[room.what] = reason
