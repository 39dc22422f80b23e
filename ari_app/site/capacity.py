"""How much Asterisk may take on with the files that this machine lets it open."""

from __future__ import annotations

import resource
from typing import Final

_MOST_FILES: Final = 65_536
_FILES_A_CALL: Final = 11
"""Of Asterisk, as measured: two telephones' sound, each one's timer and alerts, and the recording."""

_FILES_A_PHONE: Final = 5
"""Of those, one telephone's, while it rings for a caller."""

_FILES_BESIDE: Final = 256
"""For everything that is no call."""


def most_files() -> int:
    """What this machine allows: asked for more, Asterisk would be left with what a shell has."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return _MOST_FILES if allowed == resource.RLIM_INFINITY else min(_MOST_FILES, allowed)


def most_calls() -> int:
    """Callers at the same time; who comes on top is refused (503).

    Without files Asterisk could do nothing for anybody any more. A fifth is left for what rings.
    """
    return max(1, (most_files() - _FILES_BESIDE) * 4 // (5 * _FILES_A_CALL))


def most_ringing() -> int:
    """Telephones that may ring in the fallback at the same time: those for which that fifth is enough."""
    return max(1, (most_files() - _FILES_BESIDE) // (5 * _FILES_A_PHONE))
