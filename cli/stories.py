"""How one call, complaint or recording is shown: its fields, and what was done, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ari_app.domain.facts import Record
from ari_app.domain.tapes import OPENED, TapeEvent
from cli.language import tr, word
from cli.output import minute, pairs, print_line, print_table


def action(record: Record) -> dict[str, Any]:
    """A record as ``show --json`` has it."""
    return {name: getattr(record, name) for name in ("seq", "at", "actor", "action", "data")}


VOCABULARY: Final = frozenset({"state", "kind", "outcome", "status", "validity", "reason"})
"""Fields whose values are words of the contract, as people read them in their language."""


def print_fields(fields: Mapping[str, Any]) -> None:
    """One line for each field."""
    names = [str(word(name)).replace("_", " ") for name in fields]
    width = max(12, *map(len, names))
    for name, (field, value) in zip(names, fields.items(), strict=True):
        print_line(f"{name:<{width}} {_shown(word(value) if field in VOCABULARY else value)}")


def _shown(value: object) -> object:
    if isinstance(value, bool):  # and no number: 0 is equal to False
        return tr("yes") if value else tr("no")
    return "-" if value is None else value


def print_actions(records: Iterable[Record]) -> None:
    """The actions in order; the day is in the line where it begins."""
    rows: list[tuple[str, ...]] = []
    day = ""
    for each in records:
        time = each.at[11:23] if each.at[:10] == day or not day else f"{each.at[:10]} {each.at[11:23]}"
        day = each.at[:10]
        rows.append((str(each.seq), time, each.actor, each.action, pairs(each.data)))
    print_table((">Seq", "Time", "Actor", "Action", "Data"), rows, empty=tr("Nothing was done."))


def openings(events: Iterable[TapeEvent]) -> list[dict[str, str]]:
    """Who was shown where a recording is, and when, oldest first."""
    return [{"at": each.at, "by": each.actor} for each in events if each.action == OPENED]


def heard_by(opened: Sequence[Mapping[str, str]]) -> str | None:
    """The last of them, and how many came before, as people read it."""
    if not opened:
        return None
    last = opened[-1]
    others = f" (+{len(opened) - 1})" if len(opened) > 1 else ""
    return f"{last['by'].removeprefix('supervisor:')} {minute(last['at'])}{others}"
