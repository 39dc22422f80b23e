"""Is what we want to listen on free?"""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scripts.stack import StackError

if TYPE_CHECKING:
    from ari_app.site.settings import Settings
    from ari_app.site.values import Address

_REASONS: Final = {
    errno.EADDRINUSE: "is in use by another program",
    errno.EADDRNOTAVAIL: "is not an address of this machine",
    errno.EACCES: "may not be used by this user: ports below 1024 need root",
}


def check(settings: Settings, config: Path) -> None:
    """Make sure that everything can listen where the configuration says.

    Raises:
        StackError: something cannot; the text names the file, the key and the address.
    """
    sip, http, broker = settings.asterisk.sip, settings.asterisk.http, settings.mqtt.own_broker
    _try(config, "asterisk.sip", sip, socket.SOCK_DGRAM)
    _try(config, "asterisk.sip", sip, socket.SOCK_STREAM)
    _try(config, "asterisk.http", http, socket.SOCK_STREAM)
    if broker is not None:
        _try(config, "mqtt.listen", broker, socket.SOCK_STREAM)


def _try(config: Path, key: str, address: Address, kind: socket.SocketKind) -> None:
    protocol = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:  # else connections that have just ended count as in use
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
            if kind is socket.SOCK_STREAM:
                probe.listen()
        except OSError as error:
            reason = _REASONS.get(error.errno or 0) or (error.strerror or str(error)).lower()
            raise StackError(f"{config}: {key}: {address} ({protocol}) {reason}") from None
