"""``python -m scripts.stack.speak FILE``: speaks the text on standard input, as callers hear sentences, into FILE.

The application runs it for what is said on a radio net (``SIAGA_SPEAK``), in a process of its own: it computes.
"""

from __future__ import annotations

import sys
import wave
from pathlib import Path

from scripts.stack import StackError
from scripts.stack.prepare import program
from scripts.stack.sounds import RATE, spoken


def main() -> int:
    """Speak; the exit code."""
    target = Path(sys.argv[1])
    try:
        samples = spoken(program("espeak-ng"), sys.stdin.read(), target.with_suffix(".spoken"))
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    with wave.open(str(target), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
