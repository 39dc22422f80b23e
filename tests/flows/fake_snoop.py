"""Channels of the fake Asterisk that hear a leg, and may be heard there (res_stasis_snoop)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ari_app.ari.errors import AriNotFound
from tests.flows.equipment import Leg

SNOOP = "snoop"
NORMAL = 16


class FakeSnoop:
    """Mixed into ``FakeAsterisk``."""

    legs: dict[str, Leg]
    open_bridges: dict[str, set[str]]
    _order: Callable[..., Any]
    _check_new: Callable[[str], None]
    _enter: Callable[..., None]
    _later: Callable[..., None]
    _make: Callable[..., Leg]
    _destroy: Callable[[Leg, int], None]
    hears: Callable[[str], set[str]]

    def __init__(self) -> None:
        self.spies: dict[str, tuple[str, bool]] = {}
        """By snoop: the leg that it hears, and whether it is heard there."""
        self.snoops_live = True
        """Otherwise they are gone before they are ours."""
        self.snoops_last: float | None = None
        """After so many seconds they end of themselves; None: they do not."""

    async def snoop(self, leg: str, snoop: str, *, whispers: bool) -> None:
        await self._order("snoop", lambda: self._snoop(leg, snoop, whispers))

    def _snoop(self, leg: str, snoop: str, whispers: bool) -> None:  # noqa: FBT001 - as it is ordered
        self._check_new(snoop)
        if leg not in self.legs:
            raise AriNotFound(404, "Channel not found")
        made = self._make(Leg(snoop, f"Snoop/{leg}-00000000", "Stasis", "Up", desk=SNOOP))
        self.spies[snoop] = (leg, whispers)
        if self.snoops_live:
            self._later(made, 0.001, lambda: self._enter(made, "leg"))
            if self.snoops_last is not None:
                self._later(made, self.snoops_last, lambda: self._destroy(made, NORMAL))
        else:
            self._later(made, 0.1, lambda: self._destroy(made, NORMAL))

    def overhears(self, id_: str) -> set[str]:
        """What a leg hears, through snoops as well: other legs, and sounds that are played to them alone."""
        heard: set[str] = set()
        for each in self.hears(id_):
            spied = self.spies.get(each)
            heard |= {each} if spied is None else {spied[0], *self.hears(spied[0])}
        for snoop, (leg, whispers) in self.spies.items():
            if leg == id_ and whispers and snoop in self.legs:
                heard |= self.hears(snoop)
        return heard - {id_}
