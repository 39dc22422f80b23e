"""The roster: what each change tells, who is told of it, and logging in by phone."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from ari_app.domain.operators import Operator, RosterState, Seat
from ari_app.flows.roster import LOCK_SECONDS, WRONG_PINS, LoginResult, RosterRefused, Tried
from tests.unit.roster_site import ACTOR, DESKS, Floor

pytestmark = pytest.mark.anyio
OK, WRONG, LOCKED = LoginResult.OK, LoginResult.WRONG, LoginResult.LOCKED


@pytest.fixture
async def floor(anyio_backend: str) -> Floor:
    return await Floor().people()


async def test_add(anyio_backend: str) -> None:
    floor = Floor()
    await floor.roster.add("11111", "Bripda Ani", "polda", "rahasia", ACTOR)
    assert floor.news() == [
        (ACTOR, "operator.added", {"operator": "11111", "name": "Bripda Ani", "unit": "polda"}),
    ]
    assert floor.pins.pins == {"11111": "rahasia"}


@pytest.mark.parametrize(
    ("nrp", "name", "unit", "said"),
    [
        ("11111", "Ani", "polda", "there is an operator 11111 already"),
        ("123", "Ani", "polda", "4 to 18 digits"),
        ("44444", "", "polda", "80 printable characters"),
        ("44444", "Ani\n", "polda", "80 printable characters"),
        ("44444", "Ani", "99", "there is no unit '99'"),
    ],
)
async def test_add_refused(floor: Floor, nrp: str, name: str, unit: str, said: str) -> None:
    before = dict(floor.pins.pins)
    with pytest.raises(RosterRefused, match=said):
        await floor.roster.add(nrp, name, unit, "rahasia", ACTOR)
    assert floor.told == []
    assert floor.pins.pins == before


async def test_a_full_disk_changes_nothing(floor: Floor) -> None:
    floor.pins.full = True
    before = floor.roster.state
    for attempt in (
        floor.roster.add("44444", "Ani", "polda", "rahasia", ACTOR),
        floor.roster.set_pin("11111", "rahasia", ACTOR),
        floor.roster.remove("11111", ACTOR),
    ):
        with pytest.raises(RosterRefused, match="No space left"):
            await attempt
    assert floor.told == []
    assert floor.roster.state == before


async def test_two_at_once_add_one(anyio_backend: str) -> None:
    floor = Floor()
    refused = []

    async def add() -> None:
        try:
            await floor.roster.add("11111", "Ani", "polda", "rahasia", ACTOR)
        except RosterRefused:
            refused.append(1)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(add)
        tasks.start_soon(add)
    assert refused == [1]
    assert len(floor.told) == 1


async def test_remove_and_another_pin(floor: Floor) -> None:
    floor.roster.login("11111", "1001", ACTOR)
    floor.news()
    floor.changed.clear()
    await floor.roster.set_pin("11111", "lain", ACTOR)
    assert floor.roster.desk_of("11111") == "1001"
    await floor.roster.remove("11111", ACTOR)
    assert floor.news() == [
        (ACTOR, "operator.pin_changed", {"operator": "11111"}),
        (ACTOR, "operator.logged_out", {"operator": "11111", "desk": "1001", "reason": "removed"}),
        (ACTOR, "operator.removed", {"operator": "11111"}),
    ]
    assert floor.changed == ["1001"]
    assert "11111" not in floor.pins.pins
    for attempt in (floor.roster.remove("11111", ACTOR), floor.roster.set_pin("11111", "x", ACTOR)):
        with pytest.raises(RosterRefused, match="there is no operator 11111"):
            await attempt


async def test_login_moves_and_replaces(floor: Floor) -> None:
    roster = floor.roster
    roster.login("11111", "1001", ACTOR)
    roster.login("22222", "1002", ACTOR)
    floor.news()
    floor.changed.clear()
    roster.login("11111", "1002", ACTOR)
    assert floor.news() == [
        (ACTOR, "operator.logged_out", {"operator": "22222", "desk": "1002", "reason": "replaced"}),
        (ACTOR, "operator.logged_out", {"operator": "11111", "desk": "1001", "reason": "moved"}),
        (ACTOR, "operator.logged_in", {"operator": "11111", "desk": "1002"}),
    ]
    assert floor.changed == ["1001", "1002"]
    assert (roster.operator_at("1001"), roster.operator_at("1002"), roster.desk_of("22222")) == (None, "11111", None)


async def test_login_again_at_the_same_desk_makes_ready(floor: Floor) -> None:
    floor.roster.login("11111", "1001", ACTOR)
    floor.news()
    floor.roster.login("11111", "1001", ACTOR)
    assert floor.news() == []
    floor.roster.not_ready("1001", "meal", "operator:11111")
    floor.roster.login("11111", "1001", ACTOR)
    assert [action for _, action, _ in floor.news()] == ["operator.not_ready", "operator.ready"]


@pytest.mark.parametrize(
    ("nrp", "desk", "said"),
    [
        ("44444", "1001", "there is no operator 44444"),
        ("11111", "9999", "there is no desk 9999"),
        ("11111", "2001", "operator 11111 is of unit polda, desk 2001 of unit 01"),
        ("33333", "1001", "operator 33333 is of unit 01, desk 1001 of unit polda"),
    ],
)
async def test_login_refused(floor: Floor, nrp: str, desk: str, said: str) -> None:
    with pytest.raises(RosterRefused, match=said):
        floor.roster.login(nrp, desk, ACTOR)
    assert (floor.told, floor.changed) == ([], [])


async def test_ready_and_not(floor: Floor) -> None:
    roster = floor.roster
    roster.login("11111", "1001", ACTOR)
    floor.news()
    floor.changed.clear()
    assert roster.is_ready("1001")
    roster.not_ready("1001", "prayer", "operator:11111")
    roster.not_ready("1001", "prayer", "operator:11111")
    assert (roster.is_ready("1001"), roster.reason("1001")) == (False, "prayer")
    roster.not_ready("1001", "no_answer", "system")
    assert roster.reason("1001") == "prayer", "that nobody answers says less than why"
    roster.ready("1001", "operator:11111")
    roster.ready("1001", "operator:11111")
    assert floor.news() == [
        ("operator:11111", "operator.not_ready", {"operator": "11111", "desk": "1001", "reason": "prayer"}),
        ("operator:11111", "operator.ready", {"operator": "11111", "desk": "1001"}),
    ]
    assert floor.changed == ["1001", "1001"]


async def test_what_is_refused_of_an_empty_or_unknown_desk(floor: Floor) -> None:
    roster = floor.roster
    for desk, said in (("1001", "nobody is logged in at desk 1001"), ("9999", "there is no desk 9999")):
        for attempt in (
            partial(roster.ready, desk, ACTOR),
            partial(roster.not_ready, desk, "rest", ACTOR),
            partial(roster.logout, desk, ACTOR, "supervisor"),
        ):
            with pytest.raises(RosterRefused, match=said):
                attempt()
        roster.not_ready(desk, "no_answer", "system")
    for attempt in (partial(roster.not_ready, "1003", "tidur", ACTOR), partial(roster.logout, "1003", ACTOR, "tidur")):
        with pytest.raises(RosterRefused, match="'tidur' is no reason"):
            attempt()
    assert (floor.told, floor.changed) == ([], [])


async def test_a_desk_that_needs_nobody(floor: Floor) -> None:
    roster = floor.roster
    assert roster.is_staffed("1003")
    assert roster.is_ready("1003")
    roster.not_ready("1003", "no_answer", "system")
    assert floor.news() == [
        ("system", "operator.not_ready", {"operator": None, "desk": "1003", "reason": "no_answer"}),
    ]
    roster.phone_came("1003")
    assert floor.news() == [("system", "operator.ready", {"operator": None, "desk": "1003"})]
    roster.not_ready("1003", "supervisor", ACTOR)
    roster.phone_came("1003")
    assert not roster.is_ready("1003"), "a supervisor's word outlasts a phone that is switched off and on"
    roster.login("11111", "1003", ACTOR)
    assert roster.is_ready("1003")
    roster.logout("1003", ACTOR, "supervisor")
    assert roster.is_staffed("1003")


async def test_a_phone_that_came_says_nothing_of_who_logs_in(floor: Floor) -> None:
    floor.roster.login("11111", "1001", ACTOR)
    floor.roster.not_ready("1001", "no_answer", "system")
    floor.roster.phone_came("1001")
    floor.roster.phone_came("9999")
    assert floor.roster.reason("1001") == "no_answer"


# ---- by phone


async def test_login_by_phone(floor: Floor) -> None:
    assert await floor.roster.login_by_phone("1001", "11111", "pin11111") is OK
    assert floor.news() == [("operator:11111", "operator.logged_in", {"operator": "11111", "desk": "1001"})]
    assert floor.changed == ["1001"]


@pytest.mark.parametrize(
    ("nrp", "pin", "dialled", "reason"),
    [
        ("11111", "0000", "11111", "wrong_pin"),
        ("99999", "0000", "99999", "unknown"),
        ("33333", "pin33333", "33333", "wrong_unit"),
        ("12", "0000", None, "unknown"),
        ("", "", None, "unknown"),
    ],
)
async def test_refused_by_phone(floor: Floor, nrp: str, pin: str, dialled: str | None, reason: str) -> None:
    assert await floor.roster.login_by_phone("1001", nrp, pin) is WRONG
    assert floor.news() == [("desk:1001", "operator.refused", {"desk": "1001", "operator": dialled, "reason": reason})]
    assert floor.pins.asked == [nrp], "an unknown one takes as long"
    assert floor.changed == []


async def test_unknown_desk_by_phone(floor: Floor) -> None:
    with pytest.raises(RosterRefused, match="there is no desk 9999"):
        await floor.roster.login_by_phone("9999", "11111", "pin11111")


async def test_the_third_wrong_pin_locks_the_desk_for_a_minute(floor: Floor) -> None:
    login = floor.roster.login_by_phone
    assert [await login("1001", nrp, "0000") for nrp in ("11111", "99999", "11111")] == [WRONG] * 3
    assert floor.news()[-1] == ("system", "desk.locked", {"desk": "1001", "seconds": 60})
    asked = len(floor.pins.asked)
    assert await login("1001", "11111", "pin11111") is LOCKED
    assert len(floor.pins.asked) == asked, "nothing is checked, so nothing can be guessed"
    assert floor.news() == [
        ("desk:1001", "operator.refused", {"desk": "1001", "operator": "11111", "reason": "locked"}),
    ]
    assert await login("1002", "11111", "pin11111") is OK, "other desks are not locked"
    floor.now += LOCK_SECONDS - 0.1
    assert await login("1001", "11111", "pin11111") is LOCKED
    floor.now += 0.1
    assert await login("1001", "11111", "0000") is WRONG, "it counts from the beginning"
    assert await login("1001", "11111", "pin11111") is OK


async def test_a_right_pin_resets_the_count(floor: Floor) -> None:
    for _ in range(4):
        assert await floor.roster.login_by_phone("1001", "11111", "0000") is WRONG
        assert await floor.roster.login_by_phone("1001", "11111", "1111") is WRONG
        assert await floor.roster.login_by_phone("1001", "11111", "pin11111") is OK


async def test_a_restart_unlocks_nothing(anyio_backend: str) -> None:
    """Nor does it forget the wrong PINs; and it locks nobody for longer than the minute."""
    tried = {"1001": Tried(locked_for=20.0), "1002": Tried(wrong=2), "1003": Tried(locked_for=1e9), "9": Tried(2, 9)}
    floor = await Floor(tried=tried).people()
    login = floor.roster.login_by_phone
    assert await login("1001", "11111", "pin11111") is LOCKED
    assert await login("1002", "11111", "0000") is WRONG
    assert floor.news()[-1] == ("system", "desk.locked", {"desk": "1002", "seconds": 60})
    floor.now += 20
    assert await login("1001", "11111", "pin11111") is OK
    floor.now += LOCK_SECONDS - 20.1
    assert await login("1003", "22222", "pin22222") is LOCKED
    floor.now += 0.1
    assert await login("1003", "22222", "pin22222") is OK


async def test_many_lines_at_once_guess_no_more_than_one(floor: Floor) -> None:
    results: list[LoginResult] = []

    async def guess(pin: int) -> None:
        results.append(await floor.roster.login_by_phone("1001", "11111", f"{pin:04}"))

    async with anyio.create_task_group() as tasks:
        for pin in range(20):
            tasks.start_soon(guess, pin)
    assert (results.count(WRONG), results.count(LOCKED)) == (3, 17)
    assert len(floor.pins.asked) == 3


async def test_removed_while_the_pin_is_checked(floor: Floor) -> None:
    """The check takes its time; what is true afterwards counts."""
    verify = floor.pins.verify

    def removing(nrp: str, pin: str) -> bool:
        is_right = verify(nrp, pin)
        anyio.from_thread.run(floor.roster.remove, nrp, ACTOR)
        return is_right

    floor.pins.verify = removing  # type: ignore[method-assign]  # for this test
    assert await floor.roster.login_by_phone("1001", "11111", "pin11111") is WRONG
    assert floor.roster.operator_at("1001") is None


# ---- the journal could not be read -------------------------------------------------------------------


async def test_nobody_is_taken_up_or_sent_away_before_the_roster_is_known(anyio_backend: str) -> None:
    floor = Floor(is_read=False)
    roster = floor.roster
    assert [(roster.is_staffed(desk), roster.is_ready(desk)) for desk in (*DESKS, "9999")] == [
        *[(True, False)] * len(DESKS), (False, False),
    ]  # fmt: skip
    for attempt in (
        roster.add("11111", "Ani", "polda", "rahasia", ACTOR),
        roster.set_pin("11111", "rahasia", ACTOR),
        roster.remove("11111", ACTOR),
    ):
        with pytest.raises(RosterRefused, match="cannot be read from the journal"):
            await attempt
    with pytest.raises(RosterRefused, match="cannot be read from the journal"):
        roster.login("11111", "1001", ACTOR)
    with pytest.raises(RosterRefused, match="nobody is logged in"):
        roster.ready("1001", "desk:1001")
    assert (floor.told, floor.pins.pins) == ([], {})


async def test_what_was_told_before_the_roster_was_known_stands(anyio_backend: str) -> None:
    floor = Floor(is_read=False)
    floor.roster.not_ready("1003", "rest", ACTOR)
    people = {nrp: Operator(nrp, "Ani", "polda") for nrp in ("11111", "22222")}
    floor.news()
    floor.roster.learn(RosterState(people, {"1001": Seat("11111"), "9999": Seat("22222"), "1003": Seat()}))
    assert floor.news() == [
        ("system", "operator.logged_out", {"operator": "22222", "desk": "9999", "reason": "removed"}),
    ]
    assert {*DESKS} <= {*floor.changed}
    assert [desk for desk in DESKS if floor.roster.is_ready(desk)] == ["1001"]
    assert (floor.roster.operator_at("1001"), floor.roster.reason("1003")) == ("11111", "rest")
    floor.roster.learn(RosterState())
    assert floor.roster.operator_at("1001") == "11111", "it is known by now"


async def test_no_pin_is_wrong_while_the_roster_is_not_known(anyio_backend: str) -> None:
    floor = Floor(is_read=False)
    for _ in range(2 * WRONG_PINS):
        assert await floor.roster.login_by_phone("1001", "11111", "pin11111") is LoginResult.UNKNOWN_STAFF
    assert floor.told == []
