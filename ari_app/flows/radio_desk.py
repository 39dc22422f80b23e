"""A desk that has dialled a radio net is on it until it hangs up: CONTRACT.md, "On a net" (SOP VII.d)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from ari_app.ari.errors import AriRefused
from ari_app.ari.model import (
    BridgeAttendedTransfer,
    BridgeBlindTransfer,
    Channel,
    ChannelDtmfReceived,
    ChannelHold,
    ChannelTalkingFinished,
    ChannelTalkingStarted,
    ChannelUnhold,
    PlaybackFinished,
)
from ari_app.domain.facts import Fact
from ari_app.domain.queue import is_unserved
from ari_app.domain.radio import FloorEvent
from ari_app.flows.call import Call
from ari_app.flows.colleague import end
from ari_app.flows.hearing import Ear
from ari_app.flows.messages import CallerLeft, FloorNews, News
from ari_app.flows.radio_net import Net
from ari_app.flows.radio_story import Member
from ari_app.flows.ringing import answer_caller
from ari_app.flows.room import SUCCESS

KEY, LEAVE = "5", "#"
SOUNDS = {
    News.PERMITTED: "nada-bicara",
    News.REFUSED: "nada-salah",
    News.TIME_OUT: "nada-habis",
    News.TAKEN_OVER: "nada-habis",
    News.NET_LOST: "radio-terputus",
    News.CALLER_WAITS: "nada-ada-antrean",
}
"""What an operator hears alone, of the floor and of those who wait."""


class Headset:
    """What an operator on a dialled net hears alone.

    What is played to a leg keeps it from being heard: the knocks for those who wait come when the operator is not on
    the air any more, if somebody waits still.
    """

    def __init__(self, ear: Ear, waits: Callable[[], bool]) -> None:
        """``waits`` tells whether there is a citizen for whom no desk rings."""
        self._ear, self._waits = ear, waits
        self._is_on_air = False
        self._owes_knocks = False
        self._knocking = ""
        """The playback with the knocks; empty: there is none."""

    async def hears(self, news: News) -> None:
        """Play what belongs to the news, and the knocks as soon as they keep nobody from being heard."""
        match news:
            case News.KEYED:
                self._is_on_air = True
                self._owes_knocks |= bool(self._knocking)  # they had just begun
                await self._ear.stop()
            case News.CALLER_WAITS:
                self._owes_knocks = True
            case News.UNKEYED | News.TIME_OUT | News.TAKEN_OVER | News.NET_LOST:
                self._is_on_air = False
        sounds = [SOUNDS[news]] if news in SOUNDS and news is not News.CALLER_WAITS else []
        if self._owes_knocks and not self._is_on_air:
            self._owes_knocks = False
            sounds += [SOUNDS[News.CALLER_WAITS]] if self._waits() else []
        if sounds:
            playback = await self._ear.hears(*sounds)
            self._knocking = playback if SOUNDS[News.CALLER_WAITS] in sounds else ""

    async def finished(self, playback: str) -> None:
        """A playback is over."""
        await self._ear.finished(playback)
        if playback == self._knocking:
            self._knocking = ""


async def be_on_net(call: Call, desk: str, number: str) -> None:
    """``desk`` has dialled the net ``number``: it hears it, and speaks on it by key."""
    net = call.around.nets.get(number)
    try:
        await call.follow_caller()
        if net is not None:
            await answer_caller(call)
            await _listen(call, desk, net)
    except (CallerLeft, AriRefused):  # refused: the desk hung up at once
        pass
    finally:
        if net is not None:
            await net.leave(call.id)
    await call.around.nets.end_strangers()
    await end(call)


async def _listen(call: Call, desk: str, net: Net) -> None:
    board = call.around.switchboard
    actor, where = board.actor(desk), {"net": net.rules.net, "desk": desk}
    ear = Ear(call.around.asterisk, call.id, call.around.rules.sounds)
    headset = Headset(ear, lambda: any(is_unserved(each) for each in board.waiting))
    await net.join(Member(call.id, desk, actor, call.deliver))
    call.operators.add(call.id)  # a phone that has died is noticed
    call.around.tell(Fact(actor, "radio.joined", data={**where}))
    board.tell_who_waits(desk, lambda: call.deliver(FloorNews(News.CALLER_WAITS)))
    try:
        while True:
            match await call.next():
                case ChannelDtmfReceived(channel=Channel(id=leg), digit=digit) if leg == call.id:
                    if digit == LEAVE:
                        return
                    await press(net, call.id, ear, digit)
                case ChannelTalkingStarted() | ChannelTalkingFinished() as event:
                    await hear_voice(net, call.id, ear, event)
                case ChannelHold():  # such a phone may send nothing, and is no dead one for that
                    call.operators.discard(call.id)
                case ChannelUnhold():
                    call.operators.add(call.id)
                case BridgeBlindTransfer() | BridgeAttendedTransfer() as transfer if transfer.result == SUCCESS:
                    return  # the phone's own transfer key, by which nobody else comes onto the net
                case FloorNews(news=news):
                    await headset.hears(news)
                case PlaybackFinished(playback=playback):
                    await headset.finished(playback.id)
    finally:
        board.tell_who_waits(desk, None)
        call.around.tell(Fact(actor, "radio.left", data={**where}))


async def press(net: Net, leg: str, ear: Ear, digit: str) -> None:
    """One key of somebody on a net: who has the floor gives it back, whoever else wants it."""
    if digit != KEY:
        await ear.hears(SOUNDS[News.REFUSED])
        return
    with suppress(AriRefused):
        await ear.stop()  # what is played to a leg keeps it from being heard
    net.ask(FloorEvent.KEY, leg)


async def hear_voice(net: Net, leg: str, ear: Ear, event: ChannelTalkingStarted | ChannelTalkingFinished) -> None:
    """Somebody on a net begins to talk, or pauses: where voices key, that keys and unkeys."""
    if isinstance(event, ChannelTalkingStarted) and net.rules.by_voice and not net.has_keyed(leg):
        with suppress(AriRefused):
            await ear.stop()
    net.heard(leg, event)
