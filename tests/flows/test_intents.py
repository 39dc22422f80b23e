"""What is about to be done to a call is told before it is ordered: whoever takes the call up knows what was meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import pytest

from tests.flows.floor import Floor, floor
from tests.flows.scenes import consulting, goodbye, in_talk, press, transferring

pytestmark = pytest.mark.anyio

ORDERS = ("ring", "play", "stop_playing", "add_to_bridge", "hangup", "mark")
Scene = Callable[[Floor], Awaitable[str]]


class Listener:
    """Notes of each order what of the call had been told when it was given."""

    def __init__(self, here: Floor, call: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._here, self._call = here, call
        self._given: list[tuple[str, set[str]]] = []
        for name in ORDERS:
            monkeypatch.setattr(here.asterisk, name, partial(self._order, name, getattr(here.asterisk, name)))

    async def _order(
        self, name: str, order: Callable[..., Awaitable[Any]], target: Any, *rest: Any, **more: Any
    ) -> Any:
        whom = "caller" if str(target).partition("-play-")[0] == self._call else "other"
        self._given.append((f"{name} {whom}", set(self._here.told(self._call))))
        return await order(target, *rest, **more)

    def told_before(self, order: str) -> set[str]:
        """What had been told before the first of these orders."""
        return next(told for given, told in self._given if given == order)


async def _held(here: Floor) -> str:
    call = await in_talk(here)
    await press(here, "1001", "*4", settled=3)
    return call


async def _back_again(here: Floor) -> str:
    call = await consulting(here)
    await press(here, "1001", "*1#", settled=2)
    return call


async def _with_a_polres(here: Floor) -> str:
    here.asterisk.register("2011")
    here.asterisk.register("1002")
    return await in_talk(here)


async def _rings_at_a_polres(here: Floor) -> str:
    return await transferring(here, "2011")


KEYS: list[tuple[Scene, str, str, str]] = [
    (in_talk, "*4", "play caller", "call.held"),
    (_held, "*4", "play caller", "call.resumed"),
    (_with_a_polres, "*201#", "ring other", "call.transfer_started"),
    (_with_a_polres, "*201#", "play caller", "call.transfer_started"),
    (_rings_at_a_polres, "##", "stop_playing caller", "call.taken_back"),
    (_with_a_polres, "*11002#", "ring other", "call.consulted"),
    (consulting, "*1#", "add_to_bridge other", "call.resumed"),
    (_back_again, "*1#", "add_to_bridge other", "call.conferenced"),
    (in_talk, "*9", "mark caller", "call.classified"),
    (in_talk, "*0", "mark caller", "call.closed"),
    (in_talk, "*7", "mark caller", "prank.marked"),
]


@pytest.mark.parametrize(("scene", "keys", "order", "intent"), KEYS)
async def test_by_key(scene: Scene, keys: str, order: str, intent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with floor("1001", "1002", "2011") as here:
        call = await scene(here)
        assert intent not in here.told(call)
        listener = Listener(here, call, monkeypatch)
        await press(here, "1001", keys, settled=1)
        assert intent in listener.told_before(order)
        await goodbye(here, call)


async def test_by_the_phones_transfer_key(monkeypatch: pytest.MonkeyPatch) -> None:
    async with floor("1001", "2011") as here:
        here.asterisk.register("2011")
        call = await in_talk(here)
        listener = Listener(here, call, monkeypatch)
        here.asterisk.refer("1001")
        await anyio.sleep(1)
        assert "call.referred" in listener.told_before("hangup other")
        await goodbye(here, call)


async def test_a_desk_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the first one, which is rung while the call is being claimed: so the caller waits for nothing."""
    async with floor("1001", "1002") as here:
        call = here.asterisk.call()
        await here.until(lambda: "call.queued" in here.told(call))
        listener = Listener(here, call, monkeypatch)
        here.asterisk.register("1001")
        await anyio.sleep(1)
        assert "call.offered" in listener.told_before("ring other")
        await goodbye(here, call)


async def test_a_caller_who_is_adopted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with floor("1001") as here:
        call = here.asterisk.call()
        await anyio.sleep(15)
        here.kill()
        listener = Listener(here, call, monkeypatch)
        await here.start()
        await anyio.sleep(1)
        assert "call.adopted" in listener.told_before("stop_playing caller")
        await goodbye(here, call)
