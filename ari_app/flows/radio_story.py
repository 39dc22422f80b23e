"""Who is on a radio net, what they are told of the floor, and what the journal is (SOP VII.d, VII.g)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from ari_app.ari.errors import InboxFull
from ari_app.domain.facts import Fact, Json
from ari_app.domain.radio import OFFICER, Began, Ended, Happened, NetRules, Reason, Refused
from ari_app.domain.transmissions import DOWN, IDLE, UP
from ari_app.flows.messages import FloorNews, Message, News

PERMIT_SECONDS: Final = 0.2
"""A lead-in at least so long has room for a tone: what the operator says during it is not lost."""

_NEWS: Final = {
    Reason.TIME_OUT: News.TIME_OUT,
    Reason.TAKEN_OVER: News.TAKEN_OVER,
    Reason.GATEWAY_LOST: News.NET_LOST,
}

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Member:
    """Somebody on the net. ``actor`` is who acts there; ``also`` are legs that are heard with theirs.

    ``call`` is the 110 call for whose sake they are there; ``by_voice``: it was their voice that keyed last.
    """

    leg: str
    desk: str
    actor: str
    deliver: Callable[[Message], None]
    call: str | None = None
    also: set[str] = field(default_factory=set)
    by_voice: bool = False


class Story:
    """Tells members and journal what happened on a net."""

    def __init__(self, rules: NetRules, members: Mapping[str, Member], tell: Callable[[Fact], None]) -> None:
        """``members`` are those who are on the net now, by their legs."""
        self._rules, self._members, self._tell = rules, members, tell
        self._transmission = ""
        self._talker: Member | None = None
        self._line = ""
        """What was told of it last; empty: nothing."""

    def line_up(self) -> None:
        """The gateway can be heard and spoken to."""
        self._line = UP
        self._tell(Fact("asterisk", UP, data={"net": self._rules.net}))

    def line_lost(self, cause: int, *, is_missed: bool) -> None:
        """It cannot; told once, until it can again. ``cause`` is Asterisk's (Q.850).

        Where it is not missed, as nobody needs it, that is told only if it was there.
        """
        net = self._rules.net
        if is_missed and self._line != DOWN:
            log.warning(DOWN, cause=cause)
            self._line = DOWN
            self._tell(Fact("asterisk", DOWN, data={"net": net, "cause": cause}))
        elif not is_missed and self._line == UP:
            self._line = IDLE
            self._tell(Fact("asterisk", IDLE, data={"net": net}))

    def happened(self, happened: Happened, transmission: str) -> None:
        """The floor has changed hands, or was refused; ``transmission`` is the one that goes on now."""
        match happened:
            case Refused(who=who):
                self.inform(who, News.REFUSED)
            case Began(talker=talker):
                self._transmission = transmission
                self._talker = self._members.get(talker)
                self._say("radio.keyed", talker)
                self.inform(talker, News.KEYED)
                if self._rules.floor.lead >= PERMIT_SECONDS:
                    self.inform(talker, News.PERMITTED)
            case Ended(talker=talker, since=since, at=at, reason=reason):
                self._say("radio.released", talker, reason=reason.value, ms=round((at - since) * 1000))
                self.inform(talker, _NEWS.get(reason, News.UNKEYED))

    def _say(self, action: str, talker: str, **more: Json) -> None:
        member, net = self._talker, self._rules.net
        about: dict[str, Json] = {"net": net, "transmission": self._transmission}
        if member is not None:
            self._tell(Fact(member.actor, action, member.call, {**about, "by": "desk", "desk": member.desk, **more}))
        elif talker == OFFICER:
            self._tell(Fact(f"radio:{net}", action, data={**about, "by": OFFICER, **more}))
        else:
            self._tell(Fact("system", action, data={**about, "by": "system", **more}))

    def inform(self, leg: str, news: News) -> None:
        """Tell a member something; never raises."""
        member = self._members.get(leg)
        if member is None:
            return
        try:
            member.deliver(FloorNews(news))
        except InboxFull:  # their flow is stuck, and gets the same exception
            log.error("radio.member_stuck")
