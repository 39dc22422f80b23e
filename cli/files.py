"""Files and folders that a command writes for a person: readable by the owner only, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ari_app.site.state import StateDir
from cli.errors import Refused
from cli.language import tr
from cli.output import plain


@contextmanager
def whole_file(place: StateDir, file: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the other's place when all is on disk. A device or a pipe is written to.

    Raises:
        Refused: it cannot be written, or is below the state directory.
    """
    spare_own_files(place, file)
    try:
        if file.exists() and not file.is_file():
            with file.open("wb") as there:
                yield there
        else:
            yield from _fresh(_real(file))
    except OSError as error:  # which names the new file that would take the other's place
        raise _not_written(file, error) from None


@contextmanager
def whole_folder(place: StateDir, parent: Path, name: str) -> Iterator[Path]:
    """A folder to fill, which gets its ``name`` in ``parent`` when all is on disk.

    Its files are each on disk when they are closed (``new_file``).

    Raises:
        Refused: it cannot be made, or would be below the state directory.
    """
    spare_own_files(place, parent)
    if not parent.is_dir():
        raise Refused(
            tr("there is no directory {folder}: make it, or mount the disk that it is on", folder=plain(str(parent)))
        )
    fresh = parent / f".{name}.{os.getpid()}.new"
    try:
        fresh.mkdir(mode=0o700)
        yield fresh
        for folder in (fresh, *(each for each in fresh.rglob("*") if each.is_dir())):
            _sync(folder)
        fresh.rename(parent / name)
        _sync(parent)
    except OSError as error:
        raise _not_written(parent, error) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def new_file(file: Path) -> Iterator[BinaryIO]:
    """A file that is not there yet; on leaving it is on disk.

    Raises:
        OSError: it cannot be written, or is there.
    """
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
        yield raw
        raw.flush()
        os.fsync(raw.fileno())


def _not_written(path: Path, error: OSError) -> Refused:
    return Refused(tr("{file} cannot be written: {reason}", file=plain(str(path)), reason=error.strerror))


def spare_own_files(place: StateDir, file: Path) -> None:
    """Let nothing be written below the state directory, be it there or not.

    What has no name there today may get it tomorrow, as a recording does, and of some folders every file is read.

    Raises:
        Refused: the file would be there.
    """
    own = [place.root]
    with suppress(OSError):  # not there yet; or not to be looked into by us, who can write nothing there either
        own += place.root.iterdir()  # which may be links: recordings to a larger disk
    if any(_real(file).is_relative_to(_real(each)) for each in own):
        raise Refused(
            tr("{file} would be among the installation's own files: name a place outside of {folder}",
               file=plain(str(file)), folder=place.root)
        )  # fmt: skip


def _real(path: Path) -> Path:
    """Where all links lead; also of a path that leads nowhere, at which ``Path.resolve`` fails before Python 3.13."""
    return Path(os.path.realpath(path))


def _fresh(file: Path) -> Iterator[BinaryIO]:
    fresh = file.with_name(f".{file.name}.{os.getpid()}.new")  # two commands may write the same file at a time
    with suppress(FileNotFoundError):
        fresh.unlink()
    try:
        with new_file(fresh) as raw:
            yield raw
        fresh.replace(file)
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
