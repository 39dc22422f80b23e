"""A desk calls another desk, or a Polres: no emergency call, so there is no queue and no complaint."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from ari_app.ari.errors import AriError
from ari_app.ari.model import Channel, ChannelDestroyed
from ari_app.domain.desks import Desk
from ari_app.domain.display import Shown
from ari_app.domain.facts import Fact
from ari_app.domain.seen import call_of
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
        await let_be_joined(call, leg)
    await end(call)
    call.around.tell(Fact(actor, "desk.free", data={**who}))


async def let_be_joined(call: Call, leg: str) -> None:
    """The desk that dialled is gone. Should its phone be joining its two calls, the other desk's leg is not hung up.

    Then Asterisk has put somebody else into the bridge already, though the news of it may come later. A caller whom the
    fallback has given to the desk is in no call of ours, and no news makes one of the two: they talk until one is gone,
    and the other one is let go then.

    Raises:
        Stopping, InboxFull: as ``Call.next``.
    """
    followed: set[str] = set()
    try:
        while _is_ours(call, leg):
            strangers = await _strangers(call, followed)
            if strangers is not None and not strangers:
                return
            await _until_one_is_gone(call, leg, strangers)
        if call.legs.has_ended(leg):
            await _let_go(call)
    finally:
        call.around.switch.forget(followed, call.deliver)  # somebody else may have taken them up


def _is_ours(call: Call, leg: str) -> bool:
    """Whether a leg lives, and has not been joined with another call."""
    return leg in call.legs.made and not call.legs.has_ended(leg)


async def _strangers(call: Call, followed: set[str]) -> set[str] | None:
    """Who is in the bridge and in no call of ours: ``followed``, from now on. None: Asterisk does not say."""
    asterisk, switch, ours = call.around.asterisk, call.around.switch, set(call.legs)
    try:
        inside = [set(bridge.channels) for bridge in await asterisk.bridges() if call.owns(bridge.id)]
        strangers = {each for legs in inside if legs & ours for each in legs - ours}
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


async def _until_one_is_gone(call: Call, leg: str, strangers: set[str] | None) -> None:
    """Wait until one of those who talk is gone; None: until it is time to look again, for no talk is ended for that."""
    timer = call.remind(LOOK_SECONDS, LOOK) if strangers is None else None
    try:
        while _is_ours(call, leg) and not any(call.legs.has_ended(each) for each in strangers or ()):
            if await call.news() == TimeUp(LOOK):
                return
    finally:
        if timer is not None:
            timer.cancel()


async def _let_go(call: Call) -> None:
    """Hang up who is left in the bridge: without it they would be in our hands still, and hear nothing."""
    with suppress(AriError):  # a look finds them
        left = {
            each for bridge in await call.around.asterisk.bridges() if call.owns(bridge.id) for each in bridge.channels
        }
        for each in left - set(call.legs):
            if call_of(each) is None:
                await end_stranger(call, each)


async def end(call: Call) -> None:
    """Both legs end, and the desks are free."""
    with suppress(AriError):  # reconciling ends what is left
        await call.end()
    call.around.switchboard.leave(call.id)
