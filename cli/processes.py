"""Which of our programs run for a state directory, as the system lists them, and where they log."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ari_app.site.state import StateDir

_PROCESSES: Final = Path("/proc")

UNITS: Final[Mapping[str, str]] = {
    "application": "siaga-application",
    "asterisk": "siaga-asterisk",
    "mosquitto": "siaga-broker",
    "publisher": "siaga-publisher",
    "tables": "siaga-tables",
}
"""systemd's unit of what writes each log."""


def log_of(state: StateDir, name: str) -> str:
    """Where to read one of the logs of ``UNITS``: its file; systemd has it where there is none."""
    file = state.log / f"{name}.log"
    return str(file) if file.exists() else f"`journalctl -u {UNITS[name]}`"


def is_running(program: str, root: Path) -> bool:
    """Whether a process was started as ``... PROGRAM ... --state ROOT``; ``program`` is a module or a script."""
    return any(_is_it(words, program, root, process) for process, words in _processes())


def _processes() -> Iterator[tuple[Path, list[str]]]:
    for process in _PROCESSES.iterdir():
        if process.name.isdecimal():
            try:
                line = (process / "cmdline").read_bytes()
            except OSError:  # it has just ended, or is somebody else's
                continue
            yield process, os.fsdecode(line).split("\0")


def _is_it(words: list[str], program: str, root: Path, process: Path) -> bool:
    if "--state" not in words or not any(word == program or word.endswith(f"/{program}") for word in words):
        return False
    given = Path(words[words.index("--state") + 1])
    try:
        return (process / "cwd").resolve().joinpath(given).resolve() == root.resolve()
    except OSError:
        return given == root
