"""``scripts/chaos``: real calls in every state, one fault at a time, and a judge that believes only the phones."""

from __future__ import annotations
