"""Libraries are loaded without what they load for their own sake: until a new application runs, callers wait for it."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_UNUSED: Final = "rich"
"""structlog makes its output for terminals with it; ours is JSON."""

_AUTHORITIES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Where TLS finds the certificate authorities of the machine. aiohttp reads them all when it is imported, and we speak
to Asterisk without TLS; the link to the broker reads its own, and later."""


@contextmanager
def lean() -> Iterator[None]:
    """Import within: without rich, without certificate authorities, and without looking for garbage. All is undone."""
    kept = {name: os.environ.get(name) for name in _AUTHORITIES}
    os.environ.update(dict.fromkeys(_AUTHORITIES, os.devnull))
    hidden = _UNUSED not in sys.modules
    if hidden:
        sys.modules[_UNUSED] = None  # type: ignore[assignment]  # Python's own way to say that there is none
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if hidden:
            del sys.modules[_UNUSED]
        for name, value in kept.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
