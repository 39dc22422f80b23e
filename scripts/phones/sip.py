"""SIP messages as a simulated phone needs them: read, made, and the parts of their headers."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias
from urllib.parse import quote, unquote

Headers: TypeAlias = list[tuple[str, str]]

PHRASES: Final = {
    100: "Trying", 180: "Ringing", 200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 486: "Busy Here",
    487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending", 603: "Decline",
}  # fmt: skip

ALLOWED: Final = "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, INFO, UPDATE, MESSAGE, REFER"

_SHORT: Final = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
    "c": "content-type", "k": "supported", "r": "refer-to", "b": "referred-by", "o": "event",
}  # fmt: skip
_COPIED: Final = ("via", "from", "to", "call-id", "cseq", "record-route")
_USER_SAFE: Final = "-_.!~*'()&=+$,;?/"


def token(length: int = 12) -> str:
    """Letters and digits for a tag, a branch or a Call-ID."""
    return "".join(random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))


def uri_of(user: str, host: str, port: int | None = None) -> str:
    """``sip:USER@HOST``; what may not stand in a user part, as '#', is escaped."""
    where = host if port is None else f"{host}:{port}"
    return f"sip:{quote(user, safe=_USER_SAFE)}@{where}"


@dataclass(slots=True)
class Message:
    """A request or a response; header names are compared without regard to case."""

    start: str
    headers: Headers = field(default_factory=list)
    body: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Self | None:
        """Read a datagram; None when it is no SIP message (a keep-alive, say)."""
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        start, *lines = re.sub(r"\r\n[ \t]+", " ", head).split("\r\n")
        if not (start.startswith("SIP/2.0 ") or start.endswith(" SIP/2.0")):
            return None
        headers: Headers = []
        for line in lines:
            name, colon, value = line.partition(":")
            if colon:
                name = name.strip()
                headers.append((_SHORT.get(name.lower(), name), value.strip()))
        message = cls(start, headers, body)
        return message if message.is_complete else None

    def encode(self) -> bytes:
        """The datagram."""
        body = self.body.encode()
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {len(body)}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    @property
    def is_complete(self) -> bool:
        """Whether it has what every message must have."""
        named = all(self.get(name) for name in ("via", "from", "to", "call-id"))
        return (
            named
            and re.fullmatch(r"\d+\s+\w+", self.get("cseq")) is not None
            and (not self.is_response or self.code > 0)
        )

    @property
    def is_response(self) -> bool:
        """Whether it answers a request."""
        return self.start.startswith("SIP/2.0 ")

    @property
    def method(self) -> str:
        """The request's method, of a response too."""
        return self.get("cseq").split()[-1] if self.is_response else self.start.split()[0]

    @property
    def uri(self) -> str:
        """Whom a request is for."""
        return "" if self.is_response else self.start.split()[1]

    @property
    def code(self) -> int:
        """A response's code; 0 for a request."""
        words = self.start.split()
        return int(words[1]) if self.is_response and len(words) > 1 and words[1].isdigit() else 0

    @property
    def cseq(self) -> int:
        """The number in CSeq."""
        return int(self.get("cseq").split()[0])

    @property
    def branch(self) -> str:
        """What names the transaction."""
        return parameters(self.get("via")).get("branch", "")

    @property
    def call_id(self) -> str:
        """What names the call."""
        return self.get("call-id")

    def get(self, name: str) -> str:
        """The first header of this name; empty when there is none."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Every header of this name, in order."""
        return [value for each, value in self.headers if each.lower() == name.lower()]

    def response(self, code: int, *, tag: str = "", headers: Iterable[tuple[str, str]] = (), body: str = "") -> Message:
        """The answer to this request; ``tag`` goes into To when it has none."""
        copied = [(name, value) for name, value in self.headers if name.lower() in _COPIED]
        if tag and not NameAddr.parse(self.get("to")).tag:
            copied = [(name, f"{value};tag={tag}" if name.lower() == "to" else value) for name, value in copied]
        return Message(f"SIP/2.0 {code} {PHRASES.get(code, 'Answer')}", [*copied, *headers], body)


@dataclass(frozen=True, slots=True)
class NameAddr:
    """``"Name" <sip:user@host>;parameters``; the name is decoded."""

    name: str
    uri: str
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, value: str) -> Self:
        """Read From, To, Contact, P-Asserted-Identity and their like."""
        quoted = re.match(r'\s*"((?:[^"\\]|\\.)*)"\s*<([^>]*)>(.*)', value, re.DOTALL)
        if quoted:
            return cls(re.sub(r"\\(.)", r"\1", quoted[1]), quoted[2], parameters(quoted[3]))
        plain = re.match(r"\s*([^<]*?)\s*<([^>]*)>(.*)", value, re.DOTALL)
        if plain:
            return cls(plain[1], plain[2], parameters(plain[3]))
        uri, _, rest = value.strip().partition(";")
        return cls("", uri, parameters(f";{rest}"))

    def __str__(self) -> str:
        quoted = '"' + self.name.replace("\\", "\\\\").replace('"', '\\"') + '" ' if self.name else ""
        return f"{quoted}<{self.uri}>" + "".join(f";{key}={value}" for key, value in self.parameters.items())

    @property
    def user(self) -> str:
        """The number, decoded: what stands before the @, or all of a ``tel:`` URI."""
        match = re.match(r"(?:sips?|tel):([^@;]*)(@)?", self.uri)
        return unquote(match[1]) if match and (match[2] or self.uri.startswith("tel:")) else ""

    @property
    def tag(self) -> str:
        """The dialog's tag; empty before there is one."""
        return self.parameters.get("tag", "")


def parameters(value: str) -> dict[str, str]:
    """The ``;name=value`` parameters of a header; one without a value has an empty one."""
    found = re.findall(r';\s*([^;=\s,"]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;,\s]*))?', value)
    return {name.lower(): text.strip('"') for name, text in found}


def split_list(value: str) -> list[str]:
    """The members of a header that is a list: commas in quotes and in <> do not part them."""
    return [part.strip() for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,"<])+', value) if part.strip()]


def identity(message: Message) -> NameAddr | None:
    """Who the network says the other side is; None when it says nothing."""
    for name in ("P-Asserted-Identity", "Remote-Party-ID"):
        values = [NameAddr.parse(each) for line in message.all(name) for each in split_list(line)]
        if values:
            named = next((value.name for value in values if value.name), "")
            return NameAddr(named, next((value.uri for value in values if value.user), values[0].uri))
    return None


def causes(message: Message) -> dict[str, int]:
    """Why a call ended, by protocol: ``{"Q.850": 16}``, ``{"SIP": 200}`` (RFC 3326)."""
    found: dict[str, int] = {}
    for value in (each for line in message.all("Reason") for each in split_list(line)):
        cause = parameters(value).get("cause", "")
        if cause.isdigit():
            found[value.partition(";")[0].strip()] = int(cause)
    return found


def sipfrag_code(body: str) -> int | None:
    """The code in a NOTIFY's ``SIP/2.0 200 OK`` (RFC 3420); None when there is none."""
    match = re.match(r"SIP/2\.0 (\d{3})", body)
    return int(match[1]) if match else None
