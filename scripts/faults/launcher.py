"""``scripts.stack`` for faults of the application alone.

Its environment gets more (``SIAGA_CHAOS_APPLICATION``, as JSON), and the guard that acts at its death reads a copy of
the configuration: what an experiment changes in the state directory is for the application.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from ari_app.site.state import StateDir
from scripts.stack import command
from scripts.stack.prepare import Prepared
from scripts.stack.stack import GUARD, Stack

VARIABLE = "SIAGA_CHAOS_APPLICATION"


class _Stack(Stack):
    def __init__(self, prepared: Prepared, say: Callable[[str], None]) -> None:
        super().__init__(prepared, say)
        own = self.application._environment  # noqa: SLF001 - a launcher that is not for experiments has no use for it
        own.update(json.loads(os.environ.pop(VARIABLE)))
        self.guard_command = [*GUARD, "--state", _copy_for_guard(prepared.state)]


def _copy_for_guard(state: StateDir) -> Path:
    copy = state.root / "guard-reads"
    copy.mkdir()
    shutil.copy(state.config, copy)
    for shared in (state.secrets, state.replaced.parent):
        (copy / shared.name).symlink_to(shared)
    return copy


if __name__ == "__main__":
    setattr(command, "Stack", _Stack)  # noqa: B010 - the one place where it is made; mypy would not have it otherwise
    sys.exit(command.main())
