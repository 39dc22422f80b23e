"""A start on a disk that takes nothing: with the files of the start before, 110 is answered all the same."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from ari_app.site.secrets import Secrets, load
from ari_app.site.settings import ConfigError, Settings, load_settings
from ari_app.site.state import StateDir, StateError
from scripts.stack import StackError

ROOM: Final = 2**20
"""Bytes that the disk must take for a start that writes. Its own files and the journal's index need less."""

_REFUSALS: Final = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}

_NEEDED: Final = ("asterisk.conf", "modules.conf", "pjsip.conf", "extensions.conf", "emergency.conf", "fallback.conf")
"""Without one of these Asterisk rings no desk."""


class Former(NamedTuple):
    """What the start before has left. ``broker_config`` is None where no broker of our own is to run, or can."""

    settings: Settings
    secrets: Secrets
    broker_config: Path | None


def refusal(folder: Path) -> str:
    """Why the disk of a folder takes nothing at present, in a few words; empty: it does, or it is not the disk's."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(ROOM))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return (error.strerror or str(error)) if error.errno in _REFUSALS else ""
    return ""


def take_up(state: StateDir, reason: str) -> Former:
    """The configuration, secrets and files of the start before; ``reason`` is why nothing can be written.

    A sound that is missing keeps nobody from answering: ``siaga doctor`` names it.

    Raises:
        StackError: Asterisk cannot be started on what is there.
    """
    refused = f"nothing can be written in {state.root} ({reason}), and there is no whole set of files to start on"
    try:
        settings = load_settings(state.config)
        secrets = load(state, settings)
    except (ConfigError, StateError) as error:
        raise StackError(f"{refused}: {error}") from None
    etc = state.asterisk / "etc"
    missing = [name for name in _NEEDED if not (etc / name).is_file()]
    if missing:
        raise StackError(f"{refused}: {etc / missing[0]} is missing")
    broker_config = state.broker / "mosquitto.conf"
    has_broker = settings.mqtt.own_broker is not None and broker_config.is_file()
    with suppress(OSError):  # who starts it wants it to serve
        state.replaced.unlink(missing_ok=True)
    return Former(settings, secrets, broker_config if has_broker else None)
