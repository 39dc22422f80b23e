"""``siaga doctor``: is everything healthy, as far as it can be seen from here?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import typer

from cli.checks import FAILED, OK, WARNING, examine
from cli.errors import Refused
from cli.options import HERE, AsJson, State
from cli.output import counted, plain, print_json
from cli.place import state_dir

app = typer.Typer(add_completion=False)

_COLOURS: Final = {OK: "green", WARNING: "yellow", FAILED: "red"}


@app.command()
def doctor(as_json: AsJson = False, state: State = HERE) -> None:
    """Look whether everything is healthy: one line for each check; exit code 1 if one failed.

    State directory, configuration, journal and its reserve, clock, application, database, disk, Asterisk, broker.
    """
    findings = examine(state_dir(state))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            result = typer.style(f"{finding.result:<8}", fg=_COLOURS[finding.result])
            typer.echo(f"{result}{finding.check:<14} {plain(finding.text)}")
    failed = sum(finding.result == FAILED for finding in findings)
    if failed:
        raise Refused(f"{counted(failed, 'check')} of {len(findings)} failed")
