"""``siaga conf render --systemd`` and ``--logrotate``: what the machine's own services read of a site."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from ari_app.site.settings import Settings
from ari_app.site.state import StateDir
from ari_app.site.units import render_logrotate, render_units
from cli.errors import Refused
from cli.files import spare_own_files
from cli.language import tr
from cli.output import counted, print_line


def write_units(settings: Settings, state: StateDir, folder: Path, *, config: Path | None, user: str) -> None:
    """Write the units and have them checked.

    Raises:
        StateError: they cannot be written.
        Refused: systemd does not take one of them, or they would be among the state directory's own files.
    """
    spare_own_files(state, folder)
    written = render_units(settings, state, folder, config=config, user=user)
    print_line(tr("{units} in {folder}", units=counted(len(written), "unit"), folder=folder))
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        print_line(tr("not checked: there is no systemd-analyze on this machine"))
        return
    command = [analyze, "verify", *(str(path) for path in written)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - arguments of our own
    ours = [line for line in done.stderr.splitlines() if "siaga" in line]
    if done.returncode or ours:
        raise Refused((ours or done.stderr.splitlines() or [f"systemd-analyze: status {done.returncode}"])[0])
    print_line(tr("systemd-analyze verify: no complaint"))


def write_logrotate(state: StateDir, file: Path, *, user: str) -> None:
    """Write logrotate's file.

    Raises:
        StateError: it cannot be written.
        Refused: it would be among the state directory's own files.
    """
    spare_own_files(state, file)
    render_logrotate(state, file, user=user)
    print_line(tr("{file} has logrotate keep the logs short", file=file))
