"""A roster of a small site, with PINs that cost nothing and a clock that stands still."""

from __future__ import annotations

from ari_app.domain.facts import Fact, Json
from ari_app.domain.operators import DeskPlace, PinNotKept, RosterState
from ari_app.flows.roster import Roster, Tried

DESKS = {
    "1001": DeskPlace(),
    "1002": DeskPlace(),
    "1003": DeskPlace(login=False),
    "2001": DeskPlace("01"),
}
UNITS = ("polda", "01", "02")
PEOPLE = {"11111": "polda", "22222": "polda", "33333": "01"}
ACTOR = "supervisor:budi"


class FakePins:
    """PINs as they are; ``full`` is a disk that takes nothing."""

    def __init__(self) -> None:
        self.pins: dict[str, str] = {}
        self.full = False
        self.asked: list[str] = []

    def verify(self, nrp: str, pin: str) -> bool:
        self.asked.append(nrp)
        return self.pins.get(nrp) == pin

    def keep(self, nrp: str, pin_hash: str) -> None:
        self._check()
        self.pins[nrp] = pin_hash

    def forget(self, nrp: str) -> None:
        self._check()
        self.pins.pop(nrp, None)

    def _check(self) -> None:
        if self.full:
            raise PinNotKept("pins.json cannot be written: No space left on device")


class Floor:
    """The roster with all that it told."""

    def __init__(
        self,
        state: RosterState | None = None,
        desks: dict[str, DeskPlace] | None = None,
        tried: dict[str, Tried] | None = None,
        *,
        is_read: bool = True,
    ) -> None:
        self.told: list[Fact] = []
        self.changed: list[str] = []
        self.pins = FakePins()
        self.now = 1000.0
        self.roster = Roster(
            DESKS if desks is None else desks,
            units=UNITS,
            tell=self.told.append,
            pins=self.pins,
            state=state or RosterState() if is_read else None,
            clock=lambda: self.now,
            tried=tried,
        )
        self.roster.on_change = self.changed.append

    async def people(self) -> Floor:
        """Take everybody up; what that told is put aside."""
        for nrp, unit in PEOPLE.items():
            await self.roster.add(nrp, f"Nama {nrp}", unit, f"pin{nrp}", ACTOR)
        self.told.clear()
        return self

    def news(self) -> list[tuple[str, str, dict[str, Json]]]:
        """Actor, action and data of what was told since the last time."""
        news = [(fact.actor, fact.action, dict(fact.data)) for fact in self.told]
        self.told.clear()
        return news
