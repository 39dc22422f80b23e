"""``python -m scripts.stack``: see ``command``."""

from __future__ import annotations

import os
import signal
import sys


def main() -> int:
    """Run the command. Until it watches for signals itself there is only this process to end: quietly, with 0."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))
    from scripts.stack import command  # noqa: PLC0415 - takes half a second, in which Ctrl-C must work

    return command.main()


if __name__ == "__main__":
    sys.exit(main())
