"""What a look of ``siaga doctor`` comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from cli.language import tr

if TYPE_CHECKING:
    from ari_app.site.settings import Settings
    from ari_app.site.state import StateDir

OK, WARNING, FAILED = "ok", "warning", "failed"

Seen: TypeAlias = tuple[str, str]
"""One of the three, and what is so; what is wrong comes with what to do."""

Look: TypeAlias = "Callable[[StateDir, Settings], Seen]"
"""Looks at one thing. It may raise ``StateError``, ``StoreError``, ``OSError`` or SQLAlchemy's errors: it failed."""

SHOWN: Final = 5
"""So many of several are named."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: ``ok``, ``warning`` or ``failed``, and why."""

    check: str
    result: str
    text: str


def some(names: list[str]) -> str:
    """The first of several, and how many more there are."""
    return ", ".join(names[:SHOWN]) + (f", +{len(names) - SHOWN}" if len(names) > SHOWN else "")


def not_running(what: str) -> Seen:
    """A program of ours is not there, and what that means."""
    return FAILED, tr("it does not run: {what}; see scripts/run, or systemctl status 'siaga-*'", what=what)
