"""Who gets which event, and what happens to who does not take it in."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.ari.errors import InboxFull
from ari_app.ari.inbox import Inbox, Switch
from ari_app.ari.model import CallerID, Channel, DialplanCEP, LegEvent, StasisEnd, leg_of

pytestmark = pytest.mark.anyio


def _event(leg: str) -> StasisEnd:
    return StasisEnd(Channel(leg, f"PJSIP/{leg}-1", "Up", CallerID(), DialplanCEP()))


async def test_order_is_kept_and_get_waits() -> None:
    inbox: Inbox[int] = Inbox()
    got: list[int] = []

    async def read() -> None:
        got.extend([await inbox.get() for _ in range(4)])

    async with anyio.create_task_group() as tasks:
        inbox.put(1)
        inbox.put(2)
        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        assert got == []
        assert len(inbox) == 0
        inbox.put(3)
        inbox.put(4)
    assert got == [1, 2, 3, 4]


async def test_a_cancelled_get_loses_nothing() -> None:
    inbox: Inbox[int] = Inbox()
    with anyio.move_on_after(0) as scope:
        await inbox.get()
    assert scope.cancelled_caught
    inbox.put(1)
    assert await inbox.get() == 1


async def test_a_message_in_the_moment_of_the_cancel_is_not_lost() -> None:
    inbox: Inbox[int] = Inbox()
    got: list[int] = []

    async def read() -> None:
        got.append(await inbox.get())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        inbox.put(1)
        tasks.cancel_scope.cancel()
    assert got == [1] or len(inbox) == 1


async def test_all_desks_of_a_large_centre_may_tell_something_at_once() -> None:
    """A thousand ring for one caller, and each makes some events while the flow waits for an order's answer."""
    inbox: Inbox[int] = Inbox()
    for number in range(8 * 1000):
        inbox.put(number)
    assert [await inbox.get() for _ in range(8 * 1000)] == list(range(8 * 1000))


async def test_an_overrun_inbox_says_so_to_both_sides() -> None:
    inbox: Inbox[int] = Inbox(most=2)
    inbox.put(1)
    inbox.put(2)
    with pytest.raises(InboxFull):
        inbox.put(3)
    with pytest.raises(InboxFull):
        await inbox.get()


async def test_an_overrun_wakes_the_reader() -> None:
    """Even one that waits already."""
    inbox: Inbox[int] = Inbox(most=0)
    async with anyio.create_task_group() as tasks:

        async def read() -> None:
            with pytest.raises(InboxFull):
                await inbox.get()

        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(InboxFull):
            inbox.put(1)


_legs = st.sampled_from(("a", "b", "c"))


def test_whoever_has_taken_a_leg_up_keeps_it() -> None:
    switch = Switch()
    first, second = Inbox[LegEvent](), Inbox[LegEvent]()
    for leg in "ab":
        switch.register(leg, first.put)
    switch.register("a", second.put)
    switch.forget("abc", first.put)
    assert switch.legs() == {"a"}
    switch.route(_event("a"))
    assert (len(first), len(second)) == (0, 1)


@given(st.lists(st.tuples(st.sampled_from(("register", "forget", "route")), _legs)))
def test_the_switch_leads_to_whoever_is_registered(steps: list[tuple[str, str]]) -> None:
    switch = Switch()
    known: set[str] = set()
    got: list[str] = []

    def deliver(event: LegEvent) -> None:
        got.append(leg_of(event))

    expected: list[str] = []
    for what, leg in steps:
        match what:
            case "register":
                switch.register(leg, deliver)
                known.add(leg)
            case "forget":
                switch.forget([leg, "unknown"])
                known.discard(leg)
            case _:
                assert switch.route(_event(leg)) == (leg in known)
                expected += [leg] if leg in known else []
        assert switch.legs() == known
        assert all((leg in switch) == (leg in known) for leg in "abc")
    assert got == expected
