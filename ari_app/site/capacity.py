"""How many callers Asterisk may take on, and how many telephones ring: as its open files and audio ports allow.

Without either it can neither ring a desk nor join or record anybody any more, so it takes fewer than it has room for.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Final

_MOST_FILES: Final = 65_536
_FILES_A_CALL: Final = 11
"""Of Asterisk, as measured: two telephones' sound, each one's timer and alerts, and the recording."""

_FILES_A_PHONE: Final = 5
"""Of those, one telephone's, while it rings for a caller."""

_FILES_BESIDE: Final = 256
"""For everything that is no call."""

_PORTS_A_LINE: Final = 2


def most_files() -> int:
    """What this machine allows: asked for more, Asterisk would be left with what a shell has."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return _MOST_FILES if allowed == resource.RLIM_INFINITY else min(_MOST_FILES, allowed)


def most_calls_by_files() -> int:
    """Callers at the same time for whom there are files; a fifth of these is left for what rings."""
    return max(1, (most_files() - _FILES_BESIDE) * 4 // (5 * _FILES_A_CALL))


@dataclass(frozen=True, slots=True)
class Capacity:
    """Of ``lines`` that have a port for their audio, beside the files; ``desks`` can talk."""

    lines: int
    desks: int

    @classmethod
    def of(cls, rtp: tuple[int, int], desks: int) -> Capacity:
        """With audio on the ports ``rtp`` (the first, the last)."""
        first, last = rtp
        return cls((last + 1 - first) // _PORTS_A_LINE, desks)

    @property
    def most_calls(self) -> int:
        """Callers at the same time; who comes on top is refused (503). A fifth of all is left for what rings."""
        lines = self.lines * 4 // 5
        by_lines = max(lines - self.desks, lines // 2)  # a talk has two, and no desk has two talks
        return max(1, min(most_calls_by_files(), by_lines))

    @property
    def most_ringing(self) -> int:
        """Telephones that may ring at the same time: those for which that fifth is enough."""
        return max(1, min((most_files() - _FILES_BESIDE) // (5 * _FILES_A_PHONE), self.lines // 5))
