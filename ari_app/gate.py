"""A process that is started ahead of its time: it loads, and waits until its launcher lets it begin, and then serve.

What the one before it has told is complete when that has died: the next one begins to read it. It serves when the
guard has looked after the callers of the dead one.
"""

from __future__ import annotations

import os
import sys
from typing import Final

import anyio

VARIABLE: Final = "SIAGA_GATE"
"""Set in its environment: its standard input brings a line when it may begin, and another one when it may serve."""

_LINE: Final = b"\n"


def may_begin() -> bool:
    """Wait until we may; False: whoever could let us has ended, and we have nothing to do."""
    return VARIABLE not in os.environ or _is_let()


async def may_serve() -> None:
    """Wait for the same once we have begun. A launcher that says no more has nothing else to do before that."""
    if VARIABLE in os.environ:
        await anyio.wait_readable(sys.stdin)
        _is_let()


def _is_let() -> bool:
    # Not by Python's own buffer, which would keep the second line from whoever waits for the descriptor.
    return os.read(sys.stdin.fileno(), len(_LINE)) == _LINE
