"""``scripts.stack``, with more in the environment of the application alone: ``SIAGA_CHAOS_APPLICATION``, as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from scripts.stack import command
from scripts.stack.prepare import Prepared
from scripts.stack.stack import Stack

VARIABLE = "SIAGA_CHAOS_APPLICATION"


class _Stack(Stack):
    def __init__(self, prepared: Prepared, say: Callable[[str], None]) -> None:
        super().__init__(prepared, say)
        own = self.application._environment  # noqa: SLF001 - a launcher that is not for experiments has no use for it
        own.update(json.loads(os.environ.pop(VARIABLE)))


if __name__ == "__main__":
    setattr(command, "Stack", _Stack)  # noqa: B010 - the one place where it is made; mypy would not have it otherwise
    sys.exit(command.main())
