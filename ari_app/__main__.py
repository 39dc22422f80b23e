"""``python -m ari_app --state DIR``: see ``program``."""

from __future__ import annotations

import sys

from ari_app.lean import lean

with lean():
    from ari_app.program import main

if __name__ == "__main__":
    sys.exit(main())
