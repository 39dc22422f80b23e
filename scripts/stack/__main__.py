"""``python -m scripts.stack``: see ``command``."""

from __future__ import annotations

import os
import signal
import sys


def main() -> int:
    """Run the command. Until it watches for signals itself, ending this process is all: quietly, with 0.

    Whom it has started by then, as espeak-ng, is killed with it (``family.WITH_US``).
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    from scripts.stack import command  # noqa: PLC0415 - takes half a second, in which Ctrl-C must work

    return command.main()


if __name__ == "__main__":
    sys.exit(main())
