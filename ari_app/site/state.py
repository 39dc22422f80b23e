"""The state directory: the only place where anything is written (``--state``, default ``var/``)."""

from __future__ import annotations

import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ari_app.ownership import hand_over

if TYPE_CHECKING:
    from ari_app.site.settings import Settings

_PRIVATE: Final = 0o700
_FOLDERS: Final = (
    ".",
    "recordings",
    "sounds",
    "log",
    "run",
    "broker",
    "asterisk",
    "asterisk/etc",
    "asterisk/spool",
    "asterisk/spool/recording",
    "asterisk/db",
    "asterisk/blocked",
    "witness",
)


class StateError(Exception):
    """The state directory cannot be used; the text is one sentence."""


class StateDir:
    """What lies where under a state directory.

    ``config`` is a copy of the configuration in force, so that every command works on the state alone.
    """

    def __init__(self, root: Path) -> None:
        """Name the directory; nothing is touched."""
        self.root = root.absolute()
        self.config = self.root / "siaga.toml"
        self.secrets = self.root / "secrets.json"
        self.journal = self.root / "journal.sqlite3"
        self.published = self.root / "published.json"
        self.database = self.root / "siaga.sqlite3"
        self.recordings = self.root / "recordings"
        self.sounds = self.root / "sounds"
        self.log = self.root / "log"
        self.run = self.root / "run"
        self.broker = self.root / "broker"
        self.asterisk = self.root / "asterisk"
        self.notes = self.asterisk / "spool" / "notes"
        self.transmissions = self.asterisk / "spool" / "recording"
        """One recording for each transmission on a radio net, by its id."""
        self.phones = self.asterisk / "db" / "astdb.sqlite3"
        """Asterisk's own database: where each phone is registered."""
        self.blocked = self.asterisk / "blocked"
        self.asterisk_pid = self.run / "asterisk.pid"
        self.witness = self.root / "witness"
        self.witness_file = self.witness / "asterisk.tsv"
        self.lock = self.root / "lock"
        self.orders = self.root / "orders.lock"
        """Held by whoever carries out an order in the place of an application that does not run."""
        self.replaced = self.run / "replaced"
        self.calls_unrecorded = self.run / "calls-unrecorded"
        """There while no call's recording may begin, for want of room (``site.room``)."""
        self.radio_unrecorded = self.run / "radio-unrecorded"

    def database_url(self, settings: Settings) -> str:
        """The address of the database that the tables are in."""
        return settings.database.url or f"sqlite:///{self.database}"

    def check(self) -> None:
        """Make sure that it is there and can be read.

        Raises:
            StateError: it does not exist, or may not be read.
        """
        if not self.root.is_dir():
            raise StateError(
                f"there is no state directory {self.root}: --state or SIAGA_STATE names another, scripts/run makes one"
            )
        if not os.access(self.root, os.R_OK | os.X_OK):
            raise StateError(
                f"the state directory {self.root} may not be read by this user: run siaga as {owner(self.root)}"
            )

    def create(self) -> None:
        """Make it and its folders, readable by the owner only; folders that root makes belong to its owner.

        Raises:
            StateError: something of it cannot be made or written.
        """
        for name in _FOLDERS:
            folder = self.root / name
            try:
                self._make(folder)
            except FileExistsError:
                raise StateError(f"{folder} is not a directory") from None
            except OSError as error:
                raise StateError(f"the directory {folder} cannot be made: {error.strerror}") from None
            if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                raise StateError(f"this user may not write in {folder}")
        if self.root.stat().st_uid == os.geteuid():
            self.root.chmod(_PRIVATE)

    def _make(self, folder: Path) -> None:
        """Make a folder, unless there is one.

        Raises:
            FileExistsError: there is something else.
            OSError: it cannot be made.
        """
        try:
            folder.mkdir(mode=_PRIVATE, parents=True)
        except FileExistsError:
            if not folder.is_dir():
                raise
            return
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            hand_over(descriptor, self.root)
        finally:
            os.close(descriptor)


def owner(path: Path) -> str:
    """The name of the user whose a file or folder is; the number of one who has no name.

    Raises:
        OSError: it is not there.
    """
    number = path.stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def write_private(path: Path, text: str, *, for_owner: bool = True) -> None:
    """Write a file that only its owner may read, whole or not at all. One that is so already is left alone.

    What root writes is for the folder's owner, as whoever runs the service must be able to read it; without
    ``for_owner`` it stays root's.

    Raises:
        StateError: it cannot be written.
    """
    if _is_written(path, text):  # a disk that takes nothing is no reason to fail then
        return
    fresh = path.with_name(f".{path.name}.new")
    try:
        with suppress(FileNotFoundError):
            fresh.unlink()
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            if for_owner:
                hand_over(file.fileno(), path.parent)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        with suppress(OSError):
            fresh.unlink()
        raise StateError(f"{path} cannot be written: {error.strerror}") from None


def _is_written(path: Path, text: str) -> bool:
    """Whether the file has this text, only its owner may read it, and that is whose directory it lies in."""
    try:
        found = path.lstat()
        as_ours = found.st_mode == stat.S_IFREG | 0o600 and found.st_uid == path.parent.stat().st_uid
        return as_ours and path.read_bytes() == text.encode()
    except OSError:
        return False
