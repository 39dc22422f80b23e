"""Queue and desks together, in any order of what can happen to them (SOP V.2, VIII).

What happens is done here as ``flows/switchboard.py`` does it, on the same pure functions; what must be true of it is
said in other words than theirs.
"""

from __future__ import annotations

from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from ari_app.domain.desks import (
    Desk,
    DeskEvent,
    DeskState,
    Pause,
    is_last_at_work,
    move,
    next_rested,
    pausing,
    with_phone,
)
from ari_app.domain.queue import Priority, Waiting, assign, next_overflow, to_give_up

OVERFLOW: Final = 30.0
PAUSES: Final = {Pause.NONE: 0.0, Pause.REFUSED: 2.0, Pause.WRAP_UP: 15.0}

_chosen = st.integers(0, 100)
"""Which of those to which it can happen."""


class Floor(RuleBasedStateMachine):
    """Calls come, wait and leave; phones and people come and go; time goes on, and the queue's alarm goes off."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.count = 0
        self.desks: dict[str, Desk] = {}
        self.queue: dict[str, Waiting] = {}
        self.has: dict[str, str] = {}
        """The call that each desk has, as far as it was told of one."""

    @initialize(registered=st.sampled_from((1, 2, 3, 9)).flatmap(lambda size: st.lists(st.booleans(), min_size=size)))
    def begin(self, registered: list[bool]) -> None:
        """A shift begins: everybody has logged in, and some of the phones are registered."""
        for number, is_registered in enumerate(registered[:9]):
            extension = str(1001 + number)
            self.desks[extension] = Desk(extension, registered=is_registered, idle_since=self.now - number)

    # ---- as the switchboard does it

    def match(self) -> None:
        before = dict(self.desks)
        pairs = assign(self.queue.values(), list(self.desks.values()), now=self.now, overflow=OVERFLOW)
        for call, extension in pairs:
            assert extension not in self.has, "no desk has two calls"
            self.has[extension] = call
            verifies = self.queue[call].priority is Priority.VERIFICATION
            event = DeskEvent.OFFER
            self.desks[extension] = move(self.desks[extension], event, now=self.now, call=call, verifies=verifies)
        given: dict[str, list[Desk]] = {}
        for call, extension in pairs:
            given.setdefault(call, []).append(before[extension])
        calls = dict(self.queue)
        for call in given:
            self.count_offers(call)
        self.check_what_was_given(calls, given)
        for call in to_give_up(list(self.queue.values()), now=self.now, overflow=OVERFLOW):
            self.end_offers(call)

    def count_offers(self, call: str) -> None:
        if call in self.queue:
            offers = sum(desk.call == call for desk in self.desks.values())
            self.queue[call] = replace(self.queue[call], offers=offers)

    def release(self, extension: str, pause: Pause = Pause.NONE) -> None:
        call = self.has.pop(extension)
        self.desks[extension] = move(self.desks[extension], DeskEvent.RELEASE, now=self.now)
        if pause is not Pause.NONE:
            self.desks[extension] = pausing(self.desks[extension], pause, self.now + PAUSES[pause])
        self.count_offers(call)
        self.match()

    def end_offers(self, call: str) -> None:
        """It rings nowhere any more."""
        for extension in [each for each, has in self.has.items() if has == call]:
            if self.desks[extension].state is DeskState.RINGING:
                self.release(extension)

    def withdraw(self, call: str) -> None:
        gone = self.queue.pop(call, None)
        radio = Priority.RADIO
        if gone is not None and (gone.priority is radio or any(each.priority is radio for each in self.queue.values())):
            self.match()

    def those(self, *states: DeskState) -> list[str]:
        return [extension for extension, desk in self.desks.items() if desk.state in states]

    # ---- calls

    @rule(priority=st.sampled_from(Priority), waited=st.sampled_from((0.0, 0.0, 5.0, 29.0, 40.0)))
    def come(self, priority: Priority, waited: float) -> None:
        """A call comes, or comes back: then it may have waited before."""
        self.count += 1
        call = f"c{self.count}"
        self.queue[call] = Waiting(call, self.now - waited, self.count, priority)
        self.match()

    @precondition(lambda self: self.queue)
    @rule(which=_chosen)
    def leave(self, which: int) -> None:
        """A caller hangs up."""
        call = list(self.queue)[which % len(self.queue)]
        self.withdraw(call)
        self.end_offers(call)

    @precondition(lambda self: self.queue)
    @rule(which=_chosen, priority=st.sampled_from((Priority.EMERGENCY, Priority.NORMAL)))
    def promote(self, which: int, priority: Priority) -> None:
        """A blocked caller says that it is an emergency, or an operator does."""
        call = list(self.queue)[which % len(self.queue)]
        self.queue[call] = replace(self.queue[call], priority=min(priority, self.queue[call].priority))
        self.match()

    # ---- desks in a call

    @precondition(lambda self: self.those(DeskState.RINGING))
    @rule(which=_chosen)
    def answer(self, which: int) -> None:
        """The first to answer has the call, and nobody else rings for it any more."""
        ringing = self.those(DeskState.RINGING)
        extension = ringing[which % len(ringing)]
        self.desks[extension] = move(self.desks[extension], DeskEvent.ANSWER, now=self.now)
        call = self.has[extension]
        self.withdraw(call)
        self.end_offers(call)

    @precondition(lambda self: self.those(DeskState.RINGING))
    @rule(which=_chosen)
    def do_not_answer(self, which: int) -> None:
        """That desk gets not ready, unless it is the last one that is ready."""
        ringing = self.those(DeskState.RINGING)
        extension = ringing[which % len(ringing)]
        desk = self.desks[extension]
        if desk.is_at_work and not is_last_at_work(extension, self.desks.values()):
            self.desks[extension] = replace(desk, ready=False)
            self.match()
        self.release(extension)

    @precondition(lambda self: self.those(DeskState.RINGING))
    @rule(which=_chosen)
    def refuse(self, which: int) -> None:
        ringing = self.those(DeskState.RINGING)
        self.release(ringing[which % len(ringing)], Pause.REFUSED)

    @precondition(lambda self: self.those(DeskState.TALKING))
    @rule(which=_chosen, pause=st.sampled_from((Pause.NONE, Pause.WRAP_UP)))
    def hang_up(self, which: int, pause: Pause) -> None:
        talking = self.those(DeskState.TALKING)
        self.release(talking[which % len(talking)], pause)

    @precondition(lambda self: self.those(DeskState.FREE))
    @rule(which=_chosen, rings=st.booleans())
    def another_call(self, which: int, rings: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
        """The desk dials somebody itself, or rings out of turn: it is asked by another desk."""
        free = self.those(DeskState.FREE)
        extension = free[which % len(free)]
        if rings and not self.desks[extension].can_ring(self.now):
            return
        self.count += 1
        self.has[extension] = call = f"other{self.count}"
        event = DeskEvent.OFFER if rings else DeskEvent.TAKE
        self.desks[extension] = move(self.desks[extension], event, now=self.now, call=call)

    # ---- phones, people, time

    @rule(which=_chosen, registered=st.booleans())
    def phone(self, which: int, registered: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
        extension = list(self.desks)[which % len(self.desks)]
        self.desks[extension] = with_phone(self.desks[extension], registered=registered, now=self.now)
        self.match()

    @rule(which=_chosen, staffed=st.booleans(), ready=st.booleans())
    def people(self, which: int, staffed: bool, ready: bool) -> None:  # noqa: FBT001 - Hypothesis passes them by name
        extension = list(self.desks)[which % len(self.desks)]
        self.desks[extension] = replace(self.desks[extension], staffed=staffed, ready=ready)
        self.match()

    @rule(which=_chosen)
    def end_wrap_up(self, which: int) -> None:
        extension = list(self.desks)[which % len(self.desks)]
        if self.desks[extension].pause is Pause.WRAP_UP:
            self.desks[extension] = pausing(self.desks[extension], Pause.NONE, self.now)
            self.match()

    @rule(seconds=st.sampled_from((0.5, 2.0, 5.0, 15.0, 60.0)))
    def time_goes_on(self, seconds: float) -> None:
        """The queue is looked at when the alarm goes off, and at no other moment."""
        until = self.now + seconds
        while True:
            moments = (
                next_rested(self.desks.values(), self.now),
                next_overflow(self.queue.values(), self.now, OVERFLOW),
            )
            alarm = min(filter(None, moments), default=None)
            if alarm is None or alarm > until:
                break
            assert alarm > self.now
            self.now = alarm
            self.match()
        self.now = until

    # ---- what must be so

    def rings_all(self, each: Waiting) -> bool:
        """Every desk is for this call: by its wait, or because nobody is ready. Never for a blocked number."""
        nobody = not any(desk.registered and desk.staffed and desk.ready for desk in self.desks.values())
        return each.is_citizen and (nobody or self.now - each.since >= OVERFLOW)

    def share(self) -> int:
        """How many desks may have blocked numbers: one in four of those at work, and one in any case."""
        at_work = [desk for desk in self.desks.values() if desk.registered and desk.staffed and desk.ready]
        return max(1, len(at_work) // 4)

    def verifying(self) -> int:
        return sum(desk.verifies for desk in self.desks.values())

    def is_ready(self, desk: Desk) -> bool:
        """Whether somebody is there, and ready, and not about to finish the last call."""
        return desk.registered and desk.staffed and desk.ready and desk.pause_until <= self.now

    def free_and_ready(self) -> list[Desk]:
        return [desk for extension, desk in self.desks.items() if extension not in self.has and self.is_ready(desk)]

    def check_what_was_given(self, calls: dict[str, Waiting], given: dict[str, list[Desk]]) -> None:
        """Of one round: ``calls`` as they waited before it, and the desks that each got, as those were before it."""
        for call, desks in given.items():
            each = calls[call]
            before = [
                other
                for other in calls.values()
                if (other.priority, other.since, other.number) < (each.priority, each.since, each.number)
            ]
            assert not any(self.rings_all(other) for other in before), "every desk was for one before it"
            if any(self.is_ready(desk) for desk in desks):  # others are for those only whose every desk rings
                assert all(self.queue[other.call].offers for other in before), "one before it has none"
            if not self.rings_all(each):
                (desk,) = desks
                assert each.offers == 0, "a call that rings is not rung elsewhere"
                assert all(desk.idle_since <= other.idle_since for other in self.free_and_ready()), "longest idle first"
        if any(calls[call].priority is Priority.VERIFICATION for call in given):
            assert self.verifying() <= self.share(), "no more than their share"

    @invariant()
    def a_desk_has_what_it_was_given(self) -> None:
        assert self.has == {extension: desk.call for extension, desk in self.desks.items() if desk.call is not None}
        assert set(self.has) == set(self.those(DeskState.RINGING, DeskState.TALKING))
        for call, each in self.queue.items():
            assert each.offers == list(self.has.values()).count(call)

    @invariant()
    def nobody_waits_beside_a_free_ready_desk(self) -> None:
        if not self.free_and_ready():
            return
        without = [each for each in self.queue.values() if not each.offers]
        if any(each.priority is Priority.RADIO for each in without):
            citizens = sum(each.is_citizen for each in self.queue.values())
            assert len(self.free_and_ready()) <= citizens, "an officer leaves as many as citizens may need"
            without = [each for each in without if each.is_citizen]
        assert all(each.priority is Priority.VERIFICATION for each in without)
        assert not without or self.verifying() >= self.share(), "blocked numbers get their share"

    @invariant()
    def no_citizen_waits_because_of_an_officer(self) -> None:
        rings = any(each.priority is Priority.RADIO and each.offers for each in self.queue.values())
        assert not rings or all(each.offers for each in self.queue.values() if each.is_citizen)

    @invariant()
    def a_long_wait_rings_all(self) -> None:
        """Also desks that are not ready, or in wrap-up; not a phone that has just refused."""
        if any(self.rings_all(each) for each in self.queue.values()):
            for extension, desk in self.desks.items():
                refused = desk.pause is Pause.REFUSED and desk.pause_until > self.now
                assert extension in self.has or not desk.registered or refused, extension

    @invariant()
    def blocked_numbers_take_no_more_than_one_desk_each(self) -> None:
        assert all(each.offers <= 1 for each in self.queue.values() if each.priority is Priority.VERIFICATION)


Floor.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestFloor = Floor.TestCase
