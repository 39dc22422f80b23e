"""Passwords between the parts: generated once, kept under the state directory."""

from __future__ import annotations

import json
import re
import secrets as random
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ari_app.site.state import StateDir, StateError, write_private
from ari_app.site.values import ONE_WORD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ari_app.site.settings import Settings

ARI_USERS: Final = ("siaga110", "guard")
"""One ARI user for each program: the application, and the guard of its callers."""

MQTT_USERS: Final = ("application", "supervisor", "wallboard")
_USABLE: Final = re.compile(ONE_WORD)
_LETTERS: Final = string.ascii_letters + string.digits
_LENGTH: Final = 43
"""Letters and digits of a generated secret: 256 bits."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Passwords by user; ``desks`` has every desk's, whether configured or generated."""

    ari: Mapping[str, str]
    mqtt: Mapping[str, str]
    desks: Mapping[str, str]


def load(state: StateDir, settings: Settings) -> Secrets:
    """The secrets as they are kept.

    Raises:
        StateError: there are none, or they cannot be read, or one is missing.
    """
    kept = _read(state)
    configured = {desk.extension: desk.secret for desk in settings.desk}
    ari, mqtt, desks = (_group(kept, name) for name in ("ari", "mqtt", "desks"))
    try:
        return Secrets(
            ari={user: ari[user] for user in ARI_USERS},
            mqtt={user: mqtt[user] for user in MQTT_USERS},
            desks={name: secret or desks[name] for name, secret in configured.items()},
        )
    except KeyError:
        raise StateError(f"{state.secrets} is not complete: the next start completes it") from None


def load_or_create(state: StateDir, settings: Settings) -> Secrets:
    """The secrets as they are kept; those that are missing are generated and kept.

    Raises:
        StateError: they cannot be read or written.
    """
    kept = _read(state) if state.secrets.exists() else {}
    wanted: dict[str, Iterable[str]] = {
        "ari": ARI_USERS,
        "mqtt": MQTT_USERS,
        "desks": [desk.extension for desk in settings.desk if desk.secret is None],
    }
    complete = dict(kept)
    for group, names in wanted.items():
        # A desk that left the configuration keeps its secret: it may come back.
        complete[group] = {name: generate() for name in names} | _group(kept, group)
    if complete != kept:
        write_private(state.secrets, json.dumps(complete, indent=1, sort_keys=True) + "\n")
    return load(state, settings)


def generate() -> str:
    """A new secret of 256 bits."""
    return "".join(random.choice(_LETTERS) for _ in range(_LENGTH))


def _group(kept: Mapping[str, Any], name: str) -> dict[str, str]:
    """Those of one group that can be used."""
    group = kept.get(name)
    items = group.items() if isinstance(group, dict) else ()
    return {user: text for user, text in items if isinstance(text, str) and _USABLE.fullmatch(text)}


def _read(state: StateDir) -> dict[str, Any]:
    try:
        kept = json.loads(state.secrets.read_text(encoding="utf-8"))
    except OSError as error:
        raise StateError(f"{state.secrets} cannot be read: {error.strerror}") from None
    except ValueError:
        raise StateError(f"{state.secrets} is damaged: move it away, then new secrets are made") from None
    if not isinstance(kept, dict):
        raise StateError(f"{state.secrets} is damaged: move it away, then new secrets are made")
    return kept
