"""The lane of blocked callers in trouble: unblocked while they wait, nobody picks up, adopted again and again."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from ari_app.ari.commands import Mark
from ari_app.ari.model import Event, PlaybackFinished
from ari_app.domain.facts import Fact
from ari_app.flows.orders import NOBODY_HAS_IT
from tests.flows import fake_sound
from tests.flows.fake_asterisk import Lags
from tests.flows.floor import RULES, floor
from tests.flows.office import ACTOR, give, handlers, refused
from tests.flows.prankster import ANNOUNCEMENT, LATER, OTHER, PRANKSTER, RAW, claimed, lose_operator, restart
from tests.flows.scenes import goodbye, heard, in_talk, is_idle, leg_at, press, rings

pytestmark = pytest.mark.anyio


async def test_who_was_verified_is_not_blocked_after_a_restart(lags: Lags) -> None:
    """``*8``, the operator is lost, the application dies: the caller goes before who came later."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = await in_talk(here)
        await press(here, "1001", "*8")
        await lose_operator(here, call)
        later = here.asterisk.call(OTHER)
        await anyio.sleep(1)
        await restart(here)
        assert ANNOUNCEMENT not in heard(here, call)[-2:]
        here.asterisk.register("1001", answers_after=0.2)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"))
        await goodbye(here, call, later)


async def test_an_emergency_by_key_survives_the_adoption_of_its_talk(lags: Lags) -> None:
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = await claimed(here)
        here.asterisk.register("1001", answers_after=0.1)
        await here.talking(call, "1001")
        await restart(here)
        await lose_operator(here, call)
        other = here.asterisk.call(OTHER)
        await anyio.sleep(1)
        here.asterisk.register("1001", answers_after=0.2)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"))
        assert here.asterisk.displays[leg_at(here, "1001")].name == f"DARURAT {RAW}"
        await goodbye(here, call, other)


@pytest.mark.parametrize("blocked", [[], [PRANKSTER]])
async def test_an_emergency_that_a_supervisor_has_named_survives_a_restart(lags: Lags, blocked: list[str]) -> None:
    """Nobody had answered yet: the caller still goes before whoever waits longer, and the complaint has it."""
    async with floor("1001", lags=lags, blocked=blocked) as here:
        longer = here.asterisk.call(OTHER)
        await anyio.sleep(1)
        call = here.asterisk.call()
        await anyio.sleep(1)
        await give(here, "calls.classify", call, kind="emergency")
        for _ in range(2):
            await restart(here)
        here.asterisk.register("1001", answers_after=0.2)
        await here.until(lambda: here.asterisk.is_talking(call, "1001"))
        assert here.asterisk.displays[leg_at(here, "1001")].name == f"DARURAT {RAW}"
        (opened,) = here.facts(call, "complaint.opened")
        assert opened.data["emergency"] is True
        await goodbye(here, call, longer)
    assert {fact.data["priority"] for fact in here.facts(call, "call.queued")[1:]} == {"emergency"}


async def test_a_supervisors_emergency_is_still_one_when_the_flow_lets_go(lags: Lags) -> None:
    """And none any more when that was taken back."""
    async with floor("1001", lags=lags) as here:
        call = here.asterisk.call()
        await anyio.sleep(1)
        await give(here, "calls.classify", call, kind="emergency")
        here.asterisk.trouble["answer"] = ["before"]  # the announcement
        await here.until(lambda: "call.adopted" in here.told(call), seconds=20)
        await anyio.sleep(0.1)
        assert here.facts(call, "call.queued")[-1].data == {"priority": "emergency"}
        await goodbye(here, call)


async def test_a_number_that_is_unblocked_while_its_caller_waits(lags: Lags) -> None:
    """By a supervisor: the caller hears so, and waits with everybody else."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        call = here.asterisk.call()
        await anyio.sleep(3)
        later = here.asterisk.call(OTHER)
        await anyio.sleep(1)
        assert here.app is not None
        here.app.tell(Fact("supervisor:budi", "number.unblocked", None, {"number": PRANKSTER, "reason": "supervisor"}))
        await anyio.sleep(0.5)
        assert here.asterisk.hears(call) & {"antrean-pembuka", "musik"}
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(call, "1001")
        await goodbye(here, call, later)


async def test_a_number_that_is_unblocked_while_its_caller_is_being_turned_away(lags: Lags) -> None:
    """The lane is full, and the caller hears why they are blocked: at once they wait with everybody else."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER], rules=replace(RULES, verification_max=0)) as here:
        call = here.asterisk.call()
        await anyio.sleep(1)
        assert here.asterisk.hears(call) == {ANNOUNCEMENT}
        await handlers(here)["block.remove"]({"number": PRANKSTER}, ACTOR)
        await here.until(lambda: here.asterisk.hears(call) == {"antrean-pembuka"}, seconds=0.1)
        await anyio.sleep(60)
        assert here.facts(call, "call.queued")[0].data == {"priority": "normal"}
        later = here.asterisk.call(OTHER)
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(call, "1001")
        assert here.asterisk.displays[leg_at(here, "1001")].name == RAW
        assert LATER not in heard(here, call)
        await goodbye(here, call, later)


async def test_a_number_that_is_unblocked_in_the_last_moment(lags: Lags, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of what a caller hears who is turned away and the unblocking are read one behind the other."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER], rules=replace(RULES, verification_max=0)) as here:
        app = here.app
        assert app is not None
        on_event = app.router.on_event

        def unblock_behind(event: Event) -> None:
            on_event(event)
            if isinstance(event, PlaybackFinished):
                app.tell(Fact("supervisor:budi", "number.unblocked", None, {"number": PRANKSTER}))

        monkeypatch.setattr(app.router, "on_event", unblock_behind)
        call = here.asterisk.call()
        await here.until(lambda: LATER in heard(here, call), seconds=20)
        await here.until(lambda: here.asterisk.hears(call) == {"antrean-pembuka"}, seconds=10)
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(call, "1001")
        await goodbye(here, call)


async def test_a_supervisor_names_an_emergency_while_its_caller_is_being_turned_away(lags: Lags) -> None:
    """The lane is full: they come first from now on. Any other order is refused, and changes nothing for them."""
    async with floor("1001", lags=lags, blocked=[PRANKSTER], rules=replace(RULES, verification_max=0)) as here:
        longer, other = here.asterisk.call(OTHER), here.asterisk.call()
        await anyio.sleep(0.3)
        call = here.asterisk.call()
        await anyio.sleep(1)
        assert here.asterisk.hears(call) == {ANNOUNCEMENT}
        assert await refused(here, "calls.hold", other) == NOBODY_HAS_IT
        await give(here, "calls.classify", call, kind="emergency")
        assert Mark.EMERGENCY in here.asterisk.legs[call].marks
        await here.until(lambda: here.asterisk.hears(call) == {"antrean-pembuka"}, seconds=0.1)
        await here.ended(other, seconds=5)
        assert here.end_of(other)["outcome"] == "turned_away"
        await anyio.sleep(60)
        here.asterisk.register("1001", answers_after=0.2)
        await here.talking(call, "1001")
        assert here.asterisk.displays[leg_at(here, "1001")].name == f"DARURAT {RAW}"
        await goodbye(here, call, longer)
    said = [(fact.action, fact.actor) for fact in here.journal if fact.call == call and fact.actor == ACTOR]
    assert said == [("call.classified", ACTOR), ("call.emergency_claimed", ACTOR)]
    assert here.facts(call, "call.queued")[0].data == {"priority": "emergency"}


async def test_most_desks_stay_free_however_often_we_are_killed(lags: Lags) -> None:
    """One desk in four verifies, those that an application before us gave it included."""
    desks = [str(1000 + number) for number in range(1, 9)]
    async with floor(*desks, lags=lags, blocked=[PRANKSTER], rules=replace(RULES, verification_max=1000)) as here:
        for desk in desks:
            here.asterisk.register(desk, answers_after=0.5)
        flood = [here.asterisk.call() for _ in range(20)]
        await anyio.sleep(5)
        for _ in range(3):
            await restart(here)
            await anyio.sleep(3)
            assert sum(not is_idle(here, desk) for desk in desks) == 2
        await goodbye(here, *flood)


async def test_who_does_not_pick_up_a_blocked_caller_stays_ready(lags: Lags) -> None:
    """A flood of them leaves everybody else with as many desks as before."""
    desks = ["1001", "1002", "1003", "1004"]
    async with floor(*desks, lags=lags, blocked=[PRANKSTER]) as here:
        for desk in desks:
            here.asterisk.register(desk)
        flood = [here.asterisk.call() for _ in range(3)]
        await anyio.sleep(60)
        assert "operator.not_ready" not in {fact.action for fact in here.journal}
        assert all(desk.ready for desk in here.board.desks.values())
        real = here.asterisk.call(OTHER)
        await here.until(lambda: "call.offered" in here.told(real), seconds=0.5)
        await goodbye(here, real, *flood)


async def test_nobody_is_turned_away_without_a_word(lags: Lags, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sounds cannot be played: then the caller waits, though there are too many."""
    monkeypatch.setattr(fake_sound, "SENTENCE_SECONDS", 0.0)
    async with floor("1001", lags=lags, blocked=[PRANKSTER], rules=replace(RULES, verification_max=0)) as here:
        call = here.asterisk.call()
        await anyio.sleep(30)
        assert call in here.asterisk.legs
        assert here.asterisk.hears(call) & {"musik", ANNOUNCEMENT}
        await goodbye(here, call)


async def test_a_blocked_caller_who_hangs_up_early_keeps_no_desk(lags: Lags) -> None:
    """Swept in steps of a millisecond: whoever comes next is offered the desk at once."""
    for step in range(12):
        async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
            here.asterisk.register("1001", answers_after=0.5)
            call = here.asterisk.call()
            await anyio.sleep(step / 1000)
            here.asterisk.caller_hangs_up(call)
            real = here.asterisk.call(OTHER)
            await here.until(lambda: "call.offered" in here.told(real), seconds=0.1)  # noqa: B023 - now
            await here.talking(real, "1001")
            await goodbye(here, real)


async def test_a_blocked_caller_whose_operator_is_gone_at_the_answer_hears_why(lags: Lags) -> None:
    async with floor("1001", lags=lags, blocked=[PRANKSTER]) as here:
        here.asterisk.register("1001")
        call = here.asterisk.call()
        await here.until(lambda: rings(here, "1001"))
        here.asterisk.desk_answers("1001")
        here.asterisk.desk_hangs_up("1001")
        here.asterisk.unregister("1001")
        await anyio.sleep(1)
        assert "antrean-pembuka" not in heard(here, call)
        await goodbye(here, call)


@pytest.mark.parametrize("wait", [0.02, 0.3, 1.0])
async def test_killed_during_the_salutation(lags: Lags, wait: float) -> None:
    """It is said anew, behind nothing."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        here.asterisk.press("1001", "*4")
        await anyio.sleep(2)
        here.asterisk.press("1001", "*0")
        await here.until(lambda: "call.closed" in here.told(call))
        await anyio.sleep(wait)
        await restart(here)
        await here.ended(call, seconds=10)
        assert heard(here, call)[-1] == "salam-penutup"


async def test_who_has_been_answered_was_not_abandoned(lags: Lags) -> None:
    """The caller waits again, a new application takes them up, and they hang up."""
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await lose_operator(here, call)
        await restart(here)
        await goodbye(here, call)
    assert here.end_of(call)["outcome"] == "answered"


async def test_a_mark_during_the_salutation_says_it_once(lags: Lags) -> None:
    async with floor("1001", lags=lags) as here:
        call = await in_talk(here)
        await press(here, "1001", "*0")
        assert here.app is not None
        assert here.app.router.mark_living(call, "supervisor:budi", None) is not None
        await here.ended(call)
        assert heard(here, call).count("salam-penutup") == 1
        assert here.told(call).count("call.closed") == 1
        assert here.told(call).count("prank.marked") == 1
