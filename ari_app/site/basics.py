"""What a command that must be quick needs of the configuration in force, without what checks all of it.

Whoever put it in force has checked it. Where something is not as it should be, ``settings.load_settings`` says what.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final, NamedTuple

TIMEZONE: Final = "Asia/Jakarta"
REGION: Final = "ID"


class Basics(NamedTuple):
    """Of ``[site]`` and ``[database]``; what is left out has its default."""

    timezone: str = TIMEZONE
    region: str = REGION
    area_code: str = ""
    database_url: str = ""


def read_basics(config: Path) -> Basics | None:
    """The basics in a file; None: it cannot be read, or is wrong."""
    try:
        content = tomllib.loads(config.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    site, database = _table(content, "site"), _table(content, "database")
    given: dict[str, Any] = {name: site[name] for name in ("timezone", "region", "area_code") if name in site}
    if "url" in database:
        given["database_url"] = database["url"]
    return Basics(**given) if all(isinstance(value, str) for value in given.values()) else None


def _table(content: dict[str, Any], name: str) -> dict[str, Any]:
    table = content.get(name, {})
    return table if isinstance(table, dict) else {}
