"""``siaga journal reconcile``: the journal held against what Asterisk itself wrote down of the calls."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from ari_app.domain.witness import SETTLED, Difference
from ari_app.store.witness import Place, Result, reconcile
from cli.errors import Refused
from cli.language import localised, tr
from cli.options import HERE, AsJson, State
from cli.output import counted, moment, print_json, print_line
from cli.place import settings_in_force, state_dir
from cli.times import FORMS, entered_time


def reconcile_(
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help=f"Only calls that began from then on ({FORMS})."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Only calls that began before then.")
    ] = None,
    settled: Annotated[
        int,
        typer.Option(
            "--settled", metavar="SECONDS", min=0, help="Leave out calls in which something happened so recently."
        ),
    ] = round(SETTLED.total_seconds()),
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Compare the journal with what Asterisk wrote down itself, and name every difference; exit code 1 if there is one.

    Calls that live are left out. Without --since and --until: all calls of which Asterisk's records are kept.
    """
    place = state_dir(state)
    settings = settings_in_force(place)
    zone = ZoneInfo(settings.site.timezone)
    found = reconcile(
        Place(place.journal, place.witness, place.asterisk_pid, zone, [desk.extension for desk in settings.desk]),
        datetime.now(UTC),
        since=entered_time("--since", since, zone),
        until=entered_time("--until", until, zone),
        settled=timedelta(seconds=settled),
    )
    if as_json:
        print_json(_as_json(found, zone))
    else:
        _print(found, zone)
    if found.report.differences:
        raise Refused(
            tr(
                "journal and Asterisk do not agree: {differences}",
                differences=counted(len(found.report.differences), "difference"),
            )
        )


def _as_json(found: Result, zone: ZoneInfo) -> dict[str, object]:
    report = asdict(found.report)
    return {"since": found.since.astimezone(zone), "until": found.until.astimezone(zone), **report}


def _print(found: Result, zone: ZoneInfo) -> None:
    report = found.report
    for each in report.differences:
        print_line(_line(each))
    words = tr(
        "{calls} compared, {living} living and {recent} recent ones left out, begun from {since} to {until}",
        calls=counted(report.calls, "call"),
        living=report.living,
        recent=report.recent,
        since=_shown(found.since, zone),
        until=_shown(found.until, zone),
    )
    print_line(words if report.differences else tr("journal and Asterisk agree: {words}", words=words))


def _line(each: Difference) -> str:
    return f"{moment(each.at.isoformat())} {each.call or '-'}: {localised(each.text)}"


def _shown(at: datetime, zone: ZoneInfo) -> str:
    return moment(at.astimezone(zone).isoformat()) or ""
