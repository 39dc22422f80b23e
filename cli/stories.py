"""How one call or complaint is shown: its fields, and what was done, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ari_app.domain.facts import Record
from cli.output import pairs, print_line, print_table


def action(record: Record) -> dict[str, Any]:
    """A record as ``show --json`` has it."""
    return {name: getattr(record, name) for name in ("seq", "at", "actor", "action", "data")}


def print_fields(fields: Mapping[str, Any]) -> None:
    """One line for each field."""
    width = max(12, *map(len, fields))
    for name, value in fields.items():
        print_line(f"{name.replace('_', ' '):<{width}} {_shown(value)}")


def _shown(value: object) -> object:
    if isinstance(value, bool):  # and no number: 0 is equal to False
        return "yes" if value else "no"
    return "-" if value is None else value


def print_actions(records: Iterable[Record]) -> None:
    """The actions in order; the day is in the line where it begins."""
    rows: list[tuple[str, ...]] = []
    day = ""
    for each in records:
        time = each.at[11:23] if each.at[:10] == day or not day else f"{each.at[:10]} {each.at[11:23]}"
        day = each.at[:10]
        rows.append((str(each.seq), time, each.actor, each.action, pairs(each.data)))
    print_table((">Seq", "Time", "Actor", "Action", "Data"), rows, empty="Nothing was done.")
