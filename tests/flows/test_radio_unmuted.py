"""Who listened to a radio net is heard by whoever has them next, and never on the net by mistake (SOP VII.d)."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.domain.complaints import ComplaintRow
from ari_app.domain.radio import NetRules
from tests.flows.fake_asterisk import Lags, Trouble
from tests.flows.floor import floor
from tests.flows.guarding import the_guard_acts
from tests.flows.scenes import goodbye, hear_each_other, leg_at, press
from tests.flows.test_radio import DTMF, NET
from tests.flows.test_radio_patch import patched

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("key", ["1", "2"])
@pytest.mark.parametrize("guarded", [False, True])
async def test_the_operator_hangs_up_while_no_application_runs(lags: Lags, key: str, *, guarded: bool) -> None:
    """They heard silence. The next operator hears the caller."""
    async with floor("1001", "1002", lags=lags, nets=[NET]) as here:
        call, _ = await patched(here)
        await press(here, "1001", key, settled=0.6)
        assert here.asterisk.legs[call].muted
        here.kill()
        if guarded:
            await the_guard_acts(here.asterisk)
        here.asterisk.desk_hangs_up("1001")
        here.asterisk.unregister("1001")
        here.asterisk.register("1002", answers_after=0.1)
        await here.start()
        await here.talking(call, "1002", seconds=5)
        assert hear_each_other(here, call, leg_at(here, "1002"))
        await goodbye(here, call)


@pytest.mark.parametrize("key", ["1", "2"])
@pytest.mark.parametrize("trouble", ["before", "after"])
async def test_the_operator_hangs_up_as_asterisk_gives_no_answer(lags: Lags, key: str, trouble: Trouble) -> None:
    """The net goes on: it hears nothing of the caller, whom the next operator hears."""
    async with floor("1001", "1002", lags=lags, nets=[NET]) as here:
        call, _ = await patched(here)
        await press(here, "1001", key, settled=0.6)
        here.asterisk.trouble["play"] = [trouble]
        here.asterisk.press("1001", "4")  # refused with a sound
        await anyio.sleep(0.02)
        here.asterisk.desk_hangs_up("1001")
        here.asterisk.unregister("1001")
        here.asterisk.register("1002", answers_after=0.1)
        for _ in range(1000):
            await anyio.sleep(0.001)
            assert here.asterisk.on_air("300") == set()
        await here.talking(call, "1002", seconds=5)
        assert hear_each_other(here, call, leg_at(here, "1002"))
        await goodbye(here, call)


@pytest.mark.parametrize("key", ["1", "2"])
@pytest.mark.parametrize("rules", [NET, DTMF, replace(NET, by_voice=True)])
async def test_asterisk_gives_no_answer_for_once(lags: Lags, key: str, rules: NetRules) -> None:
    """Operator and caller are brought together, and the net, which goes on, hears nothing of either."""
    async with floor("1001", lags=lags, nets=[rules]) as here:
        call, leg = await patched(here)
        await press(here, "1001", key, settled=0.6)
        here.asterisk.trouble["play"] = ["before"]
        here.asterisk.press("1001", "4")  # refused with a sound
        for _ in range(1500):
            await anyio.sleep(0.001)
            assert here.asterisk.on_air("300") == set()
        assert hear_each_other(here, call, leg)
        assert here.asterisk.legs[leg].delay_ms == 0
        await goodbye(here, call)


async def test_who_takes_the_caller_up_fails(lags: Lags) -> None:
    """Every desk rings for them, and whoever answers there hears them."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        call, _ = await patched(here)
        await press(here, "1001", "1", settled=0.6)
        assert here.app is not None
        here.app.complaints.row_of = fail  # type: ignore[method-assign]
        here.asterisk.trouble["play"] = ["before"]
        await press(here, "1001", "4")
        await here.until(lambda: call in here.asterisk.in_fallback, seconds=5)
        assert not here.asterisk.legs[call].muted
        here.asterisk.caller_hangs_up(call)


def fail(call: str) -> ComplaintRow | None:
    raise RuntimeError(call)


@pytest.mark.parametrize("order", ["add_to_bridge", "unmute"])
@pytest.mark.parametrize("keys", ["1#", "#", "2#"])
@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("times", [1, 2])
async def test_the_way_home_is_refused(lags: Lags, order: str, keys: str, times: int, *, gone: bool) -> None:
    """Whatever Asterisk refuses for reasons of its own: they are heard afterwards, and not on the net."""
    async with floor("1001", "1002", lags=lags, nets=[NET]) as here:
        call, leg = await patched(here)
        await press(here, "1001", "1", settled=0.6)
        here.asterisk.trouble[order] = ["refused"] * times
        for key in keys[:-1]:
            await press(here, "1001", key, settled=0.6)
            assert here.asterisk.on_air("300") == set()
        if gone:
            here.asterisk.register("1002", answers_after=0.1)
            here.asterisk.desk_hangs_up("1001")
            await here.until(lambda: here.asterisk.is_talking(call, "1002"), seconds=5)
        else:
            await press(here, "1001", "#", settled=3)
            assert hear_each_other(here, call, leg)
        assert here.asterisk.on_air("300") == set()
        await goodbye(here, call)


async def test_the_operator_is_heard_though_asterisk_refuses_once(lags: Lags) -> None:
    """For reasons of its own."""
    async with floor("1001", lags=lags, nets=[NET]) as here:
        call, leg = await patched(here)
        here.asterisk.trouble["unmute"] = ["refused"]
        await press(here, "1001", "#", settled=3)
        assert hear_each_other(here, call, leg)
        await goodbye(here, call)
