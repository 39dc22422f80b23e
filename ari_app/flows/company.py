"""Who has the caller at present, for those outside the call's flow: supervisors who listen, and who give orders."""

from __future__ import annotations

from collections.abc import Callable

from ari_app.flows.orders import IT_IS_OVER, TRY_AGAIN, Order

OVER, STOPPED = "call_over", "stopped"


class Company:
    """What of a call others may know and follow."""

    def __init__(self) -> None:
        """Nobody has the caller, and nobody follows it."""
        self.holder: str | None = None
        """The leg of the operator who has the caller."""
        self.desk: str | None = None
        """Where that one sits."""
        self.ended = ""
        """Why there is nothing to follow any more: the call is over, or this flow of it is."""
        self._followers: list[Callable[[], None]] = []
        self._orders: list[Order] = []

    def follow(self, on_change: Callable[[], None]) -> None:
        """Tell ``on_change`` whenever somebody comes or goes, or the call is over. It must not raise."""
        self._followers.append(on_change)

    def forget(self, on_change: Callable[[], None]) -> None:
        """Tell it no more."""
        self._followers.remove(on_change)

    def changed(self, holder: str | None, desk: str | None) -> None:
        """Somebody came or went: ``holder`` is whose leg has the caller now, at ``desk``."""
        self.holder, self.desk = holder, desk
        self.moved()

    def moved(self) -> None:
        """Those who are there may meet the caller elsewhere now."""
        for on_change in list(self._followers):
            on_change()

    def await_answer(self, order: Order) -> None:
        """The call owes an answer to this order, at the latest when it is over."""
        self._orders = [each for each in self._orders if not each.is_answered]
        self._orders.append(order)
        if self.ended:
            self._refuse(order)

    def end(self, *, is_over: bool = True) -> None:
        """The call is over, or only its flow is, and somebody else goes on with it; the first word counts."""
        if self.ended:
            return
        self.ended = OVER if is_over else STOPPED
        for order in self._orders:
            self._refuse(order)
        self._orders.clear()
        self.changed(None, None)

    def _refuse(self, order: Order) -> None:
        order.refuse(IT_IS_OVER if self.ended == OVER else TRY_AGAIN)
