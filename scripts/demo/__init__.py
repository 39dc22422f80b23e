"""``scripts/run --demo``: phones play SOP V, VII.d, VII.f and VIII, the terminal shows each step as it happens."""

from __future__ import annotations

from scripts.demo.play import play

__all__ = ["play"]
