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
    """Beside the first caller, for whom all desks ring whatever there is."""
    found = fallback_ringing(phones(desks), room)
    assert 1 <= found.few <= found.most <= CALLERS_A_DESK * desks
    if found.few > 1:
        assert found.few * desks <= min(FEW_PHONES, room)
    if found.most > found.few:
        assert found.most * min(SOME, desks) <= min(MANY_PHONES, room)


@given(DESKS)
def test_in_turn_every_desk_rings_and_none_for_two(desks: int) -> None:
    found = fallback_ringing(phones(desks), MANY_PHONES)
    rung = [phone for turn in found.turns for phone in turn.split("&")]
    assert sorted(rung) == sorted(phones(desks)) == sorted(found.everyone.split("&"))
    assert all(len(turn.split("&")) <= SOME for turn in found.turns)


@pytest.mark.parametrize(
    ("desks", "few", "most"),
    [(1, 4, 4), (3, 12, 12), (12, 10, 41), (20, 6, 41), (60, 2, 41), (100, 1, 41), (360, 1, 41)],
)
def test_with_all_the_files_that_there_are(monkeypatch: pytest.MonkeyPatch, desks: int, few: int, most: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (65_536, 65_536))
    found = fallback_ringing(phones(desks), Capacity.of(AUDIO, desks).most_ringing)
    assert (found.few, found.most) == (few, most)


def test_a_machine_with_few_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1,500 files 49 telephones may ring: for three callers all 13 desks, for one more 7 of them."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1500, 1500))
    found = fallback_ringing(phones(13), Capacity.of(AUDIO, 13).most_ringing)
    assert (found.few, found.most) == (3, 4)
