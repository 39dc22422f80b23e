"""What a person enters for a complaint's fields (SOP V.3, VI "Verifikasi"): cleaned, or refused with a sentence."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from ari_app.domain.complaints import (
    CATEGORIES,
    EDITABLE,
    NOT_APPLICABLE,
    STATUSES,
    VALIDITIES,
    ComplaintRefused,
    ComplaintRow,
)
from ari_app.domain.facts import Json
from ari_app.domain.numbers import e164
from ari_app.domain.one_line import one_line

LONGEST: Final = {"name": 80, "number": 24, "place": 200, "description": 2000, "plate": 20}
"""Characters that a text may have."""

LONGEST_REASON: Final = 200

_CHOICES: Final = {"category": CATEGORIES, "validity": VALIDITIES, "status": STATUSES[:-1]}


@dataclass(frozen=True, slots=True)
class FieldRules:
    """What depends on the site: whose national and local numbers there are, and the codes of its Polres."""

    region: str
    polres: Collection[str]
    area_code: str = ""


def cleaned(name: str, value: Json, rules: FieldRules) -> Json:
    """A field's value as it is kept; an empty text empties the field: None.

    Numbers become E.164, plates upper case; ``-`` says that there is nothing to enter.

    Raises:
        ComplaintRefused: there is no such field, or it cannot have this value.
    """
    if name not in EDITABLE:
        raise ComplaintRefused(f"a complaint has no field {_shown(name)}: there are {', '.join(EDITABLE)}")
    if name == "emergency":
        if not isinstance(value, bool):
            raise ComplaintRefused("emergency is either true or false")
        return value
    if value is not None and not isinstance(value, str):
        raise ComplaintRefused(f"{name} is not a text")
    entered = " ".join((value or "").split())
    if not entered:
        if name == "status":
            raise ComplaintRefused(f"a status is one of {', '.join(STATUSES[:-1])}")
        return None
    if name in _CHOICES:
        return _chosen(name, entered)
    if name == "polres":
        return _polres(entered, rules)
    return _text(name, entered, rules)


def _chosen(name: str, entered: str) -> str:
    wanted = entered.lower()
    if name == "status" and wanted == "closed":
        raise ComplaintRefused("a complaint is closed by `siaga complaints close`, not by its status")
    if wanted not in _CHOICES[name]:
        raise ComplaintRefused(f"{name} {_shown(entered)} is unknown: there are {', '.join(_CHOICES[name])}")
    return wanted


def _polres(entered: str, rules: FieldRules) -> str:
    if entered not in rules.polres:
        raise ComplaintRefused(f"there is no Polres {_shown(entered)}")
    return entered


def _text(name: str, entered: str, rules: FieldRules) -> str:
    if not entered.isprintable():
        raise ComplaintRefused(f"{name} has characters that cannot be shown")
    if len(entered) > LONGEST[name]:
        raise ComplaintRefused(f"{name} is longer than {LONGEST[name]} characters")
    if entered == NOT_APPLICABLE:
        return entered
    if name == "plate":
        return entered.upper()
    if name != "number":
        return entered
    number = e164(entered, rules.region, rules.area_code)
    if number is None:
        raise ComplaintRefused("number has no digit, or too few: enter - when there is none")
    return number


def changes_to(row: ComplaintRow, fields: Mapping[str, Json], rules: FieldRules) -> dict[str, Json]:
    """What these fields, as a person entered them, change in a complaint; nothing of it when one is refused.

    Raises:
        ComplaintRefused: the complaint is closed, or a field is refused.
    """
    if row.status == "closed":
        raise ComplaintRefused(f"complaint {row.ticket} is closed: reopen it first")
    if not fields:
        raise ComplaintRefused(f"nothing is to be changed: there are {', '.join(EDITABLE)}")
    entered = {name: cleaned(name, value, rules) for name, value in fields.items()}
    changes = {name: value for name, value in entered.items() if value != getattr(row, name)}
    status, polres = changes.get("status", row.status), changes.get("polres", row.polres)
    if status in {"forwarded", "handling"} and polres is None:
        raise ComplaintRefused(f"complaint {row.ticket} is for no Polres yet: say which")
    return changes


def reason_text(value: str | None) -> str | None:
    """Why a complaint is closed or opened again, as one line; None: nobody said.

    Raises:
        ComplaintRefused: it is too long, or cannot be shown.
    """
    reason = one_line(value, LONGEST_REASON)
    if reason is None:
        raise ComplaintRefused(f"the reason must be printable and have at most {LONGEST_REASON} characters")
    return reason or None


def _shown(entered: str) -> str:
    """What was entered, harmless and short enough for one line."""
    return ascii(entered[:40])
