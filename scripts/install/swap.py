"""A folder that is replaced while it is in use: NAME is a link, and leads to NAME.1, then NAME.2, and so on.

The new folder is made beside, at the path where it stays: what has its own path written in it (the first line of a
script, a starter) is right from the beginning. When it is whole, one rename of the link puts it into use, so that
whoever starts a program has the old folder or the new one, and never a part. Broken off before that rename, the old one
is in use as it was; afterwards, the new one. The one before stays as NAME.old until the next change.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(name: Path) -> Iterator[Path]:
    """The path at which to make the new folder: it is in use after the block, and gone if the block fails."""
    mend(name)
    _sweep(name)
    folder = _unused(name)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # a full disk must not stay full
        raise
    os.sync()  # or a power cut after the rename could find files of which only the names are on disk
    use(name, folder)


def use(name: Path, folder: Path) -> None:
    """From now on ``name`` leads to ``folder``, and NAME.old to what it led to before; all others are removed."""
    before = name.resolve() if name.is_symlink() else _unused(name)  # where ``_put`` moves a folder
    _put(name, folder)
    if before.is_dir() and before != folder.resolve():
        lead(_old(name), before.name)
    _sweep(name)


def previous(name: Path) -> Path | None:
    """The folder that was in use before; None: there is none."""
    old = _old(name)
    return old.resolve() if old.is_dir() and old.resolve() != name.resolve() else None


def mend(name: Path) -> None:
    """Finish what was broken off between the two renames of ``_put``."""
    upcoming = _upcoming(name)
    if not os.path.lexists(name) and upcoming.is_dir():
        upcoming.replace(name)


def lead(name: Path, target: str) -> None:
    """Make ``name`` a link to ``target``, in one step, whatever file or link it was."""
    upcoming = _upcoming(name)
    upcoming.unlink(missing_ok=True)
    upcoming.symlink_to(target)
    upcoming.replace(name)


def _put(name: Path, folder: Path) -> None:
    if name.is_symlink() or not name.exists():
        lead(name, folder.name)
        return
    # Set up before there were links: once, a folder has to make room for the link, and that takes two renames.
    upcoming = _upcoming(name)
    upcoming.unlink(missing_ok=True)
    upcoming.symlink_to(folder.name)
    name.rename(_unused(name))
    upcoming.replace(name)


def _old(name: Path) -> Path:
    return name.with_name(f"{name.name}.old")


def _upcoming(name: Path) -> Path:
    return name.with_name(f"{name.name}.next")


def _numbered(name: Path) -> list[Path]:
    return [path for path in name.parent.glob(f"{name.name}.*") if path.suffix[1:].isdecimal()]


def _unused(name: Path) -> Path:
    number = max((int(path.suffix[1:]) for path in _numbered(name)), default=0) + 1
    return name.with_name(f"{name.name}.{number}")


def _sweep(name: Path) -> None:
    """Remove every numbered folder to which neither link leads: an older one, or one that was never finished."""
    kept = {name.resolve(), _old(name).resolve()}
    for folder in _numbered(name):
        if folder.resolve() not in kept:
            shutil.rmtree(folder, ignore_errors=True)
