"""The roster: which operator is logged in at which desk, and which desks are ready (SOP II, V.2).

It holds the state while the application runs. Every change is a fact first, and the state is folded from the facts
that were told, so that whoever reads the journal comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from typing import Final, Protocol

import anyio
import anyio.to_thread

from ari_app.domain.commands import CommandRefused
from ari_app.domain.facts import Fact, Json
from ari_app.domain.guesses import LOCK_SECONDS, WRONG_PINS
from ari_app.domain.operators import (
    DeskPlace,
    LoggedOut,
    LoginRefused,
    NotReady,
    Operator,
    PinNotKept,
    RosterState,
    fold,
    is_name,
    is_nrp,
)

__all__ = ["LOCK_SECONDS", "WRONG_PINS", "LoginResult", "Pins", "Roster", "RosterRefused", "Tried"]

_AT_A_TIME: Final = 2
"""PINs checked at the same time: each takes a core and 19 MiB, and calls come first."""


class RosterRefused(CommandRefused):
    """It cannot be done; the text is one sentence. Nothing was changed."""


class LoginResult(Enum):
    """What became of a login by phone."""

    OK = "ok"
    WRONG = "wrong"
    LOCKED = "locked"
    UNKNOWN_STAFF = "unknown_staff"


class Pins(Protocol):
    """Who knows the operators' PINs. All of it takes its time: it is called in worker threads."""

    def verify(self, nrp: str, pin: str) -> bool:
        """Whether this is the operator's PIN."""

    def keep(self, nrp: str, pin_hash: str) -> None:
        """Keep an operator's hash; raises ``PinNotKept``."""

    def forget(self, nrp: str) -> None:
        """Forget an operator's hash; raises ``PinNotKept``."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What a desk's phone had tried before we began: so many wrong PINs, and for how many seconds it is locked yet."""

    wrong: int = 0
    locked_for: float = 0.0


class _Guard:
    """What a desk's phone has tried: one attempt at a time, so that nobody guesses on several lines at once."""

    def __init__(self, tried: Tried, now: float) -> None:
        self.lock = anyio.Lock()
        self.wrong = tried.wrong
        self.locked_until = now + min(tried.locked_for, LOCK_SECONDS)


class Roster:
    """Who sits where. Everything but ``login_by_phone`` and the changes of PINs is done at once.

    Actors are ``operator:NRP``, ``desk:EXT``, ``supervisor:NAME`` or ``system``. ``on_change`` is called with the
    extension of a desk whose staff or readiness has just changed.
    """

    def __init__(  # noqa: PLR0913 - what it is joined with, each by its name
        self,
        desks: Mapping[str, DeskPlace],
        *,
        units: Collection[str],
        tell: Callable[[Fact], None],
        pins: Pins,
        state: RosterState | None,
        clock: Callable[[], float],
        tried: Mapping[str, Tried] | None = None,
    ) -> None:
        """``desks`` by extension; ``units`` are ``polda`` and the Polres codes; ``clock`` only goes forward (seconds).

        Who is logged in, in the restored ``state``, at a desk that is gone or another unit's now, is logged out; None:
        it is not known yet (``learn``). ``tried`` is what was dialled at each desk, so that a restart unlocks none.
        """
        self.on_change: Callable[[str], None] | None = None
        self._desks = dict(desks)
        self._units = frozenset(units)
        self._tell = tell
        self._pins = pins
        self._state = state or RosterState()
        self._unread: list[Fact] | None = [] if state is None else None  # told while it is not known what was before
        self._clock = clock
        before = tried or {}
        self._guards = {extension: _Guard(before.get(extension, Tried()), clock()) for extension in desks}
        self._office = anyio.Lock()
        self._checking: anyio.CapacityLimiter | None = None
        self._put_out()

    def learn(self, state: RosterState) -> None:
        """What was before the start, which could not be read then; what was told since goes on from there."""
        if self._unread is None:
            return
        self._state, self._unread = reduce(fold, self._unread, state), None
        self._put_out()
        for desk in self._desks:
            self._changed(desk)

    def _put_out(self) -> None:
        for desk, seat in self._state.seats.items():
            if seat.operator is not None and not self._fits(seat.operator, desk):
                self._leave(seat.operator, desk, LoggedOut.REMOVED, "system")

    # ---- what is so --------------------------------------------------------------------------------

    @property
    def state(self) -> RosterState:
        """All of it, as it is folded."""
        return self._state

    @property
    def is_known(self) -> bool:
        """Whether it is known who sits where. Until then nobody is ready, and somebody may be at any desk."""
        return self._unread is None

    def operators(self) -> list[Operator]:
        """Everybody, by NRP."""
        return [self._state.operators[nrp] for nrp in sorted(self._state.operators)]

    def desk_of(self, nrp: str) -> str | None:
        """Where an operator is logged in; None: nowhere."""
        return self._state.desk_of(nrp)

    def operator_at(self, desk: str) -> str | None:
        """The NRP of who is logged in at a desk."""
        return self._state.seat(desk).operator

    def is_staffed(self, desk: str) -> bool:
        """Whether somebody is logged in there, or nobody needs to be; or somebody may be, as far as is known."""
        return self._is_manned(desk) or (desk in self._desks and not self.is_known)

    def is_ready(self, desk: str) -> bool:
        """Whether who is there takes calls; never where nobody is known to be."""
        return self.is_known and self._is_manned(desk) and self._state.seat(desk).ready

    def _is_manned(self, desk: str) -> bool:
        place = self._desks.get(desk)
        return place is not None and (not place.login or self.operator_at(desk) is not None)

    def reason(self, desk: str) -> str | None:
        """Why a desk is not ready; None when it is."""
        return self._state.seat(desk).reason

    # ---- the people --------------------------------------------------------------------------------

    async def add(self, nrp: str, name: str, unit: str, pin_hash: str, actor: str) -> None:
        """Take up an operator.

        Raises:
            RosterRefused: there is one with this NRP, the unit is unknown, or something cannot be what it is to be.
        """
        async with self._office:
            self._check_known()
            if nrp in self._state.operators:
                raise RosterRefused(f"there is an operator {nrp} already")
            if not is_nrp(nrp):
                raise RosterRefused("an NRP has 4 to 18 digits")
            if not is_name(name):
                raise RosterRefused("a name has 1 to 80 printable characters")
            if unit not in self._units:
                raise RosterRefused(f"there is no unit {unit!r}: it is polda or the code of a Polres")
            await _in_thread(self._pins.keep, nrp, pin_hash)  # first: an operator without a PIN could not log in
            self._put("operator.added", actor, operator=nrp, name=name, unit=unit)

    async def remove(self, nrp: str, actor: str) -> None:
        """Log an operator out, if need be, and forget them.

        Raises:
            RosterRefused: there is none with this NRP, or the PIN cannot be forgotten.
        """
        async with self._office:
            self._known(nrp)
            await _in_thread(self._pins.forget, nrp)  # first: nobody gets in by a PIN that was to be gone
            desk = self.desk_of(nrp)
            if desk is not None:
                self._leave(nrp, desk, LoggedOut.REMOVED, actor)
            self._put("operator.removed", actor, operator=nrp)
            self._changed(desk)

    async def set_pin(self, nrp: str, pin_hash: str, actor: str) -> None:
        """Give an operator another PIN; who is logged in stays so.

        Raises:
            RosterRefused: there is none with this NRP, or the PIN cannot be kept.
        """
        async with self._office:
            self._known(nrp)
            await _in_thread(self._pins.keep, nrp, pin_hash)
            self._put("operator.pin_changed", actor, operator=nrp)

    # ---- logging in and out ------------------------------------------------------------------------

    async def login_by_phone(self, desk: str, nrp: str, pin: str) -> LoginResult:
        """Log an operator in who dialled ``*10*NRP*PIN``; every refusal is a fact.

        The third wrong PIN in a row locks the desk for a minute. An NRP that nobody has counts, and takes, as much
        as a wrong PIN: nobody learns which it was. While the staff is unknown nobody can be right, and nothing counts.

        Raises:
            RosterRefused: there is no such desk.
        """
        self._place(desk)
        guard = self._guards[desk]
        async with guard.lock:
            if guard.locked_until > self._clock():
                self._refuse(desk, nrp, LoginRefused.LOCKED)
                return LoginResult.LOCKED
            if not self.is_known:
                return LoginResult.UNKNOWN_STAFF
            is_right = await anyio.to_thread.run_sync(self._pins.verify, nrp, pin, limiter=self._limiter())
            if nrp not in self._state.operators or not is_right:
                self._wrong(desk, nrp, guard)
                return LoginResult.WRONG
            guard.wrong = 0
            if not self._fits(nrp, desk):
                self._refuse(desk, nrp, LoginRefused.WRONG_UNIT)
                return LoginResult.WRONG
            self._enter(nrp, desk, f"operator:{nrp}")
            return LoginResult.OK

    def login(self, nrp: str, desk: str, actor: str) -> None:
        """Log an operator in without a PIN, as a supervisor may. The desk is ready then.

        They leave the desk at which they were, and who was at this one is logged out.

        Raises:
            RosterRefused: there is no such operator or desk, or it is another unit's desk.
        """
        operator, place = self._known(nrp), self._place(desk)
        if operator.unit != place.unit:
            raise RosterRefused(f"operator {nrp} is of unit {operator.unit}, desk {desk} of unit {place.unit}")
        self._enter(nrp, desk, actor)

    def logout(self, desk: str, actor: str, reason: str) -> None:
        """Log out who is at a desk; ``reason`` is one of ``LoggedOut``. A desk without ``login`` is ready then.

        Raises:
            RosterRefused: there is no such desk, nobody is logged in there, or there is no such reason.
        """
        self._place(desk)
        why = next((each for each in LoggedOut if each == reason), None)
        if why is None:
            raise RosterRefused(f"{reason!r} is no reason for logging out")
        nrp = self.operator_at(desk)
        if nrp is None:
            raise RosterRefused(f"nobody is logged in at desk {desk}")
        self._leave(nrp, desk, why, actor)
        self._changed(desk)

    # ---- ready or not ------------------------------------------------------------------------------

    def ready(self, desk: str, actor: str) -> None:
        """The desk takes calls; one that does already is left alone.

        Raises:
            RosterRefused: there is no such desk, or nobody is logged in at it.
        """
        self._check_staffed(desk)
        if not self._state.seat(desk).ready:
            self._put("operator.ready", actor, operator=self.operator_at(desk), desk=desk)
            self._changed(desk)

    def not_ready(self, desk: str, reason: str, actor: str) -> None:
        """The desk takes no calls; ``reason`` is one of ``NotReady``.

        That nobody answered is no news at a desk that is not ready already, or where nobody is.

        Raises:
            RosterRefused: there is no such desk, nobody is logged in at it, or there is no such reason.
        """
        if reason not in list(NotReady):
            raise RosterRefused(f"{reason!r} is no reason for not being ready")
        if reason == NotReady.NO_ANSWER and not self.is_ready(desk):
            return
        self._check_staffed(desk)
        if self.reason(desk) != reason:
            self._put("operator.not_ready", actor, operator=self.operator_at(desk), desk=desk, reason=reason)
            self._changed(desk)

    def phone_came(self, desk: str) -> None:
        """The desk's phone has registered: where nobody logs in, that is how they say that they are there again."""
        place = self._desks.get(desk)
        if place is not None and not place.login and self.reason(desk) == NotReady.NO_ANSWER:
            self.ready(desk, "system")

    # ---- within ------------------------------------------------------------------------------------

    def _check_known(self) -> None:
        if not self.is_known:
            raise RosterRefused("the operators cannot be read from the journal: see the application's log")

    def _known(self, nrp: str) -> Operator:
        self._check_known()
        operator = self._state.operators.get(nrp)
        if operator is None:
            raise RosterRefused(f"there is no operator {nrp}: see `siaga operators list`")
        return operator

    def _place(self, desk: str) -> DeskPlace:
        place = self._desks.get(desk)
        if place is None:
            raise RosterRefused(f"there is no desk {desk}: see `siaga desks list`")
        return place

    def _check_staffed(self, desk: str) -> None:
        self._place(desk)
        if not self._is_manned(desk):
            raise RosterRefused(f"nobody is logged in at desk {desk}")

    def _fits(self, nrp: str, desk: str) -> bool:
        operator, place = self._state.operators.get(nrp), self._desks.get(desk)
        return operator is not None and place is not None and operator.unit == place.unit

    def _enter(self, nrp: str, desk: str, actor: str) -> None:
        before, former = self.desk_of(nrp), self.operator_at(desk)
        if before == desk:
            self.ready(desk, actor)
            return
        if former is not None:
            self._leave(former, desk, LoggedOut.REPLACED, actor)
        if before is not None:
            self._leave(nrp, before, LoggedOut.MOVED, actor)
        self._put("operator.logged_in", actor, operator=nrp, desk=desk)
        self._changed(before)
        self._changed(desk)

    def _leave(self, nrp: str, desk: str, reason: LoggedOut, actor: str) -> None:
        self._put("operator.logged_out", actor, operator=nrp, desk=desk, reason=reason.value)

    def _wrong(self, desk: str, nrp: str, guard: _Guard) -> None:
        is_known = nrp in self._state.operators
        self._refuse(desk, nrp, LoginRefused.WRONG_PIN if is_known else LoginRefused.UNKNOWN)
        guard.wrong += 1
        if guard.wrong >= WRONG_PINS:
            guard.wrong, guard.locked_until = 0, self._clock() + LOCK_SECONDS
            self._put("desk.locked", "system", desk=desk, seconds=LOCK_SECONDS)

    def _refuse(self, desk: str, nrp: str, reason: LoginRefused) -> None:
        # What cannot be an NRP is not written down: somebody may have dialled the PIN first.
        dialled = nrp if is_nrp(nrp) else None
        self._put("operator.refused", f"desk:{desk}", desk=desk, operator=dialled, reason=reason.value)

    def _put(self, action: str, actor: str, **data: Json) -> None:
        fact = Fact(actor, action, data=data)
        self._tell(fact)
        if self._unread is not None:
            self._unread.append(fact)
        self._state = fold(self._state, fact)

    def _changed(self, desk: str | None) -> None:
        if desk is not None and self.on_change is not None:
            self.on_change(desk)

    def _limiter(self) -> anyio.CapacityLimiter:
        if self._checking is None:
            self._checking = anyio.CapacityLimiter(_AT_A_TIME)
        return self._checking


async def _in_thread(work: Callable[..., None], *arguments: str) -> None:
    """Disks are slow, and calls do not wait for them.

    Raises:
        RosterRefused: the PIN could not be kept or forgotten.
    """
    try:
        await anyio.to_thread.run_sync(work, *arguments)
    except PinNotKept as error:
        raise RosterRefused(str(error)) from None
