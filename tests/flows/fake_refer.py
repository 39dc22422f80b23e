"""The transfer key of the fake Asterisk's phones (REFER): who takes the place of the phone that leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ari_app.ari.model import BridgeAttendedTransfer, BridgeBlindTransfer, LegEvent, StasisStart
from tests.flows.equipment import Leg

if TYPE_CHECKING:
    from ari_app.ari.model import Channel

STAND_IN = "stand-in"
NORMAL = 16


class FakeRefer:
    """Mixed into ``FakeAsterisk``."""

    legs: dict[str, Leg]
    open_bridges: dict[str, set[str]]
    mixing: set[str]
    _calls: int
    _talking_at: Callable[[str], Leg | None]
    _out_of_bridge: Callable[[Leg], None]
    _destroy: Callable[[Leg, int], None]
    _channel: Callable[[Leg], Channel]
    _tell: Callable[..., None]
    _send: Callable[..., None]
    _later: Callable[..., None]

    def refer(self, extension: str, exten: str = "201", *, late: float | None = None, result: str = "Success") -> None:
        """The operator presses the phone's own transfer key; a stand-in takes its place in the bridge.

        ``late``: the leg's end is told first, and the transfer so much later: Asterisk tells the two by different ways.
        With another ``result`` nothing comes of it, and the phone stays.
        """
        leg = self._talking_at(extension)
        if leg is None or leg.bridge is None or len(self.open_bridges[leg.bridge]) < 2:
            return
        if result != "Success":
            self._tell(leg, BridgeBlindTransfer(self._channel(leg), exten, result))
            return
        stand_in = self._stand_in(leg, exten)
        self._news(BridgeBlindTransfer(self._channel(leg), exten, "Success", self._channel(stand_in)), leg, late)

    def join_calls(self, first: str, second: str, *, late: float | None = None) -> None:
        """A phone joins its two calls, by its own key pressed in the ``first``: a link takes its place in both."""
        legs = [self.legs[first], self.legs[second]]
        transferee, target = (self._other_party(leg) for leg in legs)
        here, there = (self._stand_in(leg, "link") for leg in legs)
        here.twin, there.twin = there.id, here.id
        made = [self._channel(leg) for leg in (*legs, here, there)]
        event = BridgeAttendedTransfer(made[0], "Success", target, made[2], made[1], transferee, made[3])
        self._news(event, legs[0], late)
        for leg in legs if late is None else legs[1:]:
            self._destroy(leg, NORMAL)

    def _other_party(self, leg: Leg) -> Channel | None:
        """Whom the event names: nobody where several may be."""
        others = [id_ for id_ in self.open_bridges[leg.bridge or ""] if id_ != leg.id]
        is_plain = leg.bridge not in self.mixing and len(others) == 1
        return self._channel(self.legs[others[0]]) if is_plain else None

    def join_with_a_stranger(self, leg: str) -> str:
        """A phone joins its call with one that is not ours; who stands for that one in our bridge."""
        stand_in = self._stand_in(self.legs[leg], "link")
        self._destroy(self.legs[leg], NORMAL)
        return stand_in.id

    def stranger_leaves(self, stand_in: str) -> None:
        """Whoever that was has hung up, if they have not before."""
        if stand_in in self.legs:
            self._destroy(self.legs[stand_in], NORMAL)

    def _stand_in(self, leg: Leg, exten: str) -> Leg:
        """It is in the application that the bridge is of, as a caller is, and stays there without the bridge."""
        self._calls += 1
        made = Leg(f"local-{self._calls}", f"Local/{exten}-{self._calls:08x}", "Stasis", "Up", desk=STAND_IN)
        made.context, made.stasis, made.interested = "transfer", True, 1
        bridge = made.bridge = leg.bridge
        assert bridge is not None
        self._out_of_bridge(leg)
        self.legs[made.id] = made
        self.open_bridges[bridge].add(made.id)
        self._tell(made, StasisStart(self._channel(made), []))
        return made

    def _news(self, event: LegEvent, leg: Leg, late: float | None) -> None:
        if late is None:
            self._tell(leg, event)
        else:
            stand_in = self.legs[f"local-{self._calls}"]
            self._destroy(leg, NORMAL)
            self._later(stand_in, late, lambda: self._send(event))
