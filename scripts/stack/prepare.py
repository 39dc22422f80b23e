"""Everything before the first process: is all well, and are all files written?"""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from ari_app.bus.broker import tls_trouble
from ari_app.site.render import asterisk_dirs, render
from ari_app.site.secrets import Secrets, load_or_create
from ari_app.site.settings import ConfigError, Settings, load_settings
from ari_app.site.state import StateDir, StateError, write_private
from ari_app.store.errors import DatabaseError, DatabaseNewer, StoreError
from ari_app.store.journal_file import JournalFile
from scripts.install.debian import OLDEST_ASTERISK, asterisk_version
from scripts.stack import StackError, broker, former, ports, sounds
from scripts.stack.family import WITH_US

REPO: Final = Path(__file__).parents[2]
DEPS: Final = Path(os.environ.get("SIAGA_DEPS", REPO / ".deps"))


_APPLICATION_ALONE: Final = frozenset({"queue", "transfer", "prompts", "block", "shift"})
"""The configuration's sections that Asterisk's and the broker's files do not depend on."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is ready to be started. ``lock`` is held for as long as the instance lives.

    ``warning`` is what somebody should look at although 110 can be served; empty: nothing. ``is_former``: the disk
    takes nothing, and these are the files of the start before.
    """

    settings: Settings
    config: Path
    state: StateDir
    secrets: Secrets
    broker_config: Path | None
    lock: TextIO
    warning: str
    is_former: bool = False


def default_config() -> Path:
    """``siaga.toml`` where we were started, else the shipped example."""
    own = Path("siaga.toml")
    return own if own.exists() else REPO / "siaga.example.toml"


def prepare(config: Path, root: Path) -> Prepared:
    """Check everything and write every file. Nothing in the state directory is changed unless all is well.

    On a disk that takes nothing, what the start before has written is enough.

    Raises:
        StackError: it cannot be started, and why.
    """
    os.umask(0o077)  # recordings and secrets are the owner's only
    try:
        settings = load_settings(config)
        _check_asterisk()
        state = StateDir(root)
        if not state.root.exists():  # a start that is refused leaves nothing behind
            ports.check(settings, config)
        _create(state)
        lock = _lock(state)
        try:
            return _under(lock, settings, config, state)
        except BaseException:
            lock.close()
            raise
    except (ConfigError, StateError, StoreError) as error:
        raise StackError(str(error)) from None
    except OSError as error:
        raise StackError(f"{error.filename or root}: {error.strerror}") from None


def _under(lock: TextIO, settings: Settings, config: Path, state: StateDir) -> Prepared:
    """With every file written anew; on a disk that takes nothing, on the files of the start before."""
    reason = former.refusal(state.root)
    if not reason:
        try:
            return _anew(settings, config, state, lock)
        except (StackError, StateError, StoreError, OSError):
            reason = former.refusal(state.root)  # somebody else may have filled it just now
            if not reason:
                raise
    return _on_former(settings, config, state, lock, reason)


def _create(state: StateDir) -> None:
    try:
        state.create()
    except (StateError, OSError):
        if not former.refusal(state.root):
            raise


def _anew(settings: Settings, config: Path, state: StateDir, lock: TextIO) -> Prepared:
    ports.check(settings, config)
    _check_journal(state)
    warning = _check_database(settings, state, config)
    return _write(settings, config, state, lock, warning)


def _on_former(settings: Settings, config: Path, state: StateDir, lock: TextIO, reason: str) -> Prepared:
    found = former.take_up(state, reason)
    ports.check(found.settings, state.config)
    changes = f", and without what has changed in {config} since" if found.settings != settings else ""
    warning = (
        f"nothing can be written in {state.root} ({reason}): it starts on the files of the start before{changes}; "
        "see to the disk, then start it again in a quiet hour"
    )
    return Prepared(found.settings, config, state, found.secrets, found.broker_config, lock, warning, is_former=True)


def _write(settings: Settings, config: Path, state: StateDir, lock: TextIO, warning: str) -> Prepared:
    write_private(state.config, _text_of(config))
    secrets = load_or_create(state, settings)
    state.replaced.unlink(missing_ok=True)  # who starts it wants it to serve
    modules_dir, data_dir = asterisk_dirs()
    render(settings, state, secrets, modules_dir=modules_dir, data_dir=data_dir)
    (state.sounds / "recorded").mkdir(exist_ok=True)
    unused = sounds.provide(state.sounds, program("espeak-ng"))
    # Not a reason to refuse: without its broker 110 is served all the same.
    certificates = tls_trouble(settings.mqtt)
    warning = "; ".join(filter(None, [warning, unused, certificates and f"{config}: {certificates}"]))
    listen = settings.mqtt.own_broker
    broker_config = broker.write(state, listen, secrets, program("mosquitto_passwd")) if listen else None
    return Prepared(settings, config, state, secrets, broker_config, lock, warning)


def _text_of(config: Path) -> str:
    """A configuration's text as it is copied: without the mark that some editors begin a file with."""
    return config.read_text(encoding="utf-8-sig")


def read_again(prepared: Prepared) -> None:
    """Put the configuration as it is now in force, for whatever is started from now on.

    Raises:
        StackError: it cannot be used, or Asterisk or the broker would have to be started anew; nothing is changed.
    """
    try:
        text = _text_of(prepared.config)
        fresh = load_settings(prepared.config)
    except (ConfigError, OSError, ValueError) as error:
        raise StackError(f"the configuration stays as it was: {error}") from None
    # With what Asterisk was started on, and not with the copy: whatever has become of that, it is put right here.
    changed = [
        name
        for name in type(fresh).model_fields
        if name not in _APPLICATION_ALONE and getattr(fresh, name) != getattr(prepared.settings, name)
    ]
    if changed:
        raise StackError(f"{prepared.config}: {changed[0]}: what has changed there needs a full start")
    try:
        write_private(prepared.state.config, text)
    except StateError as error:
        raise StackError(str(error)) from None


def program(name: str) -> Path:
    """The starter of an installed program.

    Raises:
        StackError: it is not installed.
    """
    path = DEPS / "bin" / name
    if not path.exists():
        raise StackError(f"{name} is not installed ({path} is missing): run scripts/setup")
    return path


def console(state: StateDir, order: str) -> list[str]:
    """The command by which the running Asterisk of a state directory is given an order of its command line.

    Raises:
        StackError: Asterisk is not installed.
    """
    return [str(program("asterisk")), "-C", str(state.asterisk / "etc" / "asterisk.conf"), "-rx", order]


def _check_asterisk() -> None:
    said = subprocess.run([*WITH_US, program("asterisk"), "-V"], capture_output=True, text=True, check=False)
    version = asterisk_version(said.stdout)
    if version is None:
        raise StackError(f"{program('asterisk')} does not start: {said.stderr.strip() or said.returncode}")
    if version < OLDEST_ASTERISK:
        raise StackError(f"{program('asterisk')} is {said.stdout.strip()}: 22.10 is needed, for StasisBroadcast")


def _lock(state: StateDir) -> TextIO:
    try:
        lock = state.lock.open("w")
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        lock = state.lock.open()  # for a lock that is enough
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StackError(f"the state directory {state.root} is in use by another scripts/run") from None
    return lock


def _check_journal(state: StateDir) -> None:
    """Open it as its writer does: what is wrong with it is said here, and not found out by a caller."""
    if not state.journal.exists():
        return
    if not state.journal.stat().st_size and any(state.recordings.iterdir()):
        raise StackError(
            f"{state.journal} is empty, and there are recordings: restore it, or move it away to begin anew"
        )
    JournalFile(state.journal).close()


def _check_database(settings: Settings, state: StateDir, config: Path) -> str:
    """Bring the tables' schema up; what is wrong with them, in one sentence, or nothing.

    They can be folded anew from the journal at any time, so no damage to them may keep 110 from being served.

    Raises:
        StackError: the configuration names no database.
        DatabaseNewer: they belong to a newer program.
    """
    # A quarter of a second to import.
    from ari_app.store.database import ensure_schema, open_engine  # noqa: PLC0415

    try:
        engine = open_engine(state.database_url(settings))
    except DatabaseError as error:
        raise StackError(f"{config}: database.url: {error}") from None
    try:
        ensure_schema(engine)
    except DatabaseNewer:
        raise
    except DatabaseError as error:
        if settings.database.url or former.refusal(state.root):  # not its own fault
            return f"{error}; calls are served, and the tables follow the journal when it can"
        aside = state.database.with_name(f"{state.database.name}.damaged-{time.time():.0f}")
        state.database.rename(aside)
        return f"{error}; it was moved to {aside.name} and is folded anew from the journal"
    finally:
        engine.dispose()
    return ""
