"""Recordings as Asterisk's MixMonitor leaves them: finished or not, how long, and their hash.

Asterisk writes a WAV file's sizes into its header only when it closes the file; until then they are zero.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import Final

import structlog

from ari_app.domain.facts import Json

PATIENCE_SECONDS: Final = 2.0
"""How long a recording is waited for; Asterisk finishes it some milliseconds after the caller's leg has ended."""

_POLL_SECONDS: Final = 0.02
_CHUNK: Final = 1 << 18
_HEADER: Final = 44
"""Bytes before the sound, as Asterisk writes them."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A finished recording. ``file`` is relative to the state directory; ``seconds`` is how long the sound is."""

    file: str
    sha256: str
    bytes: int
    seconds: float

    def data(self) -> dict[str, Json]:
        """As ``call.recorded`` has it."""
        return {"file": self.file, "sha256": self.sha256, "bytes": self.bytes, "seconds": self.seconds}


class Recordings:
    """The folder of recordings, each named after its call. For worker threads: it waits for the disk."""

    def __init__(self, folder: Path) -> None:
        """``folder`` is the state directory's."""
        self._folder = folder

    def path(self, name: str) -> Path | None:
        """Where the recording of this name lies or would lie; None: no name of a file in this folder."""
        if not name or name in {".", ".."} or "/" in name or "\0" in name:
            return None
        return self._folder / f"{name}.wav"

    def names(self) -> list[str]:
        """The names of those that are there, in order: files of this folder, and no links to others.

        Raises:
            OSError: the folder cannot be read.
        """
        with os.scandir(self._folder) as entries:
            files = [each.name for each in entries if each.is_file(follow_symlinks=False)]
        return sorted(name.removesuffix(".wav") for name in files if name.endswith(".wav"))

    def __call__(self, call: str, patience: float = PATIENCE_SECONDS) -> dict[str, Json] | None:
        """The data of ``call.recorded`` for a call; None when it has no finished recording."""
        found = digest(self._folder / f"{call}.wav", patience)
        return found.data() if found is not None else None


def digest(path: Path, patience: float = PATIENCE_SECONDS) -> Recorded | None:
    """Wait until a recording is finished, ``patience`` seconds at most, and read it; None: it is not, or not there.

    Blocks meanwhile: call it in a worker thread. Never raises for the sake of a file.
    """
    try:
        with path.open("rb", buffering=0) as file:  # a buffer would keep the header as it was
            if _wait(file, time.monotonic() + patience):
                return _read(path, file)
    except FileNotFoundError:
        log.warning("recording.missing", file=path.name)
        return None
    except OSError as error:
        log.error("recording.not_read", file=path.name, reason=error.strerror)
        return None
    log.error("recording.not_finished", file=path.name)
    return None


def finished(path: Path) -> Recorded | None:
    """A finished recording as it is now; None: it is not finished, or is something else.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        return _read(path, file) if _seconds(file) is not None else None


def _wait(file: FileIO, deadline: float) -> bool:
    """Wait until a recording is finished; False: not in time."""
    while _seconds(file) is None:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _seconds(file: FileIO) -> float | None:
    """How long the sound is; None: the header's sizes are not the file's, so Asterisk still writes."""
    file.seek(0)
    header = file.read(_HEADER)
    size = os.fstat(file.fileno()).st_size
    if len(header) < _HEADER or (header[:4], header[8:12], header[36:40]) != (b"RIFF", b"WAVE", b"data"):
        return None
    whole, rate, sound = (int.from_bytes(header[at : at + 4], "little") for at in (4, 28, 40))
    if not rate or (whole + 8, sound + _HEADER) != (size, size):
        return None
    return sound / rate


def _read(path: Path, file: FileIO) -> Recorded:
    seconds = _seconds(file) or 0.0
    file.seek(0)
    hashed, size = sha256(), 0
    while chunk := file.read(_CHUNK):
        hashed.update(chunk)
        size += len(chunk)
    return Recorded(f"{path.parent.name}/{path.name}", hashed.hexdigest(), size, round(seconds, 2))
