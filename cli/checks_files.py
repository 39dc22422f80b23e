"""Looks of ``siaga doctor`` at files and folders: may they be used, is there room, are they what they should be?"""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ari_app.site.room import rooms
from ari_app.site.state import owner
from ari_app.store.staff import staff
from cli.certificates import valid_until
from cli.findings import FAILED, OK, WARNING, Seen, some
from cli.language import localised, tr

if TYPE_CHECKING:
    from ari_app.site.settings import Settings
    from ari_app.site.state import StateDir

GIGABYTE: Final = 10**9
LITTLE_SPACE, NO_SPACE = 2 * GIGABYTE, GIGABYTE // 5
"""Free bytes: below the first one is warned, below the second nothing can soon be written. See ``site.room``, too."""

PROBE: Final = b"siaga" * 1000
"""What is written to see whether anything can be."""

SENTENCES: Final = Path(__file__).parents[1] / "asterisk_conf" / "sounds.toml"
NOT_SOUNDS: Final = "pronunciation"
SOUND: Final = (8000, 2, 1)
"""Hz, bytes a sample and channels that Asterisk plays."""

SOON: Final = timedelta(days=30)
"""A certificate that ends within this time is warned of."""


def directory(state: StateDir) -> Seen:
    """The state directory and its own files."""
    own = (state.config, state.secrets, state.journal, state.database, state.recordings, state.log)
    for path in (state.root, *(each for each in own if each.exists())):
        if not os.access(path, os.R_OK | os.W_OK):
            return FAILED, tr("this user may not read and write {path}: run siaga as the one who runs it", path=path)
    open_to = [path for path in (state.root, state.secrets) if path.exists() and path.stat().st_mode & 0o077]
    if open_to:
        return WARNING, tr(
            "{path} is open to other users: it holds passwords and callers' numbers; chmod go= {path}", path=open_to[0]
        )
    return OK, str(state.root)


def disk(state: StateDir) -> Seen:
    """Room for journal and recordings, which may lie on different disks."""
    free, where = min((shutil.disk_usage(path).free, path) for path in (state.root, state.recordings) if path.exists())
    room = tr("{number} GB free on {path}", number=f"{free / GIGABYTE:.1f}", path=where)
    if free < NO_SPACE:
        return FAILED, tr(
            "{room}: the journal and the phones' registrations soon find none; remove or move old recordings", room=room
        )
    if free < LITTLE_SPACE:
        return WARNING, tr("{room}: remove or move old recordings", room=room)
    return OK, room


def recordings(state: StateDir) -> Seen:
    """Whether a recording could begin now."""
    for folder in (state.recordings, state.transmissions):
        if not folder.is_dir():
            return FAILED, tr("{folder} is not there: start again, or make it", folder=folder)
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(PROBE)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return FAILED, tr(
                "nothing can be written in {folder}: {reason}; calls go on, but are not recorded",
                folder=folder,
                reason=error.strerror,
            )
    closed = [localised(room.alarm) for room in rooms(state) if room.is_closed()]
    if closed:
        return FAILED, tr("{alarm}; see docs/operations.md", alarm="; ".join(closed))
    return OK, tr("they can be written to {folder}", folder=state.recordings)


def sounds(state: StateDir) -> Seen:
    """Every sentence and tone that callers and operators hear, and the site's own recordings of them."""
    groups = tomllib.loads(SENTENCES.read_text(encoding="utf-8"))
    names = {name for group, texts in groups.items() if group != NOT_SOUNDS for name in texts}
    names |= {mark.stem for mark in state.sounds.glob("*.made")}  # tones and music are generated, too
    wrong = [name for name in sorted(names) if not _is_sound(state.sounds / f"{name}.wav")]
    if wrong:
        return FAILED, tr(
            "{number} of {all} are missing or no WAV of 8000 Hz, 16 bit, mono: {names}; the next start makes them",
            number=len(wrong),
            all=len(names),
            names=some(wrong),
        )
    own = sorted((state.sounds / "recorded").glob("*.wav"))
    return _own_recordings(state, own, names)


def _own_recordings(state: StateDir, own: list[Path], names: set[str]) -> Seen:
    wrong = [each.name for each in own if not _is_sound(each)]
    if wrong:
        return FAILED, tr(
            "own recordings must be WAV of 8000 Hz, 16 bit, mono, else nothing starts: {names}", names=some(wrong)
        )
    unknown = [each.name for each in own if each.stem not in names]
    if unknown:
        return WARNING, tr("no sound has the name of these own recordings: {names}", names=some(unknown))
    unused = [each.name for each in own if each.read_bytes() != (state.sounds / each.name).read_bytes()]
    if unused:
        return WARNING, tr("own recordings that are heard from the next start on: {names}", names=some(unused))
    return OK, tr("{number} sounds, {own} of them own recordings", number=len(names), own=len(own))


def _is_sound(path: Path) -> bool:
    try:
        with wave.open(str(path), "rb") as file:
            kind = (file.getframerate(), file.getsampwidth(), file.getnchannels())
            return kind == SOUND and file.getnframes() > 0
    except (wave.Error, EOFError, OSError):
        return False


def pins(state: StateDir) -> Seen:
    """Whether the operators' PINs can be read, and whether everybody has one: without it nobody logs in by phone."""
    from ari_app.site.pins import Pins, pins_file  # noqa: PLC0415 - hashing takes its time to import

    file = pins_file(state)
    kept = Pins(file)
    if kept.trouble is not None:
        return FAILED, tr("{reason}; nobody can log in by phone", reason=localised(kept.trouble))
    people, known = sorted(staff(state.journal).operators), kept.known()
    if not people:
        return OK, tr("there is no operator yet")
    without = [nrp for nrp in people if nrp not in known]
    if without:
        return FAILED if without == people else WARNING, tr(
            "{number} of {all} operators have none and cannot log in by phone: {names}; see `siaga operators pin`",
            number=len(without),
            all=len(people),
            names=some(without),
        )
    if file.exists() and (user := owner(file)) != owner(state.root):
        return WARNING, tr(
            "{file} is {user}'s, and {owner} must be able to read it: chown {owner} {file}",
            file=file, user=user, owner=owner(state.root),
        )  # fmt: skip
    return OK, tr("all {number} operators have one", number=len(people))


def certificates(state: StateDir, settings: Settings) -> Seen:
    """The files for a broker elsewhere: can they be read, do they fit, and how long are they good?"""
    del state
    mqtt = settings.mqtt
    files = [path for path in (mqtt.ca, mqtt.certificate) if path is not None]
    if not files:
        return OK, tr("none of our own: the broker is reached without") if not mqtt.is_tls else tr("the system's own")
    from ari_app.bus.broker import tls_trouble  # noqa: PLC0415 - only for sites with a broker elsewhere

    if trouble := tls_trouble(mqtt):
        return FAILED, localised(trouble)
    end, file = min((valid_until(path), path) for path in files)
    day = f"{end:%Y-%m-%d}"
    left = end - datetime.now(UTC)
    if left < timedelta():
        return FAILED, tr("{file} ended on {day}: no broker takes it; put a new one there", file=file, day=day)
    if left < SOON:
        return WARNING, tr("{file} ends on {day}: put a new one there before", file=file, day=day)
    return OK, tr("good until {day}", day=day)
