"""The guard's watch: it acts when the application's beat has stood still, and only then. In a time of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from scripts.guard import EVERY_SECONDS, OWNERLESS_SECONDS, watch

LOOKS = round(OWNERLESS_SECONDS / EVERY_SECONDS)
"""So many looks without a new beat are not enough; one more is."""

IN_STASIS = {"app_name": "StasisBroadcast", "context": "emergency"}
CALLER = {"id": "1.0", "name": "PJSIP/pstn-00000000", "state": "Ring", "dialplan": IN_STASIS}


class Over(BaseException):
    """The story is told."""


class World:
    """An Asterisk with one caller in Stasis, and the time. Each look at the beat is answered by the next word.

    ``None`` in place of a word: Asterisk gives no answer. ``sleeps``: for how long the guard itself stood still before
    a look, by its number, in place of the usual time.
    """

    def __init__(self, words: Sequence[str | None], sleeps: dict[int, float] | None = None) -> None:
        self.words = words
        self.now = 1000.0
        self.given_back: list[int] = []
        """Before which of the words each was."""
        self.plans = 0
        self._at = self._slept = 0
        self._sleeps = sleeps or {}

    def sleep(self, seconds: float) -> None:
        self.now += self._sleeps.get(self._slept, seconds)
        self._slept += 1

    def beat(self) -> str:
        if self._at == len(self.words):
            raise Over
        self._at += 1
        word = self.words[self._at - 1]
        if word is None:
            raise OSError("no answer")
        return word

    def get(self, path: str) -> Any:
        self.plans += path == "channels"
        return {"channels": [CALLER], "bridges": []}[path]

    def order(self, method: str, path: str) -> tuple[int, bytes]:
        if (method, path) == ("POST", "channels/1.0/continue"):
            self.given_back.append(self._at)
        return 204, b""


def watched(words: Sequence[str | None], sleeps: dict[int, float] | None = None) -> World:
    world = World(words, sleeps)
    with pytest.raises(Over):
        watch(world, lambda: world.now, world.sleep)  # type: ignore[arg-type]  # it is asked for no more than this
    return world


def test_while_it_beats_nobody_is_given_back() -> None:
    assert watched([str(number // 2) for number in range(100)]).plans == 0


def test_a_beat_that_stands_still() -> None:
    """The word is looked at once more just before the callers are given back."""
    assert watched(["a"] * (1 + LOOKS)).plans == 0
    assert watched(["a"] * (1 + LOOKS + 1 + 1)).given_back == [1 + LOOKS + 1 + 1]


def test_a_beat_that_comes_while_it_is_decided() -> None:
    """The application is back just before its callers would be taken from it."""
    world = watched(["a"] * (1 + LOOKS + 1) + ["b"])
    assert world.plans == 1
    assert world.given_back == []


@pytest.mark.parametrize("look", range(1, LOOKS))
def test_who_stood_still_himself_has_seen_nothing(look: int) -> None:
    """A machine that slept for an hour: the application had no time to write another word either."""
    assert watched(["a"] * LOOKS, {look: 3600.0}).plans == 0


def test_asterisk_did_not_answer_meanwhile() -> None:
    """What the beat did then nobody knows: it is looked at for the whole time anew."""
    words: list[str | None] = [*["a"] * LOOKS, None]
    assert watched([*words, *["a"] * (1 + LOOKS)]).plans == 0
    assert len(watched([*words, *["a"] * (1 + LOOKS + 1 + 1)]).given_back) == 1


def test_no_answer_just_before_it_acts() -> None:
    """The second look fails: nobody is given back, and it begins anew."""
    words: list[str | None] = [*["a"] * (1 + LOOKS + 1), None]
    assert watched([*words, *["a"] * (1 + LOOKS)]).given_back == []
