"""A report on the screen, as CSV, and as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ari_app.domain.periods import Period
from ari_app.domain.report import Figure, Line, Report
from cli.language import tr
from cli.output import moment, print_line, print_table


@dataclass(frozen=True, slots=True)
class Names:
    """How the site, its Polres (by code) and its operators (by NRP) are called."""

    site: str
    polres: Mapping[str, str]
    operators: Mapping[str, str]

    def of(self, key: str) -> str:
        """Of a line's key: ``01``, ``operator.NRP`` or ``desk.EXT``."""
        kind, _, id_ = key.rpartition(".")
        if not kind:
            return self.polres.get(key, f"Polres {key}")
        return self.operators.get(id_, id_) if kind == "operator" else f"{tr('desk')} {id_}"


def _labels() -> dict[str, str]:
    return {
        "offered": tr("Calls received"),
        "answered": tr("answered"),
        "answered_10": tr("within 10 s"),
        "answered_15": tr("within 15 s"),
        "answered_20": tr("within 20 s"),
        "fallback": tr("without the application"),
        "wait_mean": tr("Time to the answer, mean"),
        "wait_longest_tenth": tr("mean of the longest tenth"),
        "abandoned": tr("Hung up before the answer"),
        "turned_away": tr("Blocked callers asked to call later"),
        "lost": tr("Lost before the answer"),
        "waiting": tr("Waiting now"),
        "valid": tr("Classified valid"),
        "not_valid": tr("not valid"),
        "prank": tr("prank"),
        "not_classified": tr("not classified"),
        "transfers": tr("Transfers to a Polres"),
        "transfers_answered": tr("answered"),
        "transfers_taken_back": tr("taken back"),
        "transfers_other": tr("otherwise"),
        "transfer_mean": tr("until the Polres answered, mean"),
        "emergencies": tr("Emergencies"),
        "emergencies_told": tr("told by radio or to a Polres"),
        "emergencies_not_told": tr("told to nobody"),
        "emergency_mean": tr("from the mark until told, mean"),
        "emergency_longest": tr("the longest"),
        "prank_marks": tr("Calls with a prank mark"),
        "blocked_calls": tr("Calls from blocked numbers"),
        "numbers_blocked": tr("Numbers blocked"),
        "numbers_blocked_by_pranks": tr("by prank marks"),
        "numbers_unblocked": tr("Numbers unblocked"),
    }


_PARTS: Final = {
    "answered": "offered", "answered_10": "answered", "answered_15": "answered", "answered_20": "answered",
    "fallback": "answered", "abandoned": "offered", "turned_away": "offered", "lost": "offered", "waiting": "offered",
    "valid": "answered", "not_valid": "answered", "prank": "answered", "not_classified": "answered",
    "transfers_answered": "transfers", "transfers_taken_back": "transfers", "transfers_other": "transfers",
    "emergencies_told": "emergencies", "emergencies_not_told": "emergencies",
}  # fmt: skip
"""Figures that are a share of another one."""


def print_report(report: Report, period: Period, until: datetime | None, names: Names) -> None:
    """Print it."""
    print_line(f"{names.site}: {title(period, until)}")
    print_line("")
    labels = _labels()
    print_table(
        ("Figure", ">Value", ">Share", "Name"),
        [(_label(name, labels), shown(figure), share(figure, report), name) for name, figure in report.summary.items()],
        empty="",
    )
    print_line("")
    print_table(
        ("Polres", "Name", ">Transfers", ">Answered", ">Taken back", ">Other", ">Seconds"),
        [
            (line.key, names.of(line.key), *_cells(line, "transfers", "transfers_answered", "transfers_taken_back",
                                                   "transfers_other", "transfer_mean"))
            for line in report.polres
        ],
        empty=tr("Nothing was transferred to a Polres."),
    )  # fmt: skip
    print_line("")
    print_table(
        ("Operator", "Name", ">Answered", ">In 10 s", ">Mean", ">Longest", ">Valid", ">Not valid", ">Prank"),
        [
            (line.key.partition(".")[2], names.of(line.key), *_cells(line, "answered", "answered_10", "wait_mean",
                                                 "wait_longest_tenth", "valid", "not_valid", "prank"))
            for line in report.operators
        ],
        empty=tr("Nobody has answered a call."),
    )  # fmt: skip


def title(period: Period, until: datetime | None) -> str:
    """``shift malam of 2025-01-31, 21:00 to 07:00``; of one that is not over, until when it is."""
    span = f"{moment(period.begins.isoformat())} - {moment(period.ends.isoformat())}"
    what = {
        "day": lambda: tr("day {day}", day=period.day),
        "month": lambda: tr("month {month}", month=f"{period.day:%Y-%m}"),
        "shift": lambda: tr("shift {name} of {day}", name=period.shift, day=period.day),
    }[period.kind]()
    return f"{what} ({tr('until {time}', time=f'{until:%H:%M}')})" if until is not None else f"{what} ({span})"


def _label(name: str, labels: Mapping[str, str]) -> str:
    is_part = labels[name][:1].islower()
    return f"  {labels[name]}" if is_part else labels[name]


def shown(figure: Figure) -> str | None:
    """A figure's value as people read it."""
    if figure.value is None:
        return None
    return f"{figure.value:.1f} s" if figure.unit == "seconds" else f"{figure.value:.0f}"


def share(figure: Figure, report: Report) -> str | None:
    """What share of another one a figure is, in percent; None: of none."""
    whole = report.summary.get(_PARTS.get(figure.name, ""))
    if whole is None or not whole.value or figure.value is None:
        return None
    return f"{100 * figure.value / whole.value:.1f}%"


def _cells(line: Line, *names: str) -> list[str | None]:
    return [shown(line.figures[name]) for name in names]


def as_csv(report: Report, period: Period, until: datetime | None) -> str:
    """Of which time it is, then every figure: its name, value and unit."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("figure", "value", "unit"))
    writer.writerows((f"period.{name}", at, "time") for name, at in _times(period, until).items())
    for figure in report.figures.values():
        value = "" if figure.value is None else f"{figure.value:g}" if figure.unit == "seconds" else int(figure.value)
        writer.writerow((figure.name, value, figure.unit))
    return text.getvalue()


def as_json_report(report: Report, period: Period, until: datetime | None, names: Names) -> dict[str, Any]:
    """The whole report, without the calls behind each figure."""
    return {
        "site": names.site,
        "period": {
            "kind": period.kind, "day": period.day, "shift": period.shift, **_times(period, until),
        },
        "summary": _values(report.summary),
        "polres": [{"code": line.key, "name": names.of(line.key), **_values(line.figures)} for line in report.polres],
        "operators": [
            {"key": line.key, "name": names.of(line.key), **_values(line.figures)} for line in report.operators
        ],
        "hours": [figure.value for figure in report.hours],
        "days": {figure.name.removeprefix("day."): figure.value for figure in report.days},
        "answer_times": {figure.name.removeprefix("answer_time."): figure.value for figure in report.answer_times},
    }  # fmt: skip


def _times(period: Period, until: datetime | None) -> dict[str, str | None]:
    """ISO 8601 with the site's UTC offset; ``until`` is None when the period is over."""
    return {
        "begins": period.begins.isoformat(),
        "ends": period.ends.isoformat(),
        "until": until.isoformat(timespec="seconds") if until is not None else None,
    }


def _values(figures: Mapping[str, Figure]) -> dict[str, float | int | None]:
    return {
        name: figure.value if figure.unit == "seconds" or figure.value is None else int(figure.value)
        for name, figure in figures.items()
    }
