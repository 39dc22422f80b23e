"""What is typed becomes a value without Typer's own validator, where it is what is wanted already.

That validator is pydantic's: loading it, and building one for each parameter, takes as long as listing a year's calls.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import typer

_DIGITS: Final = re.compile("[0-9]{1,9}")


def take_as_typed(parameter: Any) -> None:  # noqa: ANN401 - Typer's click has no public types
    """Let a parameter take its values as they are, or by its ``parser``; what it cannot is Typer's to judge."""
    described = getattr(parameter, "type_descriptor", None)
    if described is not None and not parameter.multiple and parameter.nargs == 1:
        light = _AsTyped(described.annotation, described.parameter_info, parameter.get_runtime_param)
        parameter.get_runtime_param = lambda: light


@dataclass(frozen=True, slots=True)
class _AsTyped:
    annotation: Any
    asked: Any
    """What was said of the parameter: its parser and its limits."""
    typers_own: Any

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - as above
        if value is None:
            return None
        if self.asked.parser is not None:
            try:
                return self.asked.parser(value)
            except ValueError as error:
                raise typer.BadParameter(str(error), ctx=ctx, param=param) from None
        if isinstance(self.annotation, type) and type(value) is self.annotation:
            return value
        if (
            self.annotation is int
            and isinstance(value, str)
            and _DIGITS.fullmatch(value)
            and self._is_within(int(value))
        ):
            return int(value)
        return self.typers_own().coerce(value, param=param, ctx=ctx)

    def _is_within(self, number: int) -> bool:
        least, most = self.asked.min, self.asked.max
        return (least is None or least <= number) and (most is None or number <= most)
