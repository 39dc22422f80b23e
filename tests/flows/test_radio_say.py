"""A supervisor's sentence on a radio net: it is said, or the journal has it that it was not (SOP VII.d, VII.g)."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.office import ACTOR, handlers, spoken
from tests.flows.scenes import press
from tests.flows.test_radio import NET, hang_up, on_net, radio

pytestmark = pytest.mark.anyio


async def say(here: Floor, text: str) -> None:
    assert await handlers(here, spoken)["radio.say"]({"net": "300", "text": text}, ACTOR) == {"net": "300"}


async def test_the_application_is_killed_while_it_waits_for_the_floor(lags: Lags) -> None:
    """What was ordered is in the journal; the next application, who says nothing of it, tells that it was not said."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        await on_net(here, "1001")
        await press(here, "1001", "5")
        await say(here, "Semua unit")
        await anyio.sleep(1)
        here.kill()
        await here.start()
        await anyio.sleep(5)
        assert here.asterisk.said == []
        assert "Semua unit" in [fact.data.get("text") for fact in radio(here, "radio.say_ordered")]
        await hang_up(here, "1001")


async def test_it_is_said_as_soon_as_the_floor_is_free(lags: Lags) -> None:
    async with floor("1001", lags=lags, nets=[NET]) as here:
        await on_net(here, "1001")
        await press(here, "1001", "5")
        await say(here, "Semua unit")
        await press(here, "1001", "5", settled=2)
        assert here.asterisk.said == [Path("Semua unit").stem]
        ordered, said = radio(here, "radio.say_ordered", "radio.said")
        assert said.data == {**ordered.data, "said": True}
        await hang_up(here, "1001")
