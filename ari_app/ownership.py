"""Whose a new file is: what root writes in the directory of the user who runs the service belongs to that user.

A command that is run as root would otherwise leave files behind that the service cannot read: it would not start, or
nobody could log in by phone.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

ROOT: Final = 0


def hand_over(descriptor: int, folder: Path) -> None:
    """Give what root has just made to the owner and group of ``folder``; whoever is not root gives nothing away.

    By its descriptor: behind a name, the folder's owner could have put a link. What cannot be given away on this file
    system stays root's.
    """
    if os.geteuid() != ROOT:
        return
    with suppress(OSError):
        owner = folder.stat()
        if owner.st_uid != ROOT:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)


def make_private(path: Path) -> None:
    """Make an empty file that only its owner may read, who is its folder's; one that is there is not touched.

    Raises:
        OSError: it cannot be made.
    """
    with suppress(FileExistsError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            hand_over(descriptor, path.parent)
        finally:
            os.close(descriptor)
