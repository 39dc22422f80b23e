"""What supervisors write down of a call (SOP VII.b) and do with its recording: on disk before it is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Self

import anyio.to_thread
from pydantic import Field, StringConstraints, model_validator

from ari_app.domain.blocklist import CallStory
from ari_app.domain.commands import CommandRefused, Handler
from ari_app.domain.complaints import ComplaintRow
from ari_app.domain.facts import Json
from ari_app.domain.instructions import LONGEST_OFFICER, LONGEST_TEXT, added
from ari_app.domain.one_line import one_line
from ari_app.domain.tapes import TRANSMISSION, deleted, opened
from ari_app.flows.office import Arguments, command
from ari_app.flows.once import Once

MOST_DELETED: Final = 500
"""Recordings in one command."""
MOST_NAMED: Final = 3
"""Calls that a refusal names."""

FLUSH_SECONDS: Final = 2.0
"""So long a deletion waits until the disk has it."""

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,80}$")]
Transmission = Annotated[str, StringConstraints(pattern=TRANSMISSION, max_length=80)]


class _Open(Arguments):
    """A call's recording, or that of a transmission, which may have been in a call."""

    call: Id | None = None
    transmission: Transmission | None = None

    @model_validator(mode="after")
    def _check_any(self) -> Self:
        if self.call is None and self.transmission is None:
            msg = "a call or a transmission is needed"
            raise ValueError(msg)
        return self


class _Delete(Arguments):
    """Calls, transmissions or both; at least one."""

    calls: Annotated[list[Id], Field(max_length=MOST_DELETED, default_factory=list)]
    transmissions: Annotated[list[Transmission], Field(max_length=MOST_DELETED, default_factory=list)]

    @model_validator(mode="after")
    def _check_any(self) -> Self:
        if not self.calls and not self.transmissions:
            msg = "a call or a transmission is needed"
            raise ValueError(msg)
        return self


class _Add(Arguments):
    call: str | None = None
    ticket: str | None = None
    text: str
    officer: str | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.call is None) == (self.ticket is None):
            msg = "either a call or a ticket is needed"
            raise ValueError(msg)
        return self


class _Archive:
    def __init__(
        self,
        once: Once,
        find_call: Callable[[str], CallStory | None],
        find_complaint: Callable[[str], ComplaintRow | None],
        find_kept: Callable[[Sequence[str]], dict[str, str | None]],
        flush: Callable[[float], bool],
    ) -> None:
        self._once, self._find_call, self._find_complaint, self._find_kept = once, find_call, find_complaint, find_kept
        self._flush = flush

    async def open(self, given: _Open, actor: str) -> Json:
        """``recordings.open``: somebody is about to be shown where it lies."""
        if given.call is not None:
            await self._require(given.call)
        await self._once.tell(opened(given.call, given.transmission, actor))
        return {"call": given.call, "transmission": given.transmission}

    async def delete(self, given: _Delete, actor: str) -> Json:
        """``recordings.delete``: whoever asks has chosen them, and removes the files once it is answered.

        It is on disk by then, as no file comes back. All or none: what was so when they were chosen may be so no more,
        as complaints are opened again. Which call a transmission belonged to is known to who has chosen it.
        """
        kept = await anyio.to_thread.run_sync(self._find_kept, given.calls)
        if unknown := [call for call, ticket in kept.items() if ticket is None]:
            raise CommandRefused(f"nothing was deleted, as no such call has ended: {_named(unknown)}")
        if tickets := [f"{call} ({ticket})" for call, ticket in kept.items()]:
            raise CommandRefused(f"nothing was deleted, as these have open complaints: {_named(tickets)}")
        calls = [deleted(call, None, actor) for call in given.calls]
        await self._once.tell(*calls, *(deleted(None, each, actor) for each in given.transmissions))
        if not await anyio.to_thread.run_sync(self._flush, FLUSH_SECONDS):
            raise CommandRefused("the journal could not be written: see `siaga doctor`")
        return {"calls": list(given.calls), "transmissions": list(given.transmissions)}

    async def add(self, given: _Add, actor: str) -> Json:
        """``instructions.add``: what the Perwira Piket has ordered (SOP VII.b)."""
        text, officer = one_line(given.text, LONGEST_TEXT), one_line(given.officer, LONGEST_OFFICER)
        if text is None:
            raise CommandRefused(f"the order must be printable and have at most {LONGEST_TEXT} characters")
        if officer is None:
            raise CommandRefused(f"the officer's name must be printable and have at most {LONGEST_OFFICER} characters")
        if not text:
            raise CommandRefused("the order has no text")
        if given.ticket is not None:
            row = await anyio.to_thread.run_sync(self._find_complaint, given.ticket)
            if row is None:
                raise CommandRefused(f"there is no complaint {given.ticket[:40]!a}: see `siaga complaints list`")
            call, ticket = row.call, row.ticket
        else:
            call, ticket = given.call or "", None
            await self._require(call)
        await self._once.tell(added(call, actor, text=text, officer=officer or None, ticket=ticket))
        return {"call": call, "ticket": ticket}

    async def _require(self, call: str) -> None:
        if await anyio.to_thread.run_sync(self._find_call, call) is None:
            raise CommandRefused(f"there is no call {call[:40]!a}: see `siaga calls list`")


def _named(calls: Sequence[str]) -> str:
    return ", ".join(calls[:MOST_NAMED]) + (", ..." if len(calls) > MOST_NAMED else "")


def archive_commands(
    once: Once,
    *,
    find_call: Callable[[str], CallStory | None],
    find_complaint: Callable[[str], ComplaintRow | None],
    find_kept: Callable[[Sequence[str]], dict[str, str | None]],
    flush: Callable[[float], bool],
) -> dict[str, Handler]:
    """The commands ``recordings.*`` and ``instructions.*`` with their handlers.

    ``find_call`` and ``find_complaint`` (by its ticket) look into the journal, ``find_kept`` finds there those calls
    whose recordings must stay, with the tickets of open complaints (None: no such call has ended). ``flush`` waits so
    many seconds until all that was told is on disk, and says whether it is. All four are called in worker threads.
    """
    of = _Archive(once, find_call, find_complaint, find_kept, flush)
    return {
        "recordings.open": command(_Open, of.open),
        "recordings.delete": command(_Delete, of.delete),
        "instructions.add": command(_Add, of.add),
    }
