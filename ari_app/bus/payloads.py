"""What the messages hold. Their JSON Schemas in ``docs/schemas/`` are made from these models (``schemas.py``).

Whoever reads one passes over fields that are not known here: more may come with the same ``version``. It goes up only
when a field changes its meaning or goes away. Times are ISO 8601 with the site's UTC offset, as in the journal.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Payload(BaseModel):
    """What all of them have."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: Literal[1] = 1


Seq = Annotated[int, Field(ge=0, description="The journal's record up to which this is folded.")]
At = Annotated[str, Field(description="ISO 8601 with the site's UTC offset.")]


class JournalRecord(Payload):
    """``siaga110/journal``: one record of the journal, as `siaga journal export` writes it.

    Read them by ``seq``: it grows by one from message to message. One that came before (the same ``seq``, the same
    ``hash``) is a repetition and to be passed over.
    """

    seq: Annotated[int, Field(ge=1, description="1, 2, 3 ... without gaps.")]
    at: At
    actor: Annotated[str, Field(description="system, asterisk, caller, desk:EXT, operator:NRP or supervisor:NAME.")]
    action: Annotated[str, Field(description="What happened: docs/journal.md lists the actions.")]
    call: Annotated[str | None, Field(description="The call's id, or null.")]
    data: Annotated[dict[str, Any], Field(description="Who, where, why; keys sorted, exactly as it is hashed.")]
    hash: Annotated[str, Field(description="SHA-256 that chains it to the record before (docs/journal.md).")]


class LastRecord(Payload):
    """``siaga110/journal/last``, retained: the last record of `siaga110/journal` that the broker has confirmed."""

    seq: Annotated[int, Field(ge=1)]
    hash: str


class Status(Payload):
    """``siaga110/status`` and ``siaga110/status/publisher``, retained; the last will says ``offline``."""

    state: Literal["online", "offline"]
    since: Annotated[At | None, Field(description="When it connected last; null: offline.")] = None


class Alarm(BaseModel):
    """Something that somebody must look at."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: Annotated[
        str,
        Field(
            description="journal: facts cannot be written to disk; recordings: no new one begins; "
            "roster: it is not known who is logged in."
        ),
    ]
    text: Annotated[str, Field(description="One sentence.")]
    since: At


class Alarms(Payload):
    """``siaga110/alarms``, retained: what is wrong with the application at present, by its own word."""

    alarms: tuple[Alarm, ...] = ()


class CallState(Payload):
    """``siaga110/calls/{id}``, retained while the call lives; an empty message clears it when the call is over."""

    seq: Seq
    id: str
    caller: Annotated[str | None, Field(description="E.164; null: withheld.")]
    dialled: str | None
    state: Annotated[str, Field(description="waiting, ringing, talking, held, transferring or consulting.")]
    since: Annotated[At, Field(description="When this state began.")]
    waiting_since: Annotated[At | None, Field(description="Since when nobody has the caller; null: somebody has.")]
    priority: Annotated[
        str | None, Field(description="Place in the queue: emergency, take_back, normal, verification.")
    ]
    kind: Annotated[str | None, Field(description="valid, not_valid, prank, or null: not classified (SOP V.4).")]
    emergency: bool
    operator: Annotated[str | None, Field(description="Service number of the operator who has the caller.")]
    desk: Annotated[str | None, Field(description="Desk that rings or has the caller.")]
    polres: Annotated[str | None, Field(description="Code of the Polres that has, had or gets the call.")]
    ticket: Annotated[str | None, Field(description="Of the call's complaint.")]
    received_at: At
    answered_at: At | None


class DeskState(Payload):
    """``siaga110/desks/{extension}``, retained. It has no caller's number, so that it can hang on a wall."""

    seq: Seq
    extension: str
    unit: Annotated[str, Field(description="polda, or a Polres code.")]
    state: Annotated[
        str,
        Field(
            description="unregistered, no_operator, not_ready, wrapup, ready; with a call ringing, talking, held, "
            "transferring, consulting, or monitoring where a supervisor listens to it; talking also with another desk."
        ),
    ]
    since: Annotated[At | None, Field(description="When this state began; null: longer ago than was looked.")]
    operator: Annotated[str | None, Field(description="Service number of who is logged in.")]
    registered: Annotated[bool, Field(description="Whether the phone is registered.")]
    ready: bool
    reason: Annotated[
        str | None, Field(description="Why not ready: rest, prayer, meal, briefing, no_answer, supervisor.")
    ]
    call: Annotated[str | None, Field(description="Id of the call that is there.")]
    colleague: Annotated[str | None, Field(description="The desk that it talks to, without a caller.")] = None
    wrapup_until: Annotated[At | None, Field(description="When the time for the work on the last call is over.")] = None


class NetState(Payload):
    """``siaga110/radio/{net}``, retained. It has no caller's number, so that it can hang on a wall."""

    seq: Seq
    net: str
    name: str
    line: Annotated[
        Literal["up", "down", "idle", "unknown"],
        Field(
            description="The gateway's line: down: it is needed and not there; idle: it is there on demand, and nobody "
            "needs it; unknown: nothing was told of it yet."
        ),
    ]
    line_since: At | None
    floor: Annotated[
        Literal["idle", "officer", "desk", "system"],
        Field(description="Who transmits: nobody, an officer's radio, an operator's desk, or a sentence of ours."),
    ]
    desk: Annotated[str | None, Field(description="The desk that has keyed.")]
    call: Annotated[str | None, Field(description="The 110 call for whose sake it has.")]
    floor_since: Annotated[At | None, Field(description="Since when; null: nobody has transmitted yet.")]
    desks: Annotated[tuple[str, ...], Field(description="The desks on the net, in the order in which they came.")]


class Waiting(BaseModel):
    """A caller whom nobody has."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    call: str
    since: At
    priority: str | None
    emergency: bool
    ringing: Annotated[bool, Field(description="Whether a desk rings for them at present.")]


class Today(BaseModel):
    """The calls that were received today, by the site's date."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    date: Annotated[str, Field(description="2025-01-31")]
    received: int
    answered: int
    answered_within_10s: Annotated[int, Field(description="Of those answered, within 10 s of being received.")]
    abandoned: int


class QueueState(Payload):
    """``siaga110/queue``, retained. It has no caller's number, so that it can hang on a wall."""

    seq: Seq
    waiting: Annotated[tuple[Waiting, ...], Field(description="Longest waiting first.")]
    ready_desks: Annotated[int, Field(description="The Polda's desks that are free and ready.")]
    today: Today
