"""``[[shift]]``: the shifts that ``siaga report shift`` knows."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Final, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ari_app.domain.periods import ShiftHours
from ari_app.site.values import Name

_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


def _time_of_day(value: object) -> time:
    if isinstance(value, time):  # TOML has times of its own
        return value
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        msg = f"{value!r} is not a time of day such as 07:00"
        raise ValueError(msg)
    return time.fromisoformat(value)


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]


class Shift(BaseModel):
    """``[[shift]]``: ``to`` is on the next day where it is not later than ``from``."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Name
    begins: TimeOfDay = Field(alias="from")
    ends: TimeOfDay = Field(alias="to")

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        if self.begins == self.ends:
            msg = "to: a shift ends at another time than it begins"
            raise ValueError(msg)
        return self

    @property
    def hours(self) -> ShiftHours:
        """As the reports have it."""
        return ShiftHours(self.name, self.begins, self.ends)


def _usual(name: str, begins: int, ends: int) -> Shift:
    return Shift.model_validate({"name": name, "from": time(begins), "to": time(ends)})


USUAL: Final = (_usual("pagi", 7, 14), _usual("siang", 14, 21), _usual("malam", 21, 7))
"""Those of a site that says nothing."""
