"""``siaga doctor``: is everything healthy, as far as it can be seen from here?"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Final

import typer

from cli.checks import examine
from cli.errors import Refused
from cli.findings import FAILED, OK, WARNING, Finding
from cli.help import examples
from cli.language import in_english, tr, word
from cli.options import HERE, AsJson, State
from cli.output import counted, plain, print_json
from cli.place import state_dir

app = typer.Typer(add_completion=False)

_COLOURS: Final = {OK: "green", WARNING: "yellow", FAILED: "red"}


@app.command(epilog=examples("siaga doctor", "siaga doctor --json"))
def doctor(as_json: AsJson = False, state: State = HERE) -> None:
    """Look whether everything is healthy: one line for each check, with what to do; exit code 1 if one failed.

    State directory, configuration, journal, its reserve and its witness, clock, disk, recordings, sounds, PINs,
    certificates, database, Asterisk and its modules, application, guard, broker, publisher, tables, phones, radio
    gateways.
    """
    place = state_dir(state)
    if as_json:
        with in_english():
            findings = list(examine(place))
        print_json([asdict(finding) for finding in findings])
    else:
        findings = []
        for finding in examine(place):
            findings.append(finding)
            _print(finding)
    failed = sum(finding.result == FAILED for finding in findings)
    if failed:
        checks = counted(failed, "check")
        raise Refused(tr("{checks} of {all} failed", checks=checks, all=len(findings)))


def _print(finding: Finding) -> None:
    """One line, as soon as it is known."""
    result = typer.style(f"{word(finding.result):<8}", fg=_COLOURS[finding.result])
    typer.echo(f"{result}{finding.check:<14} {plain(finding.text)}")
    sys.stdout.flush()
