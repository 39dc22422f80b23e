"""Free ports, found by binding them."""

from __future__ import annotations

import random
import socket

_given: set[tuple[str, int]] = set()


def free_port(host: str, *, udp: bool = True, tcp: bool = False) -> int:
    """A port nobody listens on at ``host`` now, and that this process was not given before.

    Ports lie below the range the kernel hands out by itself, so that nobody's outgoing socket takes one in between.
    """
    kinds = [kind for wanted, kind in ((udp, socket.SOCK_DGRAM), (tcp, socket.SOCK_STREAM)) if wanted]
    for _ in range(500):
        port = random.randrange(15_000, 32_000)
        if (host, port) not in _given and all(_is_free(host, port, kind) for kind in kinds):
            _given.add((host, port))
            return port
    msg = f"no free port at {host}"
    raise OSError(msg)


def _is_free(host: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
