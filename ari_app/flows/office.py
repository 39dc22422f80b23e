"""The office: what supervisors can have done in the running application, each command with its arguments.

A group of commands is a mapping from their names to their handlers; the composition root puts the groups together.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from ari_app.domain.commands import CommandRefused, Handler
from ari_app.domain.facts import Json
from ari_app.domain.operators import PIN_HASH
from ari_app.flows.roster import Roster

Nrp = Annotated[str, StringConstraints(pattern=r"^[0-9]{4,18}$")]
Extension = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,8}$")]
PinHash = Annotated[str, StringConstraints(pattern=PIN_HASH)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class Arguments(BaseModel):
    """A command's arguments: an unknown one, and one of another type, is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


A = TypeVar("A", bound=Arguments)


def command(arguments: type[A], carry_out: Callable[[A, str], Awaitable[Json]]) -> Handler:
    """A handler that checks its arguments before ``carry_out`` gets them, with the actor."""

    async def handler(given: Mapping[str, Json], actor: str) -> Json:
        try:
            checked = arguments.model_validate(dict(given))
        except ValidationError as error:
            raise CommandRefused(_first(error)) from None
        return await carry_out(checked, actor)

    return handler


_REASONS: Final = {
    "extra_forbidden": "is not an argument of this command",
    "missing": "is missing",
    "string_type": "is not a text",
}
_ALLOWED: Final = {
    "nrp": "has 4 to 18 digits",
    "desk": "has 2 to 8 digits",
    "polres": "has two digits",
    "call": "is not the id of a call",
    "pin_hash": "is not the hash of a PIN",
}


def _first(error: ValidationError) -> str:
    """The first problem as one sentence; what was given is not repeated, it may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    reason = _REASONS.get(first["type"], first["msg"].removeprefix("Value error, "))
    key = ".".join(str(step) for step in first["loc"])
    if first["type"] == "string_pattern_mismatch":
        reason = _ALLOWED.get(key, reason)
    return f"{key} {reason}" if key else reason


# ---- operators -----------------------------------------------------------------------------------


class _New(Arguments):
    nrp: Nrp
    name: Line
    unit: Line = "polda"
    pin_hash: PinHash


class _Known(Arguments):
    nrp: Nrp


class _Pin(Arguments):
    nrp: Nrp
    pin_hash: PinHash


class _Login(Arguments):
    nrp: Nrp
    desk: Extension


class _Where(Arguments):
    """A desk, or the one at which an operator is logged in."""

    nrp: Nrp | None = None
    desk: Extension | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.nrp is None) == (self.desk is None):
            msg = "name either an operator (nrp) or a desk"
            raise ValueError(msg)
        return self


class _NotReady(_Where):
    reason: Literal["rest", "prayer", "meal", "briefing", "supervisor"] = "supervisor"


class _Operators:
    """Each answers with who and where it was about."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    async def add(self, given: _New, actor: str) -> Json:
        await self._roster.add(given.nrp, given.name, given.unit, given.pin_hash, actor)
        return {"nrp": given.nrp, "name": given.name, "unit": given.unit}

    async def remove(self, given: _Known, actor: str) -> Json:
        await self._roster.remove(given.nrp, actor)
        return {"nrp": given.nrp}

    async def pin(self, given: _Pin, actor: str) -> Json:
        await self._roster.set_pin(given.nrp, given.pin_hash, actor)
        return {"nrp": given.nrp}

    async def login(self, given: _Login, actor: str) -> Json:
        self._roster.login(given.nrp, given.desk, actor)
        return {"nrp": given.nrp, "desk": given.desk}

    async def logout(self, given: _Where, actor: str) -> Json:
        desk = self._desk(given)
        nrp = self._roster.operator_at(desk)
        self._roster.logout(desk, actor, "supervisor")
        return {"nrp": nrp, "desk": desk}

    async def ready(self, given: _Where, actor: str) -> Json:
        desk = self._desk(given)
        self._roster.ready(desk, actor)
        return {"nrp": self._roster.operator_at(desk), "desk": desk}

    async def not_ready(self, given: _NotReady, actor: str) -> Json:
        desk = self._desk(given)
        self._roster.not_ready(desk, given.reason, actor)
        return {"nrp": self._roster.operator_at(desk), "desk": desk, "reason": given.reason}

    def _desk(self, given: _Where) -> str:
        if given.nrp is None:
            return str(given.desk)
        desk = self._roster.desk_of(given.nrp)
        if desk is None:
            known = any(operator.nrp == given.nrp for operator in self._roster.operators())
            raise CommandRefused(
                f"operator {given.nrp} is not logged in" if known else f"there is no operator {given.nrp}"
            )
        return desk


def operator_commands(roster: Roster) -> dict[str, Handler]:
    """The commands ``operators.*`` on a roster."""
    of = _Operators(roster)
    return {
        "operators.add": command(_New, of.add),
        "operators.remove": command(_Known, of.remove),
        "operators.pin": command(_Pin, of.pin),
        "operators.login": command(_Login, of.login),
        "operators.logout": command(_Where, of.logout),
        "operators.ready": command(_Where, of.ready),
        "operators.not_ready": command(_NotReady, of.not_ready),
    }
