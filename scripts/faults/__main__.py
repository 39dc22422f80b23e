"""``python -m scripts.faults``: see ``command``."""

from __future__ import annotations

import sys

from scripts.faults.command import main

if __name__ == "__main__":
    sys.exit(main())
