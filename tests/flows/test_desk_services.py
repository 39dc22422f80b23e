"""What is dialled at a desk: ``*10`` to ``*14`` (CONTRACT.md)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import anyio
import pytest

from ari_app.domain.desk_rows import DeskRow, fold_desks
from ari_app.domain.facts import Record
from ari_app.flows.desk_services import PROMPT_SECONDS
from ari_app.flows.roster import LOCK_SECONDS
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import RULES, Floor, floor
from tests.flows.scenes import goodbye, heard, in_talk, is_idle, last, rings
from tests.flows.virtual_time import virtual_now

pytestmark = pytest.mark.anyio

NRP = "91001"
"""The floor's operator of desk 1001 who is not logged in."""
EMPTY = {"1001": ""}


async def dial(here: Floor, code: str, *, then: Sequence[tuple[float, str]] = ()) -> list[str]:
    """Dial at desk 1001, press keys after so many seconds each; what was said until it hung up."""
    line = here.asterisk.dial("1001", "service", code)
    for seconds, keys in then:
        await anyio.sleep(seconds)
        here.asterisk.press("1001", keys)
    await here.until(lambda: line not in here.asterisk.legs, seconds=60)
    return heard(here, line)


# ---- *10, *11 ----------------------------------------------------------------------------------------


async def test_logging_in_with_everything_dialled(lags: Lags) -> None:
    async with floor("1001", lags=lags, staff=EMPTY) as here:
        here.asterisk.register("1001")
        assert await dial(here, f"*10*{NRP}*1234") == ["nada-ok", "masuk-berhasil"]
        assert here.board.operator_at("1001") == NRP
        assert here.board.desks["1001"].is_at_work
    assert last(here, "operator.logged_in").data == {"operator": NRP, "desk": "1001"}
    assert last(here, "operator.logged_in").actor == f"operator:{NRP}"


@pytest.mark.parametrize(
    ("code", "then", "asked"),
    [
        ("*10", [(2, f"{NRP}#"), (2, "1234#")], ["masuk-nrp", "masuk-pin"]),
        ("*10", [(0.1, f"{NRP}#"), (0.5, "1234#")], ["masuk-nrp", "masuk-pin"]),
        ("*10", [(2, NRP), (PROMPT_SECONDS + 3, "1234")], ["masuk-nrp", "masuk-pin"]),
        (f"*10*{NRP}", [(2, "1234#")], ["masuk-pin"]),
    ],
)
async def test_logging_in_with_prompts(lags: Lags, code: str, then: list[tuple[float, str]], asked: list[str]) -> None:
    """Who knows what comes need not hear a prompt out; ``#`` or a long pause ends a number."""
    async with floor("1001", lags=lags, staff=EMPTY) as here:
        assert await dial(here, code, then=then) == [*asked, "nada-ok", "masuk-berhasil"]
        assert here.board.operator_at("1001") == NRP


async def test_a_pin_is_never_written_down() -> None:
    async with floor("1001", staff=EMPTY) as here:
        for code in (f"*10*{NRP}*1234", f"*10*{NRP}*4321", "*10*4321*1234"):
            await dial(here, code)
        await dial(here, "*10", then=[(2, f"{NRP}#"), (2, "1234#")])
    assert not [fact for fact in here.journal if "1234" in str(fact)]


async def test_three_wrong_pins_lock_the_desk(lags: Lags) -> None:
    """For a minute, also for the right one."""
    async with floor("1001", lags=lags, staff=EMPTY) as here:
        for _ in range(3):
            assert await dial(here, f"*10*{NRP}*9999") == ["nada-salah", "masuk-gagal"]
        assert await dial(here, f"*10*{NRP}*1234") == ["nada-salah", "meja-terkunci"]
        assert here.board.operator_at("1001") is None
        await anyio.sleep(LOCK_SECONDS)
        assert await dial(here, f"*10*{NRP}*1234") == ["nada-ok", "masuk-berhasil"]
    assert last(here, "desk.locked").data["desk"] == "1001"


async def test_nothing_is_pressed_at_the_prompts(lags: Lags) -> None:
    async with floor("1001", lags=lags, staff=EMPTY) as here:
        assert await dial(here, "*10") == ["masuk-nrp", "masuk-pin", "nada-salah", "masuk-gagal"]


async def test_hanging_up_at_a_prompt(lags: Lags) -> None:
    for after in (0.0, 0.001, 0.002, 0.004, 0.006, 0.5, 1.5, 1.503, 5.0):
        async with floor("1001", lags=lags, staff=EMPTY) as here:
            here.asterisk.dial("1001", "service", "*10")
            await anyio.sleep(after)
            here.asterisk._destroy(here.asterisk.legs["desk-1"], 16)
            await anyio.sleep(0.1)
            await here.until(lambda: here.board.desks["1001"].call is None, seconds=2)


async def test_logging_out(lags: Lags) -> None:
    async with floor("1001", lags=lags, staff={"1001": "10010"}) as here:
        assert await dial(here, "*11") == ["keluar-berhasil"]
        assert await dial(here, "*11") == ["nada-salah", "status-belum-masuk"]
        assert not here.board.desks["1001"].staffed
    told = last(here, "operator.logged_out")
    assert (told.actor, told.data["reason"]) == ("operator:10010", "own")


async def test_at_a_desk_where_nobody_logs_in(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        assert await dial(here, "*11") == ["nada-salah", "tidak-boleh"]
        assert await dial(here, "*12") == ["nada-ok", "status-siap"]


# ---- *12, *13, *14 ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "reason", "said"),
    [
        ("1", "rest", "status-istirahat"),
        ("2", "prayer", "status-ibadah"),
        ("3", "meal", "status-makan"),
        ("4", "briefing", "status-pengarahan"),
    ],
)
async def test_not_ready_and_ready_again(lags: Lags, key: str, reason: str, said: str) -> None:
    async with floor("1001", "1002", lags=lags, staff={"1001": "10010"}) as here:
        for desk in ("1001", "1002"):
            here.asterisk.register(desk, answers_after=0.1)
            await anyio.sleep(1)
        assert await dial(here, f"*13{key}") == ["nada-ok", said]
        assert last(here, "operator.not_ready").data == {"operator": "10010", "desk": "1001", "reason": reason}
        assert await dial(here, "*14") == [said, "antrean-kosong"]
        await here.ended_talk(here.asterisk.call())
        assert await dial(here, "*12") == ["nada-ok", "status-siap"]
        for _ in range(2):
            await here.ended_talk(here.asterisk.call())
    assert here.asterisk.rung == ["1002", "1002", "1001"], "the longest idle one first"


@pytest.mark.parametrize("code", ["*12", "*131", "*14"])
async def test_what_needs_a_login(lags: Lags, code: str) -> None:
    async with floor("1001", lags=lags, staff=EMPTY) as here:
        assert "status-belum-masuk" in await dial(here, code)
    assert not [fact for fact in here.journal if fact.action in {"operator.ready", "operator.not_ready"}]


@pytest.mark.parametrize("code", ["*13", "*130", "*135", "*15", "*121", "*10*", "*", "*10*12*34*56"])
async def test_what_there_is_not(lags: Lags, code: str) -> None:
    async with floor("1001", lags=lags) as here:
        assert await dial(here, code) == ["nada-salah", "tidak-dikenal"]


async def test_the_own_state_and_the_queues_length(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        assert await dial(here, "*14") == ["status-siap", "antrean-kosong"]
        calls = [here.asterisk.call() for _ in range(3)]
        await anyio.sleep(1)
        assert await dial(here, "*14") == ["status-siap", "angka-3", "panggilan-menunggu"]
        calls += [here.asterisk.call() for _ in range(18)]
        await anyio.sleep(1)
        assert await dial(here, "*14") == ["status-siap", "lebih-dari-dua-puluh", "panggilan-menunggu"]
        await goodbye(here, *calls)


async def test_the_own_state_after_a_call() -> None:
    async with floor("1001", rules=replace(RULES, wrap_up=30.0)) as here:
        await goodbye(here, await in_talk(here))
        assert await dial(here, "*14") == ["status-selesai-menelepon", "antrean-kosong"]


async def test_the_journal_is_in_trouble(lags: Lags) -> None:
    """Whoever asks for the own state hears it, last, as long as it is so."""
    async with floor("1001", lags=lags) as here:
        here.journal_in_trouble = True
        assert await dial(here, "*14") == ["status-siap", "antrean-kosong", "pencatatan-terganggu"]
        assert await dial(here, "*12") == ["nada-ok", "status-siap"]
        here.journal_in_trouble = False
        assert await dial(here, "*14") == ["status-siap", "antrean-kosong"]


async def test_a_desk_that_dials_is_not_rung(lags: Lags) -> None:
    """And gets the waiting caller as soon as it has hung up."""
    async with floor("1001", lags=lags, staff={"1001": "10010"}) as here:
        here.asterisk.register("1001", answers_after=0.1)
        line = here.asterisk.dial("1001", "service", "*10")
        await anyio.sleep(0.5)
        call = here.asterisk.call()
        await anyio.sleep(5)
        assert here.asterisk.rung == []
        here.asterisk._destroy(here.asterisk.legs[line], 16)
        await here.talking(call, "1001", seconds=0.5)
        await goodbye(here, call)


async def test_a_phone_that_is_no_desk_gets_nothing() -> None:
    async with floor("1001") as here:
        here.asterisk.phones["9999"] = type(here.asterisk.phones["1001"])()
        line = here.asterisk.dial("9999", "service", "*12")
        await here.until(lambda: line not in here.asterisk.legs, seconds=20)


# ---- calling a colleague ---------------------------------------------------------------------------------


async def test_a_colleague_is_called(lags: Lags) -> None:
    async with floor("1001", "1002", lags=lags) as here:
        here.asterisk.register("1002")
        line = here.asterisk.dial("1001", "colleague", "1002")
        await here.until(lambda: rings(here, "1002"), seconds=0.5)
        leg = here.asterisk.phones["1002"].leg or ""
        assert here.asterisk.displays[leg].name == "1001"
        here.asterisk.desk_answers("1002")
        await here.until(lambda: here.asterisk.hears(line) == {leg} and here.asterisk.hears(leg) == {line}, seconds=0.5)
        call = here.asterisk.call()
        await anyio.sleep(5)
        assert here.asterisk.rung == ["1002"], "neither of them is free"
        here.asterisk.desk_hangs_up("1002")
        await here.until(lambda: line not in here.asterisk.legs, seconds=2)
        await here.until(lambda: here.asterisk.desk_answers("1002"))
        await here.talking(call, "1002")
        await goodbye(here, call)
    assert last(here, "desk.called").data == {"desk": "1001", "to": "1002"}
    assert last(here, "desk.called").actor == "desk:1001"
    for action in ("desk.talking", "desk.free"):
        (told,) = [fact for fact in here.journal if fact.action == action]
        assert (told.actor, told.data) == ("desk:1001", {"desk": "1001", "to": "1002"})


@pytest.mark.parametrize("ends", ["before", "afterwards"])
async def test_a_talk_with_a_colleague_and_another_application(lags: Lags, ends: str) -> None:
    """Whoever reads the journal sees the talk for as long as it lives, and not for ever where nobody saw its end."""
    async with floor("1001", "1002", lags=lags) as here:
        here.asterisk.register("1002", answers_after=0.1)
        line = here.asterisk.dial("1001", "colleague", "1002")
        await anyio.sleep(1)
        assert colleagues(here) == {"1001": "1002", "1002": "1001"}
        here.kill()
        if ends == "before":
            here.asterisk.desk_hangs_up("1002")
            here.asterisk._destroy(here.asterisk.legs[line], 16)
        await here.start()
        await anyio.sleep(1)
        if ends == "afterwards":
            assert colleagues(here) == {"1001": "1002", "1002": "1001"}
            here.asterisk.desk_hangs_up("1002")
            await here.until(lambda: line not in here.asterisk.legs, seconds=2)
            await anyio.sleep(0.1)
        assert colleagues(here) == {}


def colleagues(here: Floor) -> dict[str, str]:
    """Which desks talk to which, as the journal has it."""
    rows: dict[str, DeskRow] = {}
    for number, fact in enumerate(here.journal):
        rows |= fold_desks(rows, Record(number, virtual_now().isoformat(), "", fact.action, fact.call, fact.data, ""))
    return {name: row.colleague for name, row in rows.items() if row.colleague is not None}


async def test_a_polres_is_called_by_its_number(lags: Lags) -> None:
    """Every desk of it rings, and the first to answer talks."""
    async with floor("1001", "2011", "2012", "2021", lags=lags) as here:
        for desk in ("2011", "2012", "2021"):
            here.asterisk.register(desk)
        line = here.asterisk.dial("1001", "colleague", "201")
        await here.until(lambda: rings(here, "2011", "2012"), seconds=0.5)
        assert is_idle(here, "2021")
        here.asterisk.desk_answers("2012")
        leg = here.asterisk.phones["2012"].leg
        await here.until(lambda: here.asterisk.hears(line) == {leg}, seconds=0.5)
        await here.until(lambda: is_idle(here, "2011"), seconds=0.5)
        here.asterisk._destroy(here.asterisk.legs[line], 16)
        await here.until(lambda: is_idle(here, "2012"), seconds=0.5)


@pytest.mark.parametrize("dialled", ["1002", "1003", "1001", "299", "7"])
async def test_nobody_can_be_called_and_it_is_busy(lags: Lags, dialled: str) -> None:
    """In a talk, not registered, oneself, and what there is not."""
    async with floor("1001", "1002", "1003", lags=lags) as here:
        call = await in_talk(here, "1002")
        line = here.asterisk.dial("1001", "colleague", dialled)
        await here.until(lambda: line not in here.asterisk.legs, seconds=1)
        assert here.asterisk.hung_up[line] == "busy"
        assert here.asterisk.is_talking(call, "1002")
        await goodbye(here, call)


async def test_a_colleague_does_not_answer(lags: Lags) -> None:
    """Nobody is set not ready for that: it was no 110 call."""
    async with floor("1001", "1002", "1003", lags=lags) as here:
        for desk in ("1002", "1003"):
            here.asterisk.register(desk)
        line = here.asterisk.dial("1001", "colleague", "1002")
        await here.until(lambda: line not in here.asterisk.legs, seconds=15)
        assert here.board.desks["1002"].is_at_work


async def test_who_calls_hangs_up_and_the_colleague_answers(lags: Lags) -> None:
    """In every order."""
    for step in range(-6, 7):
        async with floor("1001", "1002", lags=lags) as here:
            here.asterisk.register("1002")
            line = here.asterisk.dial("1001", "colleague", "1002")
            await here.until(lambda: rings(here, "1002"), seconds=0.5)
            if step < 0:
                here.asterisk.desk_answers("1002")
            await anyio.sleep(abs(step) / 1000)
            here.asterisk._destroy(here.asterisk.legs[line], 16)
            if step >= 0:
                here.asterisk.desk_answers("1002")
            await here.until(lambda: is_idle(here, "1002"), seconds=2)
