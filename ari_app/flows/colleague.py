"""A desk calls another desk, or a Polres: no emergency call, so there is no queue and no complaint."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import anyio

from ari_app.ari.errors import AriError, AriUnreachable
from ari_app.ari.model import Channel, ChannelDestroyed
from ari_app.domain.desks import Desk
from ari_app.domain.display import Shown
from ari_app.domain.facts import Fact
from ari_app.domain.seen import call_of
from ari_app.flows.call import Call
from ari_app.flows.endings import end_stranger
from ari_app.flows.messages import CallerLeft, LegGone
from ari_app.flows.ringing import Answered, RingGroup, answer_caller, connect

JOIN_SECONDS: Final = 1.0


async def call_colleague(call: Call, desk: str, dialled: str) -> None:
    """``desk`` has dialled an extension or a Polres (``201``): every phone of it rings, the first to answer talks."""
    board = call.around.switchboard
    call.label = Shown(desk, desk)
    call.around.tell(Fact(board.actor(desk), "desk.called", data={"desk": desk, "to": dialled}))
    group = RingGroup(call, call.around.rules.ring, tells=False)
    try:
        await call.follow_caller()
        for other in _meant(call, dialled):
            if other.extension != desk and board.offer(other.extension, call.id):
                await group.ring(other.extension)
        answered = await _first_to_answer(call, group) if group else None
        if answered is not None:
            await talk_to_colleague(call, answered.leg, desk, answered.desk)
        elif not call.is_up:
            await call.end_leg(call.id, reason="busy")
            call.caller_is_gone()  # hung up once more, the phone would be told another reason
    except CallerLeft:
        pass
    finally:
        await group.end(reason="normal")
    await end(call)


def _meant(call: Call, dialled: str) -> list[Desk]:
    board = call.around.switchboard
    unit = board.unit_dialled(dialled)
    if dialled in board.desks:
        return [board.desks[dialled]]
    return [desk for desk in board.of_unit(unit) if desk.staffed] if unit is not None else []


async def _first_to_answer(call: Call, group: RingGroup) -> Answered | None:
    """The desk that answered; None: none did."""
    await call.around.asterisk.indicate_ringing(call.id)
    while group:
        outcome = await group.read(await call.next())
        if isinstance(outcome, Answered):
            await answer_caller(call)
            if await connect(call, outcome.leg):
                call.around.switchboard.answered(outcome.desk)
                await group.end()
                return outcome
            group.failed(outcome)
    return None


async def talk_to_colleague(call: Call, leg: str, desk: str, other: str) -> None:
    """They talk until one of them hangs up, or the other is joined with a caller (attended transfer)."""
    actor, who = call.around.switchboard.actor(desk), {"desk": desk, "to": other}
    call.around.tell(Fact(actor, "desk.talking", data={**who}))
    try:
        while True:
            match await call.next():
                case ChannelDestroyed(channel=Channel(id=id_)) | LegGone(leg=id_) if id_ == leg:
                    break
    except CallerLeft:
        await let_be_joined(call)
    await end(call)
    call.around.tell(Fact(actor, "desk.free", data={**who}))


async def let_be_joined(call: Call) -> None:
    """The desk that dialled is gone. Should its phone be joining its two calls, the other desk is not hung up on.

    Then Asterisk has put somebody else into the bridge already, though the news of it may come later. A caller whom the
    fallback has given to the desk is in no call of ours, and no news makes one of the two: they talk until one is gone,
    and the other one is let go then.
    """
    strangers: set[str] = set()
    with suppress(AriError):
        while not call.given_away.is_set():
            with suppress(AriUnreachable):  # nobody knows, and a talk is not ended for that
                desks, strangers = await _inside(call)
                if not desks or not strangers:
                    break
            with anyio.move_on_after(JOIN_SECONDS):
                await call.given_away.wait()
            call.heed_stop()
        if not call.given_away.is_set():
            for leg in strangers:  # without a bridge they would be in our hands still, and hear nothing
                await end_stranger(call, leg)


async def _inside(call: Call) -> tuple[set[str], set[str]]:
    """Who is in the call's bridge: legs of its own, and whom Asterisk has put there."""
    bridges = await call.around.asterisk.bridges()
    inside = {leg for bridge in bridges if call.owns(bridge.id) for leg in bridge.channels}
    ours = set(call.legs)
    return inside & ours, {leg for leg in inside - ours if call_of(leg) is None}


async def end(call: Call) -> None:
    """Both legs end, and the desks are free."""
    with suppress(AriError):  # reconciling ends what is left
        await call.end()
    call.around.switchboard.leave(call.id)
