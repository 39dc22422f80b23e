"""What is decided when an application has died costs ten times as much with ten times the calls, and not a hundred."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ari_app.ari.model import Channel
from ari_app.domain import recovery
from ari_app.domain.seen import SeenBridge, leg_id
from ari_app.flows.seen import seen
from scripts import guard

pytestmark = pytest.mark.alone

FEW, MANY = 100, 1000
LINEAR, SQUARE = MANY / FEW, (MANY / FEW) ** 2


def talks(count: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """So many talks, as Asterisk tells of them."""
    channels, bridges = [], []
    for number in range(count):
        caller = f"1795731365.{number}"
        pair = {caller: "pstn", leg_id(caller, "ab12cd34"): str(1000 + number)}
        channels += [
            {
                "id": each,
                "name": f"PJSIP/{endpoint}-0000000{number}",
                "state": "Up",
                "creationtime": "2026-11-26T22:16:04.694+0000",
                "caller": {"name": "", "number": "081234567890"},
                "connected": {"name": "", "number": ""},
                "dialplan": {"context": "emergency", "exten": "110", "app_name": "Stasis", "app_data": ""},
            }
            for each, endpoint in pair.items()
        ]
        bridges.append({"id": f"{caller}-bridge-1", "channels": list(pair)})
    return channels, bridges


def seconds(work: Callable[[], object]) -> float:
    """The best of three."""
    took = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def test_the_guard() -> None:
    def decide(count: int) -> float:
        channels, bridges = talks(count)
        return seconds(lambda: guard.decide(channels, bridges, for_good=False))

    assert decide(MANY) / decide(FEW) < (LINEAR + SQUARE) / 2


def test_the_next_application() -> None:
    def decide(count: int) -> float:
        channels, bridges = talks(count)
        there = [seen(each) for each in msgspec.convert(channels, list[Channel])]
        found = [SeenBridge(each["id"], frozenset(each["channels"])) for each in bridges]
        return seconds(lambda: recovery.decide(there, found, flows=frozenset(), legs=set(), living=frozenset()))

    assert decide(MANY) / decide(FEW) < (LINEAR + SQUARE) / 2
