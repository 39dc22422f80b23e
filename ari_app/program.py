"""The program ``python -m ari_app --state DIR``: the application on a state directory's configuration and secrets.

Exit code 0 after SIGTERM or SIGINT; 1 with one line on standard error when it cannot run; 3 when another program has
taken its place.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

import structlog

from ari_app import app, gate, running
from ari_app.ari.errors import AriError, AriReplaced
from ari_app.site import secrets as site_secrets
from ari_app.site.settings import ConfigError
from ari_app.site.state import StateError
from ari_app.standby import REPLACED
from ari_app.state_option import begin
from ari_app.store.errors import StoreError
from ari_app.store.journal import Journal

SWITCH_SECONDS: Final = 0.0005
"""How long the journal's thread may keep a caller's event waiting; Python's own 5 ms can be felt."""

RARELY: Final = (20_000, 20, 50)
"""How often Python looks for garbage that refers to itself, of which a call makes next to none."""

log = structlog.get_logger(__name__)


def main() -> int:
    """Run the application; the exit code."""
    if not gate.may_begin():
        return 1
    try:
        state, settings = begin("ari_app", "The call control of Siaga 110.")
        secrets = site_secrets.load(state, settings)
        journal = Journal.open(state.journal, timezone=settings.site.timezone)
    except (ConfigError, StateError, StoreError) as error:
        print(f"siaga110: {error}", file=sys.stderr)
        return 1
    try:
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.freeze()  # what is there by now stays: looking through it for garbage would only stop the calls
        gc.set_threshold(*RARELY)
        running.run(app.run(settings, state, secrets, journal))
    except BaseExceptionGroup as group:
        known, unknown = group.split(AriError)
        log.error("app.failed", reasons=[str(error) for error in known.exceptions] if known else [])
        if unknown is not None:
            log.exception("app.broken", exc_info=unknown)
        return REPLACED if group.subgroup(AriReplaced) is not None else 1
    finally:
        journal.close()
    return 0
