"""Complaints: opened when a call is answered, filled in and closed by operators and supervisors (SOP V.3 to V.11)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self, TypeAlias

import anyio
import anyio.to_thread
from msgspec.structs import replace
from pydantic import model_validator

from ari_app.domain.commands import Handler
from ari_app.domain.complaint_fields import FieldRules, changes_to, reason_text
from ari_app.domain.complaints import (
    ComplaintRefused,
    ComplaintRow,
    TicketKey,
    fold_complaint,
    next_ticket,
    ticket,
)
from ari_app.domain.facts import Fact, Json, Record
from ari_app.flows.office import Arguments, command

Classified: TypeAlias = Callable[[str, bool | None, str | None], None]
"""Is told of a living call: its id, whether it is an emergency, and its kind (``KINDS``); None: not entered."""


class Tickets:
    """Hands out ticket numbers: without gaps, each day from 1, never one twice. From any thread."""

    def __init__(self, last: TicketKey | None, today: Callable[[], date]) -> None:
        """``last`` is the journal's last ticket; ``today`` the date in the site's time zone."""
        self._last = last
        self._today = today
        self._one_at_a_time = threading.Lock()

    def next(self) -> str:
        """The next ticket."""
        with self._one_at_a_time:
            self._last = next_ticket(self._last, self._today())
            return ticket(*self._last)


@dataclass(slots=True)
class _Known:
    """A living call's complaint."""

    call: str
    ticket: str
    is_open: bool = True


class Complaints:
    """The complaints of the living calls; those of calls that are over are in the journal only.

    They are opened and forgotten from any thread: the flows are in one, the dialplan's notes in another.
    """

    def __init__(
        self, tell: Callable[[Fact], None], tickets: Tickets, living: Mapping[str, ComplaintRow] | None = None
    ) -> None:
        """``tell`` is the journal's; ``living`` are the complaints that the living calls have from before us."""
        self._tell = tell
        self._tickets = tickets
        self._known = {
            call: _Known(call, row.ticket, is_open=row.status != "closed") for call, row in (living or {}).items()
        }
        self._opening = threading.Lock()
        self._rows = dict(living or {})

    def row_of(self, call: str) -> ComplaintRow | None:
        """What was told of a living call's complaint so far, by whomever; None: it has none. Its times are not kept."""
        return self._rows.get(call)

    def open(self, call: str, number: str | None, actor: str, **data: Json) -> str:
        """Open a call's complaint, or take up the one that it has; its ticket (SOP V.3).

        ``number`` is the caller's (E.164), ``data`` says at which ``desk`` and by which ``operator``.
        """
        given = {name: value for name, value in data.items() if value is not None}
        return self._open(Fact(actor, "complaint.opened", call, {"number": number, **given}), call)

    def open_as(self, fact: Fact) -> None:
        """The same for a ``complaint.opened`` of a call that is told by somebody else; it has no ticket yet."""
        if fact.call is not None:
            self._open(fact, fact.call)

    def _open(self, fact: Fact, call: str) -> str:
        # Tickets are told in the order in which they are handed out: they are looked for in the journal by halving.
        with self._opening:
            known = self._known.get(call)
            if known is None:
                known = self._known[call] = _Known(call, self._tickets.next())
                self._tell(replace(fact, data={"ticket": known.ticket, **fact.data}))
            return known.ticket

    def ticket_of(self, call: str | None) -> str | None:
        """The ticket of a living call's complaint; None: it has none, or is not a living call."""
        known = self._known.get(call) if call is not None else None
        return known.ticket if known is not None else None

    def close(self, call: str, actor: str, reason: str | None = None) -> None:
        """Close a living call's complaint, if it is open (SOP V.5, V.9)."""
        known = self._known.get(call)
        if known is not None and known.is_open:
            known.is_open = False
            self.told("complaint.closed", call, known.ticket, actor, **_because(reason))

    def note(self, fact: Fact) -> None:
        """Take note of what is told of calls: when one ends, its complaint is left to the journal."""
        if fact.call is None:
            return
        if fact.action == "call.ended":
            self._known.pop(fact.call, None)
            self._rows.pop(fact.call, None)
            return
        record = Record(0, "", fact.actor, fact.action, fact.call, fact.data, "")
        row = fold_complaint(self._rows.get(fact.call), record)
        if row is not None:
            self._rows[fact.call] = row

    def known(self, ticket_: str) -> _Known | None:
        """What is known of a complaint whose call lives."""
        # A copy: the dialplan's notes are told, and calls end, in another thread.
        return next((each for each in list(self._known.values()) if each.ticket == ticket_), None)

    def classified(self, call: str, actor: str, *, emergency: bool | None, kind: str | None) -> None:
        """Tell what kind of call a living one is; None: nothing is said of that."""
        said: dict[str, Json] = {"emergency": emergency, "kind": kind}
        self._tell(
            Fact(actor, "call.classified", call, {name: each for name, each in said.items() if each is not None})
        )

    def told(self, action: str, call: str, ticket_: str, actor: str, /, **data: Json) -> None:
        """Tell one fact of a complaint."""
        self._tell(Fact(actor, action, call, {"ticket": ticket_, **data}))


def _because(reason: str | None) -> dict[str, Json]:
    return {} if reason is None else {"reason": reason}


# ---- commands --------------------------------------------------------------------------------------


class _Which(Arguments):
    """A complaint by its ticket, or by the desk where its call is."""

    ticket: str | None = None
    desk: str | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.ticket is None) == (self.desk is None):
            msg = "either a ticket or a desk is needed"
            raise ValueError(msg)
        return self


class _Edit(_Which):
    fields: dict[str, str | bool | None]


class _Close(_Which):
    reason: str | None = None


class _Reopen(Arguments):
    ticket: str
    reason: str | None = None


class ComplaintDesk:
    """What supervisors can have done with complaints. One command at a time, so that none overlooks another."""

    def __init__(
        self,
        complaints: Complaints,
        *,
        find: Callable[[str], ComplaintRow | None],
        at_desk: Callable[[str], str | None],
        rules: FieldRules,
        classified: Classified | None = None,
    ) -> None:
        """``find`` gives a ticket's complaint and is called in a worker thread, as it may wait for the disk.

        ``at_desk`` gives the ticket of the call that is at a desk, at once. ``classified`` is told what has been
        entered of a living call, after the journal was.
        """
        self._complaints = complaints
        self._find = find
        self._at_desk = at_desk
        self._rules = rules
        self._classified = classified
        self._one_at_a_time = anyio.Lock()

    async def edit(self, given: _Edit, actor: str) -> Json:
        """``complaints.edit``: fill in or change fields; what is as it was is not told.

        What kind of call it is (SOP V.4) is told of a living call as well, as if an operator had pressed it.
        """
        async with self._one_at_a_time:
            row, is_open = await self._look(given.ticket, given.desk)
            _require(row, is_open=is_open)
            changes = changes_to(row, given.fields, self._rules)
            if changes:
                self._complaints.told("complaint.edited", row.call, row.ticket, actor, **changes)
                if self._complaints.ticket_of(row.call) == row.ticket:
                    self._classify(row.call, changes, actor)
            return {"ticket": row.ticket, "changed": changes}

    def _classify(self, call: str, changes: Mapping[str, Json], actor: str) -> None:
        given = changes.get("emergency"), changes.get("validity")
        emergency = given[0] if isinstance(given[0], bool) else None
        kind = given[1] if isinstance(given[1], str) else None  # an emptied one says nothing of the call
        if emergency is None and kind is None:
            return
        self._complaints.classified(call, actor, emergency=emergency, kind=kind)
        if self._classified is not None:
            self._classified(call, emergency, kind)

    async def close(self, given: _Close, actor: str) -> Json:
        """``complaints.close``: SOP V.9."""
        reason = reason_text(given.reason)
        async with self._one_at_a_time:
            row, is_open = await self._look(given.ticket, given.desk)
            _require(row, is_open=is_open)
            if self._complaints.ticket_of(row.call) == row.ticket:
                self._complaints.close(row.call, actor, reason)
            else:
                self._complaints.told("complaint.closed", row.call, row.ticket, actor, **_because(reason))
            return {"ticket": row.ticket}

    async def reopen(self, given: _Reopen, actor: str) -> Json:
        """``complaints.reopen``: it was closed too early."""
        reason = reason_text(given.reason)
        async with self._one_at_a_time:
            row, is_open = await self._look(given.ticket, None)
            if is_open:
                raise ComplaintRefused(f"complaint {row.ticket} is not closed")
            self._complaints.told("complaint.reopened", row.call, row.ticket, actor, **_because(reason))
            known = self._complaints.known(row.ticket)
            if known is not None:
                known.is_open = True
            return {"ticket": row.ticket}

    async def _look(self, ticket_: str | None, desk: str | None) -> tuple[ComplaintRow, bool]:
        """The complaint, and whether it is open now: the flow of its call may have closed it a moment ago."""
        wanted = self._at_desk(desk) if desk is not None else ticket_
        if wanted is None:
            raise ComplaintRefused(f"no call with a complaint is at desk {desk!a}")
        known = self._complaints.known(wanted)
        row = await anyio.to_thread.run_sync(self._find, wanted)
        if row is None:
            raise ComplaintRefused(f"there is no complaint {wanted[:40]!a}: see `siaga complaints list`")
        return row, known.is_open if known is not None else row.status != "closed"


def _require(row: ComplaintRow, *, is_open: bool) -> None:
    if not is_open:
        raise ComplaintRefused(f"complaint {row.ticket} is closed: reopen it first")


def complaint_commands(
    complaints: Complaints,
    *,
    find: Callable[[str], ComplaintRow | None],
    at_desk: Callable[[str], str | None],
    rules: FieldRules,
    classified: Classified | None = None,
) -> dict[str, Handler]:
    """The commands ``complaints.*`` with their handlers; they raise ``ComplaintRefused``."""
    desk = ComplaintDesk(complaints, find=find, at_desk=at_desk, rules=rules, classified=classified)
    return {
        "complaints.edit": command(_Edit, desk.edit),
        "complaints.close": command(_Close, desk.close),
        "complaints.reopen": command(_Reopen, desk.reopen),
    }
