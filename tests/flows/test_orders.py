"""Supervisors' orders to a living call: what each does in each state, who is named, and why it is refused."""

from __future__ import annotations

from contextlib import suppress

import anyio
import anyio.lowlevel
import pytest

from ari_app.ari.commands import Mark
from ari_app.ari.errors import InboxFull
from ari_app.domain.commands import CommandRefused
from ari_app.domain.desks import DeskState
from ari_app.flows.messages import Delivered
from ari_app.flows.orders import ANSWER_SECONDS, TRY_AGAIN
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import Floor, floor
from tests.flows.office import ACTOR, give, refused
from tests.flows.scenes import OK, WRONG, goodbye, heard, in_talk, is_idle, last, leg_at, press, rings, transferring

pytestmark = pytest.mark.anyio

BLOCKED = "+6281234567890"
EVERY = {
    "calls.transfer": {"polres": "01"},
    "calls.take_back": {},
    "calls.hold": {},
    "calls.resume": {},
    "calls.hangup": {"reason": "salah sambung"},
    "calls.classify": {"kind": "valid"},
    "monitor.listen": {"desk": "1003"},
}


async def test_hold_and_resume(lags: Lags) -> None:
    """Each says what is meant: an order that comes twice does not undo itself. The operator hears that it was done."""
    async with floor("1001", lags=lags, staff={"1001": "87020001"}) as here:
        call = await in_talk(here)
        assert await refused(here, "calls.resume", call) == "nobody is on hold"
        assert await give(here, "calls.hold", call) == {"call": call}
        await anyio.sleep(2)
        assert here.asterisk.hears(call) == {"musik"}
        assert await refused(here, "calls.hold", call) == "the caller is on hold already"
        await press(here, "1001", "*4", settled=2)
        assert here.asterisk.is_talking(call, "1001")
        await press(here, "1001", "*4", settled=2)
        await give(here, "calls.resume", call)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=2)
        assert heard(here, leg_at(here, "1001")) == [OK] * 4
        await goodbye(here, call)
    told = [(fact.actor, fact.action) for fact in here.journal if fact.action in {"call.held", "call.resumed"}]
    nrp = "operator:87020001"
    assert told == [(ACTOR, "call.held"), (nrp, "call.resumed"), (nrp, "call.held"), (ACTOR, "call.resumed")]
    assert here.facts(call, "call.held")[0].data == {"desk": "1001", "operator": "87020001"}


async def test_transfer_and_take_back(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011")
        call = await in_talk(here)
        assert await refused(here, "calls.take_back", call) == "no Polres is being rung"
        assert await give(here, "calls.transfer", call, polres="01") == {"call": call, "polres": "01"}
        assert rings(here, "2011")
        assert await refused(here, "calls.transfer", call, polres="01") == "not while a Polres is being rung"
        assert await refused(here, "calls.hold", call) == "not while a Polres is being rung"
        await give(here, "calls.take_back", call)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"), seconds=0.2)
        assert is_idle(here, "2011")
        await goodbye(here, call)
    assert [each.actor for each in here.facts(call, "call.transfer_started")] == [ACTOR]
    (back,) = here.facts(call, "call.taken_back")
    assert (back.actor, back.data["reason"], back.data["desk"]) == (ACTOR, "operator", "1001")


async def test_a_polres_that_takes_the_call_by_order(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        here.asterisk.register("2011", answers_after=0.5)
        call = await in_talk(here)
        await give(here, "calls.transfer", call, polres="01")
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=3)
        assert await refused(here, "calls.transfer", call, polres="01") == "Polres 01 has it"
        assert await refused(here, "calls.take_back", call) == "no Polres is being rung"
        await goodbye(here, call)
    assert here.facts(call, "call.transfer_answered")[0].actor == "desk:2011"


async def test_a_polres_that_there_is_not_or_that_cannot_be_rung(lags: Lags) -> None:
    async with floor("1001", "2011", lags=lags) as here:
        call = await in_talk(here)
        assert await refused(here, "calls.transfer", call, polres="77") == "there is no Polres 77"
        why = "no desk of Polres 01 can be rung: unreachable"
        assert await refused(here, "calls.transfer", call, polres="01") == why
        assert here.asterisk.is_talking(call, "1001")
        assert WRONG not in heard(here, leg_at(here, "1001")), "it was not the operator who asked for it"
        await press(here, "1001", "*4", settled=2)
        assert await refused(here, "calls.transfer", call, polres="01") == why
        await anyio.sleep(1)
        assert here.asterisk.hears(call) == {"musik"}, "who was on hold is so still"
        await press(here, "1001", "*4", settled=2)
        assert here.asterisk.is_talking(call, "1001")
        await press(here, "1001", "*0")
        await here.ended(call)
    assert not {"call.transfer_started", "call.taken_back"} & set(here.told(call))
    assert here.facts(call, "complaint.closed"), "it waits for no Polres"


@pytest.mark.parametrize("kind", ["valid", "not_valid", "emergency"])
async def test_classify(lags: Lags, kind: str) -> None:
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        assert await give(here, "calls.classify", call, kind=kind) == {"call": call, "kind": kind}
        (fact,) = here.facts(call, "call.classified")
        assert fact.actor == ACTOR
        assert (fact.data.get("kind"), fact.data.get("emergency")) == (
            (kind, None) if kind != "emergency" else (None, True)
        )
        assert here.asterisk.displays[leg_at(here, "1001")].name.startswith("DARURAT") is (kind == "emergency")
        await goodbye(here, call)


@pytest.mark.parametrize("state", ["talking", "held", "transferring", "consulting"])
async def test_a_prank_and_a_hang_up_end_the_call_in_any_state(lags: Lags, state: str) -> None:
    """Both with the salutation; only a prank is a mark, and only it closes the complaint."""
    for name, data in (("calls.classify", {"kind": "prank"}), ("calls.hangup", {"reason": "salah sambung"})):
        async with floor("1001", "1002", "2011", lags=lags) as here:
            call = await _in_state(here, state)
            await give(here, name, call, **data)
            with pytest.raises(CommandRefused, match="the call is being closed"):
                await give(here, "calls.hold", call)
            await here.ended(call, seconds=4)
            assert await refused(here, "calls.hold", call) == f"call {call} is over"
            assert heard(here, call)[-1] == "salam-penutup"
            assert here.end_of(call)["by"] == "desk"
        marked = [fact.actor for fact in here.facts(call, "prank.marked")]
        closed = [fact.actor for fact in here.facts(call, "complaint.closed")]
        assert (marked, closed) == (([ACTOR], [ACTOR]) if name == "calls.classify" else ([], []))
        assert here.facts(call, "call.closed")[0].data == ({} if name == "calls.classify" else data)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("calls.hangup", "calls.hangup"),
        ("calls.hangup", "calls.classify"),
        ("calls.classify", "calls.hangup"),
        ("*0", "calls.hangup"),
    ],
)
async def test_two_who_end_the_call_at_once(lags: Lags, first: str, second: str) -> None:
    """Whoever comes second changes nothing: the caller hears the salutation, and nobody else."""
    ends = {"calls.hangup": {"reason": "salah sambung"}, "calls.classify": {"kind": "prank"}}
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        if first == "*0":
            here.asterisk.press("1001", first)
            assert here.app is not None
            living = here.app.router.calls[call]
            await here.until(lambda: "call.closed" in here.told(call))
            here.app.router.end_by_order(living, ACTOR, "salah sambung")
        else:
            await give(here, first, call, **ends[first])
            await give(here, second, call, **ends[second])
        await here.ended(call, seconds=4)
        assert heard(here, call)[-1] == "salam-penutup"
    assert "call.fallback" not in here.told(call)
    assert here.told(call).count("call.closed") == 1
    assert here.end_of(call)["by"] == "desk"


async def _in_state(here: Floor, state: str) -> str:
    if state == "transferring":
        return await transferring(here, "2011")
    call = await in_talk(here)
    here.asterisk.register("1002", answers_after=0.1)
    await press(here, "1001", {"talking": "", "held": "*4", "consulting": "*11002#"}[state])
    return call


async def test_a_caller_who_waits(lags: Lags) -> None:
    """Nobody has it, so there is little to order; an emergency comes first from now on, and is one for the operator."""
    async with floor("1001", lags=lags) as here:
        first, second = here.asterisk.call("081200000001"), here.asterisk.call("081200000002")
        await anyio.sleep(1)
        for name, data in EVERY.items():
            why = await refused(here, name, second, **data)
            unheard = name == "calls.hangup"
            assert why.startswith("no operator has spoken" if unheard else "no operator has this call"), name
        await give(here, "calls.classify", second, kind="emergency")
        assert Mark.EMERGENCY in here.asterisk.legs[second].marks
        here.asterisk.register("1001", answers_after=0.1)
        await here.talking(second, "1001")
        assert here.asterisk.displays[leg_at(here, "1001")].name.startswith("DARURAT")
        assert last(here, "complaint.opened").data["emergency"] is True
        await goodbye(here, second, first)


async def test_a_blocked_caller_in_verification(lags: Lags) -> None:
    async with floor("1001", lags=lags, blocked=[BLOCKED]) as here:
        call = here.asterisk.call(BLOCKED)
        await here.until(lambda: "call.queued" in here.told(call))
        assert (await refused(here, "calls.hold", call)).startswith("no operator has this call")
        await give(here, "calls.classify", call, kind="emergency")
        assert last(here, "call.emergency_claimed").actor == ACTOR
        here.kill()
        await here.start()
        await here.until(lambda: heard(here, call)[-1] == "antrean-pembuka", seconds=3)
        await goodbye(here, call)


async def test_calls_that_take_no_orders(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await goodbye(here, call)
        for name, data in EVERY.items():
            assert await refused(here, name, call, **data) == f"call {call} is over", name
            assert (await refused(here, name, "1.1", **data)).startswith("there is no call 1.1 to 110"), name
        assert (await refused(here, "calls.note", "1.1", text="x")).startswith("there is no call 1.1")
        here.kill()
        lost = here.asterisk.call()
        await anyio.sleep(1)
        await here.start()
        await here.until(lambda: lost in here.asterisk.in_fallback)
        assert "there is no call" in await refused(here, "calls.hold", lost), "the dialplan tells of it when it is over"
        here.asterisk.caller_hangs_up(lost)


async def test_what_was_given_is_refused_in_plain_words(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        assert await refused(here, "calls.transfer", call, polres="1") == "polres has two digits"
        assert await refused(here, "calls.hold", "*") == "call is not the id of a call"
        await goodbye(here, call)


async def test_a_caller_in_the_fallback(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await anyio.sleep(0.1)
        app = here.app
        assert app is not None
        await app.router.hand_over()
        assert (await refused(here, "calls.hold", call)).startswith(f"the dialplan has call {call}")
        here.asterisk.caller_hangs_up(call)
        await here.until(lambda: call not in here.asterisk.legs)


async def test_a_note(lags: Lags) -> None:
    """It is part of the story, whatever state the call is in, and disturbs nothing."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await give(here, "calls.note", call, text="  Pelapor   panik ")
        for text in (" ", "x" * 201, "a\x07b"):
            assert await refused(here, "calls.note", call, text=text)
        here.kill()
        await here.start()
        await here.until(lambda: "call.adopted" in here.told(call))
        assert here.facts(call, "call.adopted")[0].data["state"] == "talking"
        await goodbye(here, call)
        await give(here, "calls.note", call, text="Sudah ditelepon kembali")
        assert [fact.data["text"] for fact in here.facts(call, "call.noted")] == [
            "Pelapor panik", "Sudah ditelepon kembali",
        ]  # fmt: skip


async def test_a_call_that_does_not_listen(lags: Lags, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is answered in time all the same, and what nobody had begun by then is not done afterwards."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        assert here.app is not None
        living = here.app.router.calls[call]
        late: list[Delivered] = []
        with monkeypatch.context() as patch:
            patch.setattr(living, "deliver", late.append)
            before = anyio.current_time()
            assert await refused(here, "calls.hold", call) == TRY_AGAIN
            assert anyio.current_time() - before == pytest.approx(ANSWER_SECONDS, abs=0.1)
        for message in late:
            living.deliver(message)
        await anyio.sleep(1)
        assert here.asterisk.is_talking(call, "1001")
        await goodbye(here, call)


@pytest.mark.parametrize("name", ["calls.hangup", "calls.hold"])
async def test_a_call_that_takes_in_nothing(lags: Lags, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Nothing is said to be done, and nobody waits for it."""

    def full(_: Delivered) -> None:
        raise InboxFull

    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        assert here.app is not None
        before = anyio.current_time()
        with monkeypatch.context() as patch:
            patch.setattr(here.app.router.calls[call], "deliver", full)
            assert await refused(here, name, call, **EVERY[name]) == TRY_AGAIN
        assert anyio.current_time() == before
        await goodbye(here, call)


async def test_nobody_begins_to_listen_while_the_application_stops(lags: Lags) -> None:
    async with floor("1001", "1003", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register("1003")
        await anyio.sleep(0.1)
        app = here.app
        assert app is not None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(app.router.hand_over)
            await anyio.lowlevel.checkpoint()
            assert await refused(here, "monitor.listen", call, desk="1003") == TRY_AGAIN
        assert is_idle(here, "1003")
        assert here.board.desks["1003"].state is DeskState.FREE
        here.kill()
        await here.start()
        await goodbye(here, call)


async def test_the_caller_hangs_up_behind_an_order(lags: Lags) -> None:
    """Whatever comes of it, there is an answer at once."""
    for after in (0.0, 0.001, 0.002, 0.003, 0.004):
        async with floor("1001", lags=lags) as here:
            call = await in_talk(here)
            here.asterisk.caller_hangs_up(call)
            await anyio.sleep(after)
            before = anyio.current_time()
            with suppress(CommandRefused):
                await give(here, "calls.hold", call)
            assert anyio.current_time() - before < 0.1
            await here.ended(call)


async def test_an_order_in_a_talk_of_three(lags: Lags) -> None:
    """It is carried out in the place of the operator who has the caller."""
    async with floor("1001", "1002", "2011", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.register("1002", answers_after=0.1)
        here.asterisk.register("2011", answers_after=0.1)
        await press(here, "1001", "*11002#", settled=1)
        assert await refused(here, "calls.hold", call) == "not while another desk is being asked"
        await press(here, "1001", "*1#", settled=1)
        await press(here, "1001", "*1#", settled=1)
        assert "call.conferenced" in here.told(call)
        await give(here, "calls.transfer", call, polres="01")
        await here.until(lambda: here.asterisk.is_talking(call, "2011"), seconds=3)
        assert is_idle(here, "1002")
        await goodbye(here, call)
