"""Asking for a complaint's fields one by one, at a terminal or through a pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from ari_app.domain.complaint_fields import FieldRules, cleaned
from ari_app.domain.complaints import CATEGORIES, NOT_APPLICABLE, VALIDITIES, ComplaintRefused, ComplaintRow
from ari_app.site.rules import field_rules
from cli.errors import Refused
from cli.language import localised, tr, word
from cli.output import plain, print_line

if TYPE_CHECKING:
    from ari_app.domain.facts import Json
    from ari_app.site.settings import Settings

ASKED: Final = ("name", "number", "place", "category", "description", "plate", "validity", "emergency", "polres")
"""In the order in which an operator asks (SOP VI); the status follows from what is done with the call."""

_HINTS: Final = {"category": ", ".join(CATEGORIES), "validity": ", ".join(VALIDITIES)}
"""What is typed is the same in every language."""

_YES_NO: Final = {"y": True, "yes": True, "ya": True, "n": False, "no": False, "tidak": False}


def ask_fields(row: ComplaintRow, settings: Settings) -> dict[str, Json]:
    """Ask for each field and return those that change. An empty line keeps a value.

    Raises:
        Refused: the input ended.
    """
    rules = field_rules(settings)
    print_line(
        tr(
            "{ticket}: Enter keeps a value, {none} says that there is nothing to enter.",
            ticket=row.ticket,
            none=NOT_APPLICABLE,
        )
    )
    changes: dict[str, Json] = {}
    for name in ASKED:
        before: Json = getattr(row, name)
        after = _ask(name, before, rules)
        if after != before:
            changes[name] = after
    return changes


def _ask(name: str, before: Json, rules: FieldRules) -> Json:
    """One field, asked until the answer can be kept."""
    shown = (tr("yes") if before else tr("no")) if isinstance(before, bool) else str(before or "")
    choices = tr("yes, no") if name == "emergency" else _HINTS.get(name)
    hint = f" ({choices})" if choices else ""
    while True:
        entered = _line(f"{word(name)}{hint} [{plain(shown)}]: ").strip()
        if not entered:
            return before
        try:
            return cleaned(name, _YES_NO.get(entered.lower(), entered) if name == "emergency" else entered, rules)
        except ComplaintRefused as refused:
            print_line(localised(str(refused)))


def _line(prompt: str) -> str:
    try:
        entered = input(prompt)
    except (EOFError, UnicodeDecodeError, RuntimeError):  # the last one: there is no standard input
        raise Refused(tr("the input ended: nothing was changed")) from None
    if not sys.stdin.isatty():
        print_line("")  # a terminal shows what is typed, and the end of its line
    return entered
