"""The times of day, as one greets (SOP VI "Salam Pembuka")."""

from __future__ import annotations

from datetime import datetime
from typing import Final

_BEGINS: Final = ((4, "pagi"), (11, "siang"), (15, "sore"), (18, "malam"))


def time_of_day(moment: datetime) -> str:
    """``pagi`` from 4 to 11, ``siang`` to 15, ``sore`` to 18, ``malam``; ``moment`` is in the site's time zone."""
    return next((name for hour, name in reversed(_BEGINS) if moment.hour >= hour), "malam")


def greeting(moment: datetime) -> str:
    """The key of the sentence with which the caller is greeted."""
    return f"salam-pembuka-{time_of_day(moment)}"
