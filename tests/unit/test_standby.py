"""On standby: who was replaced waits until the other one's beat has stood still for the whole time, without a break."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import anyio
import pytest
from anyio.lowlevel import checkpoint

from ari_app import standby
from ari_app.ari.client import AsteriskClient
from ari_app.ari.errors import AriUnreachable
from ari_app.site.state import StateDir
from ari_app.standby import GONE_SECONDS, leave_mark, wait_for_turn

pytestmark = pytest.mark.anyio

LOOKS = 1 + round(GONE_SECONDS / standby._EVERY_SECONDS)
"""The first one, and those after which the same word has been there long enough."""


class Beats:
    """An Asterisk of which only the beat is asked. None: it gives no answer."""

    def __init__(self, words: Sequence[str | None]) -> None:
        self.left = list(words)

    async def beat(self) -> str:
        word = self.left.pop(0)
        if word is None:
            raise AriUnreachable("away")
        return word


@pytest.mark.parametrize(
    "before",
    [
        [],
        ["a"] * (LOOKS - 1),
        ["a"] * (LOOKS - 1) + ["b"] * (LOOKS - 1),
        [letter for letter in "abcdefghijklmnopqrst" for _ in range(2)],
        ["z"] * (LOOKS - 1) + [None],
        [None] * 2 * LOOKS,
    ],
    ids=["gone", "one more word", "two more words", "it serves", "Asterisk was away", "for long"],
)
async def test_it_waits_for_the_whole_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: list[str | None]
) -> None:
    async def at_once(_seconds: float) -> None:
        await checkpoint()

    monkeypatch.setattr(anyio, "sleep", at_once)
    state = StateDir(tmp_path)
    state.replaced.parent.mkdir(parents=True, exist_ok=True)
    leave_mark(state)
    beats = Beats([*before, *["z"] * LOOKS])
    await wait_for_turn(state, cast("AsteriskClient", beats))
    assert beats.left == []
    assert not state.replaced.exists()
