"""Commands: what a supervisor has the running application do, whatever brings it there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from ari_app.domain.facts import Json

Handler: TypeAlias = Callable[[Mapping[str, Json], str], Awaitable[Json]]
"""Carries one command out: its arguments and its actor (``supervisor:NAME``) to its result.

It raises ``CommandRefused`` when the command cannot be carried out, and has then done nothing.
"""


class CommandRefused(Exception):
    """The command is not carried out; the text is one sentence for the person who gave it."""
