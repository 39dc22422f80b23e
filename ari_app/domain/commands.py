"""Commands: what a supervisor has the running application do, whatever brings it there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Final, TypeAlias

from ari_app.domain.facts import Json

Handler: TypeAlias = Callable[[Mapping[str, Json], str], Awaitable[Json]]
"""Carries one command out: its arguments and its actor (``supervisor:NAME``) to its result.

It raises ``CommandRefused`` when the command cannot be carried out, and has then done nothing.
"""


order_id: Final[ContextVar[str]] = ContextVar("order_id", default="")
"""Of the order that is being carried out: given anew, it has the same one. Empty: it comes from no order."""


class CommandRefused(Exception):
    """The command is not carried out; the text is one sentence for the person who gave it."""
