"""Asterisk's files for a site: the templates of ``asterisk_conf/`` and ``dialplan/`` with the site's values in."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ari_app.domain.desks import POLDA, POLRES_PREFIX
from ari_app.domain.fallback_rows import MOST_BYTES, READ_BYTES
from ari_app.domain.queue import VERIFIERS
from ari_app.site.capacity import Capacity, most_files
from ari_app.site.fallback_ringing import fallback_ringing, rung_at_once
from ari_app.site.number_plan import number_plan
from ari_app.site.radio import gateways
from ari_app.site.room import BELIEVED_SECONDS
from ari_app.site.state import StateDir, StateError, write_private

if TYPE_CHECKING:
    from ari_app.site.secrets import Secrets
    from ari_app.site.settings import Settings

_REPO: Final = Path(__file__).parents[2]
_SOURCES: Final = (_REPO / "asterisk_conf", _REPO / "dialplan")
_SAFE_PATH: Final = re.compile(r"[A-Za-z0-9_./+=@-]+")
_CRYPT_ROUNDS: Final = 8
"""See ``asterisk_conf/ari.conf.j2`` for why so few."""


def asterisk_dirs() -> tuple[Path, Path]:
    """Where the installed Asterisk has its modules and its data (``scripts/setup`` wrote it down).

    Raises:
        StateError: it is not installed.
    """
    file = Path(os.environ.get("SIAGA_DEPS", _REPO / ".deps")) / "asterisk.env"
    try:
        values = dict(line.split("=", 1) for line in file.read_text(encoding="utf-8").splitlines())
        return Path(values["ASTERISK_MODULES_DIR"]), Path(values["ASTERISK_DATA_DIR"])
    except (OSError, KeyError, ValueError):
        raise StateError(f"Asterisk is not installed ({file} is missing or damaged): run scripts/setup") from None


def render(  # noqa: PLR0913 - named, and each a thing of its own
    settings: Settings,
    state: StateDir,
    secrets: Secrets,
    *,
    modules_dir: Path,
    data_dir: Path,
    folder: Path | None = None,
) -> list[Path]:
    """Write Asterisk's files under the state directory, or into ``folder`` to look at them; returns them.

    Other ``*.conf`` files there are removed.

    Raises:
        StateError: one cannot be written, or the state directory's path has characters that the dialplan
            would take for its own.
    """
    # A third of a second to import, for whoever renders; the application does not.
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415

    if not _SAFE_PATH.fullmatch(str(state.root)):
        raise StateError(f"{state.root} has a blank or another character in its path that Asterisk cannot take")
    environment = Environment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Asterisk's files are not HTML; settings.py lets nothing harmful in
    )
    values = _values(settings, state, secrets) | {"modules_dir": modules_dir, "data_dir": data_dir}
    own = folder is None
    folder = folder or state.asterisk / "etc"
    written: list[Path] = []
    for source in _sources():
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".j2":
            text = environment.from_string(text).render(values)
        target = folder / source.name.removesuffix(".j2")
        write_private(target, text, for_owner=own)  # elsewhere they are for who wanted them
        written.append(target)
    for stale in set(folder.glob("*.conf")) - set(written):
        stale.unlink()
    return written


def names() -> set[str]:
    """The names of the files that ``render`` writes."""
    return {source.name.removesuffix(".j2") for source in _sources()}


def _sources() -> list[Path]:
    return sorted(path for folder in _SOURCES for path in folder.glob("*.conf*"))


def _values(settings: Settings, state: StateDir, secrets: Secrets) -> dict[str, object]:
    from passlib.hash import sha1_crypt  # type: ignore[import-untyped]  # noqa: PLC0415 - has no types; see render

    # Each user's salt stays, so that the file does: what is hashed is random, and cannot be guessed.
    crypt = partial(sha1_crypt.using, rounds=_CRYPT_ROUNDS)
    polda = [f"PJSIP/{desk.extension}" for desk in settings.polda_desks]
    capacity = Capacity.of(settings.asterisk.rtp, len(settings.desk))
    return {
        "etc": state.asterisk / "etc",
        "db": state.asterisk / "db",
        "spool": state.asterisk / "spool",
        "run": state.run,
        "log": state.log,
        "most_files": most_files(),
        "most_calls": capacity.most_calls,
        "sip": settings.asterisk.sip,
        "http": settings.asterisk.http,
        "rtp": settings.asterisk.rtp,
        "trunks": settings.trunk,
        "gateways": gateways(settings),
        "nets": [radio.net for radio in settings.radio],
        "desks": settings.desk,
        "fallback": fallback_ringing(polda, capacity.most_ringing),
        "numbers": {desk.extension: f"PJSIP/{desk.extension}" for desk in settings.desk} | _polres_numbers(settings),
        "polres_numbers": _polres_numbers(settings),
        "answer_seconds": settings.transfer.answer_seconds,
        "emergency_numbers": settings.site.emergency_numbers,
        "secrets": secrets,
        "ari_hashes": {user: crypt(salt=user).hash(password) for user, password in secrets.ari.items()},
        "plan": number_plan(settings.site.region),
        "area_code": settings.site.area_code,
        "blocked": state.blocked,
        "read_bytes": READ_BYTES,
        "most_bytes": MOST_BYTES,
        "verifiers": max(1, len(settings.polda_desks) // VERIFIERS),
        "recordings": state.recordings,
        "unrecorded": state.calls_unrecorded,
        "unrecorded_seconds": BELIEVED_SECONDS,
        "sounds": state.sounds,
        "notes": state.notes,
        "witness": state.witness_file,
    }


def _polres_numbers(settings: Settings) -> dict[str, str]:
    """What is dialled for each Polres that has desks (``201``), with all its phones."""
    phones: dict[str, list[str]] = {}
    for desk in settings.desk:
        if desk.unit != POLDA:
            phones.setdefault(f"{POLRES_PREFIX}{desk.unit}", []).append(f"PJSIP/{desk.extension}")
    return {number: rung_at_once(these) for number, these in sorted(phones.items())}
