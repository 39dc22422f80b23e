"""What both processes on a state directory begin with: ``--state DIR``, the logs, and the configuration in force."""

from __future__ import annotations

import argparse
from pathlib import Path

from ari_app import logs
from ari_app.site.settings import Settings, load_settings
from ari_app.site.state import StateDir


def begin(program: str, description: str) -> tuple[StateDir, Settings]:
    """Read the command line and the configuration in the state directory that it names.

    Raises:
        StateError: the state directory is not there, or cannot be read.
        ConfigError: the configuration in it cannot be used.
    """
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument("--state", type=Path, required=True, help="state directory, made by scripts/run")
    state = StateDir(parser.parse_args().state)
    logs.set_up()
    state.check()
    return state, load_settings(state.config)
