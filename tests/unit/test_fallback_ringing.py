"""How many telephones ring for callers whom the dialplan serves alone."""

from __future__ import annotations

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.site.capacity import Capacity
from ari_app.site.fallback_ringing import CALLERS_A_DESK, FEW_PHONES, MANY_PHONES, SOME, fallback_ringing

DESKS = st.integers(1, 360)
ROOM = st.integers(1, 3000)
AUDIO = (10_000, 14_999)


def phones(count: int) -> list[str]:
    return [f"PJSIP/{1001 + number}" for number in range(count)]


@given(DESKS, ROOM)
def test_within_what_the_machine_can_do(desks: int, room: int) -> None:
    """All telephones that ring, for the few for whom all desks do and for the others."""
    found = fallback_ringing(phones(desks), room)
    assert 1 <= found.few <= found.most <= CALLERS_A_DESK * desks
    for_all = len(found.everyone.split("&"))
    in_turn = max(len(turn.split("&")) for turn in found.turns)
    assert found.few * for_all + (found.most - found.few) * in_turn <= min(MANY_PHONES, room)
    assert found.few <= 2 or found.few * desks <= FEW_PHONES


@given(DESKS)
def test_in_turn_every_desk_rings_and_none_for_two(desks: int) -> None:
    found = fallback_ringing(phones(desks), MANY_PHONES)
    rung = [phone for turn in found.turns for phone in turn.split("&")]
    assert sorted(rung) == sorted(phones(desks)) == sorted(found.everyone.split("&"))
    assert all(len(turn.split("&")) <= SOME for turn in found.turns)


@pytest.mark.parametrize(
    ("desks", "few", "most"),
    [(1, 4, 4), (3, 12, 12), (12, 10, 41), (20, 6, 37), (60, 2, 33), (100, 2, 27), (360, 1, 12)],
)
def test_with_all_the_files_that_there_are(monkeypatch: pytest.MonkeyPatch, desks: int, few: int, most: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (65_536, 65_536))
    found = fallback_ringing(phones(desks), Capacity.of(AUDIO, desks).most_ringing)
    assert (found.few, found.most) == (few, most)


def test_a_machine_with_few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1,531 files 51 telephones may ring: for three callers all 13 desks, for one more some of them."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1531, 1531))
    found = fallback_ringing(phones(13), Capacity.of(AUDIO, 13).most_ringing)
    assert (found.few, found.most) == (3, 4)
