"""What the machine's own services read of a site: systemd's units and logrotate's file.

They are the templates of ``scripts/systemd/`` with the site's paths and user in.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ari_app.site.state import StateDir, StateError

if TYPE_CHECKING:
    from jinja2 import Environment

    from ari_app.site.settings import Settings

OF_LAUNCHER: Final = (
    "application.log", "asterisk.out", "guard.log", "mosquitto.log", "publisher.log", "tables.log",
)  # fmt: skip
"""The logs that scripts/run writes."""

OF_ASTERISK: Final = ("asterisk.log", "security.log")
"""Those that Asterisk writes (``asterisk_conf/logger.conf``)."""

_REPO: Final = Path(__file__).parents[2]
_SOURCES: Final = _REPO / "scripts" / "systemd"
_SAFE: Final = re.compile(r"[A-Za-z0-9_./+=@-]+")
_SAFE_USER: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_FIRST_FREE_PORT: Final = 1024
_LOCAL: Final = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1")


def render_units(settings: Settings, state: StateDir, folder: Path, *, config: Path | None, user: str) -> list[Path]:
    """Write the units into ``folder``; returns them.

    ``config`` is the file that each start reads, None: the copy in the state directory; ``user`` runs everything.

    Raises:
        StateError: a file cannot be written, or a path or the user has characters that systemd would take for its own.
    """
    deps = _deps()
    config = (config or state.config).absolute()
    python = Path(sys.executable)
    paths = (_REPO, deps, state.root, config, python)
    _check(paths, user)
    environment = _environment()
    sources = [path for path in _sources() if settings.mqtt.own_broker or "broker" not in path.name]
    values = _values(settings) | {
        "services": [path.name.removesuffix(".j2") for path in sources if ".service" in path.name],
        "repo": _REPO,
        "deps": deps,
        "python": python,
        "state": state.root,
        "config": config,
        "user": user,
        "in_home": any(str(path).startswith(("/home/", "/root/", "/run/user/")) for path in paths),
        "secret_files": [state.secrets, state.root / "pins.json"],
        # What a unit does not say otherwise:
        "capabilities": "",
        "writable": (),
        "hidden": (),
        "local_only": False,
        "more_calls_denied": " @resources",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(folder / path.stem, environment.get_template(path.name).render(values)) for path in sources]
    except OSError as error:
        raise StateError(f"{error.filename or folder} cannot be written: {error.strerror}") from None


def render_logrotate(state: StateDir, file: Path, *, user: str) -> None:
    """Write what has logrotate keep the logs short; ``user`` is who writes them.

    Raises:
        StateError: as ``render_units``.
    """
    deps = _deps()
    _check((deps, state.root), user)
    names = {"of_launcher": OF_LAUNCHER, "of_asterisk": OF_ASTERISK}
    values = {"log": state.log, "etc": state.asterisk / "etc", "deps": deps, "user": user}
    text = _environment().get_template("logrotate.j2").render(names | values)
    try:
        _write(file, text)
    except OSError as error:
        raise StateError(f"{file} cannot be written: {error.strerror}") from None


def _deps() -> Path:
    return Path(os.environ.get("SIAGA_DEPS", _REPO / ".deps")).absolute()


def _check(paths: tuple[Path, ...], user: str) -> None:
    for path in paths:
        if not _SAFE.fullmatch(str(path)):
            raise StateError(f"{path} has a blank or another character in its path that systemd's units cannot take")
    if not _SAFE_USER.fullmatch(user):
        raise StateError(f"{user!r} is not the name of a user")


def _environment() -> Environment:
    # A third of a second to import.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    return Environment(
        loader=FileSystemLoader(_SOURCES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - these are not HTML; what goes in is checked
    )


def _sources() -> list[Path]:
    return sorted(path for path in _SOURCES.glob("siaga*.j2"))


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return path


def _values(settings: Settings) -> dict[str, object]:
    broker = settings.mqtt.own_broker
    database = urlsplit(settings.database.url)
    ports = [settings.asterisk.sip.port, *([broker.port] if broker else [])]
    return {
        "site": settings.site.name,
        "net_bind": "CAP_NET_BIND_SERVICE" if min(ports) < _FIRST_FREE_PORT else "",
        "local_broker": _LOCAL.fullmatch(settings.mqtt.address.host) is not None,
        "local_database": not database.hostname or _LOCAL.fullmatch(database.hostname) is not None,
    }
