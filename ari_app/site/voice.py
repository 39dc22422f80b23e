"""Speaking a sentence that nobody has written down before: a program does it (``SIAGA_SPEAK``, see ``scripts/run``)."""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
from pathlib import Path
from typing import Final

import anyio
import structlog

SECONDS: Final = 20.0

_PREFIX: Final = "ucapan-"
_OURS: Final = f"{_PREFIX}{secrets.token_hex(4)}-"
"""What this program has spoken is named so."""

log = structlog.get_logger(__name__)


class NotSpoken(Exception):
    """The sentence could not be spoken; the text is one line."""


async def speak(folder: Path, text: str) -> Path:
    """Speak a text into a new WAV file in ``folder``.

    Raises:
        NotSpoken: there is no program for it, or it failed.
    """
    command = shlex.split(os.environ.get("SIAGA_SPEAK", ""))
    if not command:
        raise NotSpoken("nobody can speak here: the application was not started by scripts/run")
    target = folder / f"{_OURS}{secrets.token_hex(6)}.wav"
    try:
        with anyio.fail_after(SECONDS):
            await anyio.run_process([*command, str(target)], input=text.encode(), stderr=subprocess.PIPE)
    except (OSError, TimeoutError, subprocess.CalledProcessError):
        target.unlink(missing_ok=True)
        raise NotSpoken("the sentence could not be spoken") from None
    return target


def forget_spoken(folder: Path) -> None:
    """Remove what programs before us have spoken, and not removed because they were killed; waits for the disk."""
    try:
        for left in folder.glob(f"{_PREFIX}*.wav"):
            if not left.name.startswith(_OURS):
                left.unlink(missing_ok=True)
    except OSError as error:
        log.warning("voice.not_removed", error=str(error))
