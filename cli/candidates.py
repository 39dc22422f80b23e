"""What a shell can complete a value to. Whatever cannot be read completes to nothing: a shell shows no errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import typer

from ari_app.site.state import StateDir, StateError
from ari_app.store.errors import StoreError
from cli.errors import Refused
from cli.language import word

if TYPE_CHECKING:
    from sqlalchemy import Engine

Candidates: TypeAlias = list[tuple[str, str]]
"""Values, and what a shell says of each."""

LATEST: Final = 30
"""So many calls or complaints are offered."""


def desks(context: typer.Context) -> Candidates:
    """The configured desks."""
    return [(str(each["extension"]), str(each.get("unit", "polda"))) for each in _configured(context, "desk")]


def nets(context: typer.Context) -> Candidates:
    """The configured radio nets."""
    return [(str(each["net"]), str(each.get("name", ""))) for each in _configured(context, "radio")]


def polres(context: typer.Context) -> Candidates:
    """The configured Polres."""
    return [(str(each["code"]), str(each.get("name", ""))) for each in _configured(context, "polres")]


def calls(context: typer.Context) -> Candidates:
    """The latest calls; numbers stay where they are."""
    from ari_app.store.call_filter import CallFilter  # noqa: PLC0415 - a desk needs no database
    from ari_app.store.queries import list_calls  # noqa: PLC0415

    latest = CallFilter(limit=LATEST)
    return _read(context, lambda engine: [(row.id, str(word(row.state))) for row in list_calls(engine, latest)])


def tickets(context: typer.Context) -> Candidates:
    """The latest complaints."""
    from ari_app.store.queries import list_complaints  # noqa: PLC0415

    return _read(
        context, lambda engine: [(row.ticket, str(word(row.status))) for row in list_complaints(engine, limit=LATEST)]
    )


def _state(context: typer.Context) -> StateDir:
    return StateDir(Path(context.params.get("state") or "var"))


def _configured(context: typer.Context, table: str) -> list[dict[str, Any]]:
    """Straight from the file: checking it would take longer than anybody waits for a Tab."""
    import tomllib  # noqa: PLC0415 - for a shell only

    try:
        found = tomllib.loads(_state(context).config.read_text(encoding="utf-8-sig")).get(table, [])
        return [each for each in found if isinstance(each, dict)]
    except (OSError, ValueError):
        return []


def _read(context: typer.Context, look: Callable[[Engine], Candidates]) -> Candidates:
    """From the tables as they are: the next listing brings them up with the journal."""
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from ari_app.store.database import open_engine  # noqa: PLC0415
    from cli.place import settings_in_force  # noqa: PLC0415

    state = _state(context)
    try:
        return look(open_engine(state.database_url(settings_in_force(state)), read_only=True))
    except (OSError, StateError, StoreError, Refused, SQLAlchemyError):
        return []
