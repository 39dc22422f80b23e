"""So many INVITE or REGISTER a second: ``python -m scripts.faults.flood KIND HOST PORT SOURCE RATE SECONDS``.

They come from the address SOURCE. A process of its own, so that it costs the phones of an experiment nothing. Prints
how many it has sent.
"""

from __future__ import annotations

import socket
import sys
import time
from typing import Final

from scripts.faults.torture import Torture

_STEP_SECONDS: Final = 0.01


def main() -> int:
    """Send them, evenly."""
    kind, host, port, source, rate, seconds = sys.argv[1:]
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((source, 0))
        phone.setblocking(False)
        target = Torture(int(port), source, phone.getsockname()[1])
        begun = time.monotonic()
        while (passed := time.monotonic() - begun) < float(seconds):
            while sent < passed * float(rate):
                phone.sendto(target.request(kind, f"flood{sent}"), (host, int(port)))
                sent += 1
            time.sleep(_STEP_SECONDS)
    print(sent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
