"""What both sides of a call know of it: the names they use, and how they reach each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self
from urllib.parse import quote

from scripts.phones.sip import Message, NameAddr, split_list, token


@dataclass(slots=True)
class Dialog:
    """One dialog (RFC 3261, 12), from the side of a phone; also that of its registrations."""

    call_id: str
    local: NameAddr
    remote: NameAddr
    target: str
    routes: list[str] = field(default_factory=list)
    cseq: int = 0

    @classmethod
    def start(cls, local: NameAddr, uri: str) -> Self:
        """One that we begin, to ``uri``."""
        return cls(token(20), replace(local, parameters={"tag": token()}), NameAddr("", uri), uri)

    @classmethod
    def of_invite(cls, invite: Message) -> Self:
        """One that somebody begins with us."""
        local = NameAddr.parse(invite.get("to"))
        return cls(
            invite.call_id,
            replace(local, parameters={**local.parameters, "tag": token()}),
            NameAddr.parse(invite.get("from")),
            NameAddr.parse(invite.get("contact")).uri,
            _routes(invite),
        )

    def learn(self, response: Message) -> None:
        """Take the other side's tag and address from its answer to our INVITE."""
        self.remote = NameAddr.parse(response.get("to"))
        contact = NameAddr.parse(response.get("contact")).uri
        if contact:
            self.target = contact
            self.routes = _routes(response)[::-1]

    def request(self, method: str, headers: Iterable[tuple[str, str]] = (), body: str = "") -> Message:
        """The next request; the wire adds Via."""
        self.cseq += 1
        return self._request(method, self.cseq, headers, body)

    def ack(self, invite: Message) -> Message:
        """The ACK to a 2xx; ``invite`` is ours that it answers."""
        credentials = [each for each in invite.headers if each[0] in {"Authorization", "Proxy-Authorization"}]
        return self._request("ACK", invite.cseq, credentials, "")

    def _request(self, method: str, cseq: int, headers: Iterable[tuple[str, str]], body: str) -> Message:
        return Message(
            f"{method} {self.target} SIP/2.0",
            [
                ("Max-Forwards", "70"), ("From", str(self.local)), ("To", str(self.remote)), ("Call-ID", self.call_id),
                ("CSeq", f"{cseq} {method}"), *(("Route", route) for route in self.routes), *headers,
            ],
            body,
        )  # fmt: skip

    @property
    def replaces(self) -> str:
        """The Replaces header that takes this dialog's other side over from us (RFC 3891)."""
        return f"{self.call_id};to-tag={self.remote.tag};from-tag={self.local.tag}"

    def refer_to(self, uri: str) -> str:
        """The Refer-To of an attended transfer: ``uri`` is to be called in this dialog's place."""
        return f"<{uri}?Replaces={quote(self.replaces, safe='')}>"


def _routes(message: Message) -> list[str]:
    return [route for line in message.all("Record-Route") for route in split_list(line)]
