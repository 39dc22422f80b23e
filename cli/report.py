"""``siaga report``: what a day, a shift or a month came to (SOP VII.h); on screen, as CSV, and on paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - an option has its name
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from ari_app.domain.periods import Period, ShiftHours, a_day, a_month, a_shift, last_begun
from ari_app.domain.report import Figure, Report
from ari_app.store.staff import staff
from cli.errors import Refused
from cli.files import whole_file
from cli.help import examples
from cli.language import in_english, tr
from cli.main import say
from cli.options import HERE, STANDARD, AsJson, State, new_group
from cli.options import path as as_path
from cli.output import plain, print_bytes, print_json, print_line
from cli.place import settings_in_force, state_dir, tables
from cli.report_screen import Names, as_csv, as_json_report, print_report
from cli.times import as_ms

if TYPE_CHECKING:
    from ari_app.site.settings import Settings
    from ari_app.site.state import StateDir

app = new_group("Reports: what a day, a shift or a month came to, on screen, as CSV or on paper.")

Csv = Annotated[
    Path | None,
    typer.Option("--csv", metavar="FILE", parser=as_path, help="Write every figure as CSV; -: to standard output."),
]
Pdf = Annotated[
    Path | None,
    typer.Option(
        "--pdf",
        metavar="FILE",
        parser=as_path,
        help="Write it on paper, in Indonesian, with charts; -: to standard output.",
    ),
]
Behind = Annotated[
    str | None, typer.Option("--calls", metavar="FIGURE", help="Print the ids of the calls behind a figure.")
]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to become of a report."""

    csv: Path | None
    pdf: Path | None
    behind: str | None
    as_json: bool


@app.command("day", epilog=examples("siaga report day", "siaga report day 2025-01-31 --calls abandoned"))
def day(  # noqa: PLR0913 - one parameter for each option
    date: Annotated[str | None, typer.Argument(metavar="[DATE]", help="As 2025-01-31; left out: today.")] = None,
    *,
    csv: Csv = None,
    pdf: Pdf = None,
    calls: Behind = None,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Report on a day at the site: the calls received from midnight to midnight."""

    def period(now: datetime, zone: ZoneInfo, _: list[ShiftHours]) -> Period:
        return a_day(_date(date) if date is not None else now.date(), zone)

    _carry_out(state, period, _Wanted(csv, pdf, calls, as_json))


@app.command("shift", epilog=examples("siaga report shift malam", "siaga report shift 2025-01-31 pagi"))
def shift(  # noqa: PLR0913 - one parameter for each option
    date: Annotated[
        str | None, typer.Argument(metavar="[DATE]", help="The day on which it began; left out: the last time.")
    ] = None,
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Left out: the last that began.")] = None,
    *,
    csv: Csv = None,
    pdf: Pdf = None,
    calls: Behind = None,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Report on a shift; one that goes over midnight belongs to the day on which it began."""

    def period(now: datetime, zone: ZoneInfo, shifts: list[ShiftHours]) -> Period:
        named = {each.name: each for each in shifts}
        if name is None and (date is None or date in named):
            return last_begun(now, [named[date]] if date is not None else shifts, zone)
        begins = _date(date or "")
        if name not in named:
            known = ", ".join(named)
            raise typer.BadParameter(tr("there are {names}", names=known), param_hint="NAME")
        return a_shift(begins, named[name], zone)

    _carry_out(state, period, _Wanted(csv, pdf, calls, as_json))


@app.command("month", epilog=examples("siaga report month", "siaga report month 2025-01 --pdf januari.pdf"))
def month(  # noqa: PLR0913 - one parameter for each option
    month_: Annotated[str | None, typer.Argument(metavar="[MONTH]", help="As 2025-01; left out: this month.")] = None,
    *,
    csv: Csv = None,
    pdf: Pdf = None,
    calls: Behind = None,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Report on a month."""

    def period(now: datetime, zone: ZoneInfo, _: list[ShiftHours]) -> Period:
        return a_month(_month(month_) if month_ is not None else now.date(), zone)

    _carry_out(state, period, _Wanted(csv, pdf, calls, as_json))


def _check(wanted: _Wanted) -> None:
    """Let nothing that is asked for be passed over in silence.

    Raises:
        typer.BadParameter: ids or JSON, which go to standard output, are wanted together with a file; or both files are
            wanted there.
    """
    if wanted.csv is None and wanted.pdf is None:
        return
    if wanted.behind is not None:
        raise typer.BadParameter(tr("it prints ids: give it without --csv and --pdf"), param_hint="--calls")
    if wanted.as_json:
        raise typer.BadParameter(tr("give it without --csv and --pdf"), param_hint="--json")
    if wanted.csv == wanted.pdf == STANDARD:
        raise typer.BadParameter(tr("--csv goes to standard output already"), param_hint="--pdf")


def _date(text: str) -> Date:
    try:
        return Date.fromisoformat(text)
    except ValueError:
        said = tr("'{text}' is not a date such as 2025-01-31", text=plain(text))
        raise typer.BadParameter(said, param_hint="DATE") from None


def _month(text: str) -> Date:
    """Its first day."""
    try:
        return Date.fromisoformat(f"{text}-01")
    except ValueError:
        said = tr("'{text}' is not a month such as 2025-01", text=plain(text))
        raise typer.BadParameter(said, param_hint="MONTH") from None


def _carry_out(state: Path, choose: Callable[[datetime, ZoneInfo, list[ShiftHours]], Period], wanted: _Wanted) -> None:
    from ari_app.store.report_rows import report_between  # noqa: PLC0415 - wrong usage needs no database

    place = state_dir(state)
    _check(wanted)
    settings = settings_in_force(place)
    zone = ZoneInfo(settings.site.timezone)
    now = datetime.now(zone)
    try:
        period = choose(now, zone, [each.hours for each in settings.shift])
    except OverflowError:
        raise typer.BadParameter(tr("it is beyond the calendar's end"), param_hint="DATE") from None
    if period.begins > now:
        raise Refused(tr("{day} has not begun yet", day=period.day))
    engine = tables(place, settings)
    if engine is None:
        raise Refused(tr("there is no journal yet: nobody has called"))
    report = report_between(engine, as_ms(period.begins), as_ms(period.ends), zone)
    until = now if period.runs(now) else None
    if wanted.behind is not None:
        _print_calls(report, wanted)
        return
    names = _names(place, settings)
    files = _files(report, period, until, names, wanted)
    printed = files.pop(STANDARD, None)
    for file, content in files.items():
        with whole_file(place, file) as raw:
            raw.write(content)
    written = tr("{files} written", files=", ".join(map(str, files)))
    if printed is not None:
        print_bytes(printed.rstrip())
        if files:
            say(written)
    elif files:
        print_line(written)
    elif wanted.as_json:
        with in_english():
            print_json(as_json_report(report, period, until, names))
    else:
        print_report(report, period, until, names)


def _files(report: Report, period: Period, until: datetime | None, names: Names, wanted: _Wanted) -> dict[Path, bytes]:
    """What is to be in which file, or on standard output."""
    files = {}
    if wanted.csv is not None:
        files[wanted.csv] = as_csv(report, period, until).encode()
    if wanted.pdf is not None:
        from cli.report_pdf import make_pdf  # noqa: PLC0415 - only who wants paper needs it

        files[wanted.pdf] = make_pdf(report, period, until, names)
    return files


def _print_calls(report: Report, wanted: _Wanted) -> None:
    figures = report.figures
    figure: Figure | None = figures.get(wanted.behind or "")
    if figure is None:
        known = [name for name in figures if not name.startswith(("day.", "hour.", "polres.", "operator.", "desk."))]
        others = "polres.CODE.NAME, operator.NRP.NAME, desk.EXT.NAME, day.DATE, hour.HH"
        raise Refused(
            tr(
                "there is no figure {name}: there are {names}, and {others}",
                name=plain(wanted.behind or "''"), names=", ".join(known), others=others,
            )
        )  # fmt: skip
    calls = list(dict.fromkeys(figure.calls))
    if wanted.as_json:
        print_json({"figure": figure.name, "value": figure.value, "unit": figure.unit, "calls": calls})
        return
    for call in calls:
        print_line(call)


def _names(place: StateDir, settings: Settings) -> Names:
    people = staff(place.journal).operators
    return Names(
        settings.site.name,
        {polres.code: polres.name for polres in settings.polres},
        {nrp: operator.name for nrp, operator in people.items()},
    )
