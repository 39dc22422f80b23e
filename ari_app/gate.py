"""A process that is started ahead of its time: it loads, and waits until its launcher lets it begin."""

from __future__ import annotations

import os
import sys
from typing import Final

VARIABLE: Final = "SIAGA_GATE"
"""Set in its environment: it begins when a line comes on its standard input."""


def may_begin() -> bool:
    """Wait until we may; False: whoever could let us has ended, and we have nothing to do."""
    return VARIABLE not in os.environ or bool(sys.stdin.buffer.readline())
