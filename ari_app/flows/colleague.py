"""A desk calls another desk, or a Polres: no emergency call, so there is no queue and no complaint."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from ari_app.ari.errors import AriError
from ari_app.ari.model import Channel, ChannelDestroyed
from ari_app.domain.desks import Desk
from ari_app.domain.display import Shown
from ari_app.domain.facts import Fact
from ari_app.flows.call import Call
from ari_app.flows.endings import end_stranger
from ari_app.flows.messages import CallerLeft, LegGone, TimeUp
from ari_app.flows.ringing import Answered, RingGroup, answer_caller, connect

LOOK: Final = "look"
LOOK_SECONDS: Final = 1.0
"""From a look that got no answer to the next one."""


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
        await let_be_joined(call, desk)
    await end(call)
    call.around.tell(Fact(actor, "desk.free", data={**who}))


async def let_be_joined(call: Call, desk: str) -> None:
    """``desk``, which dialled, is gone. Should its phone be joining its two calls, the other one is not hung up on.

    Then Asterisk has put somebody else into the bridge already, though the news of it may come later. A caller whom the
    fallback has given to the desk is in no call of ours, and no news makes one of the two: they talk until one is gone,
    and the other one is let go then. So it is with whom the colleague passes them on to by their own phone.

    Raises:
        Stopping, InboxFull: as ``Call.next``.
    """
    followed: set[str] = set()
    board = call.around.switchboard
    try:
        strangers = await _strangers(call, followed)
        while strangers is None or (strangers and len(strangers) + len(_living(call)) > 1):
            if strangers and board.desks[desk].call == call.id:
                board.release(desk)
            await _until_one_is_gone(call, strangers)
            strangers = await _strangers(call, followed)
        if call.legs.made and not _living(call):  # and not: they are another call's by now
            await _let_go(call, strangers & followed)
    finally:
        call.around.switch.forget(followed, call.deliver)  # somebody else may have taken them up


def _living(call: Call) -> set[str]:
    """The legs that live and have not been joined with another call."""
    return {each for each in call.legs.made if not call.legs.has_ended(each)}


async def _strangers(call: Call, followed: set[str]) -> set[str] | None:
    """Who is in the bridge and in no call of ours: ``followed``, from now on. None: Asterisk does not say."""
    asterisk, switch = call.around.asterisk, call.around.switch
    try:
        inside = {leg for bridge in await asterisk.bridges() if call.owns(bridge.id) for leg in bridge.channels}
        strangers = inside - set(call.legs)
        for each in strangers:
            call.legs.found(each, entered=False)  # should nobody tell of its end, a look does
            if each not in switch:
                switch.register(each, call.deliver)
                followed.add(each)
        gone = await asterisk.subscribe([f"channel:{each}" for each in sorted(strangers)]) if strangers else []
    except AriError:
        return None
    for each in gone:
        call.legs.is_gone(each.removeprefix("channel:"))
    return {each for each in strangers if not call.legs.has_ended(each)}


async def _until_one_is_gone(call: Call, strangers: set[str] | None) -> None:
    """Wait until one of those who talk is gone; None: until it is time to look again, for no talk is ended for that."""
    timer = call.remind(LOOK_SECONDS, LOOK) if strangers is None else None
    legs = _living(call)
    try:
        while _living(call) == legs and not any(call.legs.has_ended(each) for each in strangers or ()):
            if await call.news() == TimeUp(LOOK):
                return
    finally:
        if timer is not None:
            timer.cancel()


async def _let_go(call: Call, left: set[str]) -> None:
    """Hang up who is left in the bridge: without it they would be in our hands still, and hear nothing."""
    with suppress(AriError):  # a look finds them
        for each in left:
            await end_stranger(call, each)


async def end(call: Call) -> None:
    """Both legs end, and the desks are free."""
    with suppress(AriError):  # reconciling ends what is left
        await call.end()
    call.around.switchboard.leave(call.id)
