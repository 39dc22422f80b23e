"""``python -m cli`` is the ``siaga`` command."""

from __future__ import annotations

import sys

from cli.main import main

sys.exit(main())
