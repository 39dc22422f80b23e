r"""SIP messages that a parser should not meet, after the ideas of RFC 4475, and such as are none at all.

Every message is ours; the names say which section of RFC 4475 gave the idea, where one did.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from scripts.stack.sample import HOST

EMERGENCY: Final = "110"
LARGEST_DATAGRAM: Final = 65_507
RANDOM_MESSAGES, TRUNCATIONS = 25, 20

Edit = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Torture:
    """Who sends: from ``source:own_port`` to the SIP port ``port``."""

    port: int
    source: str
    own_port: int

    def request(self, method: str, name: str, *, body: str | None = None, to: str = EMERGENCY) -> bytes:
        """A request without any fault."""
        return self._request(method, name, _SDP.format(host=self.source) if body is None else body, to).encode()

    def _request(self, method: str, name: str, body: str, to: str) -> str:
        has_body = method == "INVITE"
        extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}"
        user = "1001" if method == "REGISTER" else to
        return (
            f"{method} sip:{'' if method == 'REGISTER' else user + '@'}{HOST}:{self.port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.source}:{self.own_port};branch=z9hG4bK-{name};rport\r\n"
            f"From: <sip:0815{sum(name.encode()):08d}@{self.source}>;tag={name}\r\n"
            f"To: <sip:{user}@{HOST}>\r\n"
            f"Call-ID: {name}@{self.source}\r\nCSeq: 1 {method}\r\n"
            f"Contact: <sip:torture@{self.source}:{self.own_port}>\r\nMax-Forwards: 70\r\n"
            + (extra if has_body else "Expires: 60\r\nContent-Length: 0\r\n\r\n")
        )

    def invite(self, name: str) -> str:
        """An INVITE without any fault."""
        return self._request("INVITE", name, _SDP.format(host=self.source), EMERGENCY)

    def cancel(self, name: str) -> bytes:
        """What ends the INVITE of that name, should Asterisk have taken it for a call."""
        text = self._request("CANCEL", name, "", EMERGENCY)
        return text.replace("Expires: 60\r\n", "").encode()


_SDP: Final = (
    "v=0\r\no=t 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
)


def _sub(old: str, new: str) -> Edit:
    return lambda text: text.replace(old, new, 1)


def _header(name: str, value: str) -> Edit:
    """One header more."""
    return _sub("Max-Forwards: 70\r\n", f"Max-Forwards: 70\r\n{name}: {value}\r\n")


def _without(name: str) -> Edit:
    return lambda text: "\r\n".join(line for line in text.split("\r\n") if not line.startswith(f"{name}:"))


_INVITES: Final[dict[str, Sequence[Edit]]] = {
    # 3.1.1: valid, and unusual
    "wsinv": [_sub("To: <", "TO :\r\n <"), _sub("CSeq: 1", "CSeq:\r\n  0001 "), _sub("Max-F", "mAx-f")],
    "intmeth": [_sub("INVITE sip", "!interesting-Method0123456789_*+`.%indeed'~ sip")],
    "esc01": [_sub("sip:110@", "sip:%31%31%30@")],
    "escnull": [_sub("To: <sip:110@", "To: <sip:null-%00-null@"), _sub("<sip:torture@", "<sip:%00@")],
    "esc02": [_sub("From: <", 'From: "%Z%45" <')],
    "lwsdisp": [_sub("From: <", "From: caller<")],
    "longreq": [_header("Subject", "a" * 5000), _header("X-Long", "b" * 5000), _sub("tag=", "tag=" + "c" * 1000)],
    "semiuri": [_sub("To: <sip:110@", "To: <sip:user;par=u%40example.net@")],
    "transports": [_sub("Via: ", "Via: SIP/2.0/SCTP a;branch=x, SIP/2.0/WOMBAT b;branch=y\r\nVia: ")],
    "mpart": [_sub("application/sdp", "multipart/mixed;boundary=7a9cbec02ceef655")],
    "unreason": [_header("Reason", "Q.850;cause=99999999999999999999")],
    # 3.1.2: not valid
    "badinv": [_sub("Via: ", "Via: ,,,;;,"), _sub("To: <", "To: <<<"), _sub("Contact: <", 'Contact: "" ,,<')],
    "clerr": [_sub("Content-Length: ", "Content-Length: 9999")],
    "ncl": [_sub("Content-Length: ", "Content-Length: -")],
    "scalar": [_sub("CSeq: 1", "CSeq: 36893488147419103232"), _sub("Max-Forwards: 70", "Max-Forwards: 300")],
    "scalarexp": [_header("Expires", "1000000000000000000000000000")],
    "quotbal": [_sub("To: <", 'To: "Mr. J. User <')],
    "ltgtruri": [_sub("INVITE sip:110@", "INVITE <sip:110@"), _sub(" SIP/2.0\r\n", "> SIP/2.0\r\n")],
    "lwsruri": [_sub("sip:110@", "sip:110@; lr@")],
    "lwsstart": [_sub("INVITE sip", "INVITE  sip")],
    "trws": [_sub(" SIP/2.0\r\n", " SIP/2.0 \t\r\n")],
    "escruri": [_sub("@127", "?Route=%3Csip:example.com%3E@127")],
    "baddate": [_header("Date", "Fri, 01 Jan 2010 16:00:00 EST")],
    "badaspec": [_sub("From: <", "From: Bell, Alexander <")],
    "baddn": [_sub("To: <", "To: Watson, Thomas <")],
    "badvers": [_sub("SIP/2.0\r\n", "SIP/7.0\r\n")],
    "mismatch": [_sub("CSeq: 1 INVITE", "CSeq: 1 OPTIONS")],
    "unknown-method": [_sub("INVITE sip", "NEWMETHOD sip"), _sub("1 INVITE", "1 NEWMETHOD")],
    # 3.2 to 3.4: the transaction and the application
    "badbranch": [_sub("branch=z9hG4bK-badbranch", "branch=z9hG4bK")],
    "no-branch": [_sub(";branch=z9hG4bK-no-branch", "")],
    "insuf-to": [_without("To")],
    "insuf-from": [_without("From")],
    "insuf-callid": [_without("Call-ID")],
    "insuf-cseq": [_without("CSeq")],
    "insuf-via": [_without("Via")],
    "insuf-contact": [_without("Contact")],
    "unkscm": [_sub("sip:110@", "nobodyKnowsThisScheme:totallyopaque")],
    "novelsc": [_sub("INVITE sip:110@", "INVITE soap.beep://")],
    "bext": [_header("Require", "nothingSupportsThis, nothingSupportsThisEither")],
    "invut": [_sub("application/sdp", "application/unknownformat")],
    "multi": [_header("CSeq", "5 INVITE"), _header("Call-ID", "second"), _header("From", "<sip:b@b>;tag=2")],
    "mcl": [_header("Content-Length", "13")],
    "bcast": [_sub("Via: SIP/2.0/UDP ", "Via: SIP/2.0/UDP 255.255.255.255;branch=x\r\nVia: SIP/2.0/UDP ")],
    "zeromf": [_sub("Max-Forwards: 70", "Max-Forwards: 0")],
    "cparam": [_sub("Contact: <", "Contact: sip:+19725552222@gw1.example.net;unknownparam, <")],
    "replaces": [_header("Replaces", "no-such-call;to-tag=1;from-tag=2")],
    "replaces-junk": [_header("Replaces", ";;;=\x01")],
    "auth-junk": [_header("Authorization", 'Digest username="' + "x" * 3000)],
    # the caller's number and name, which reach the dialplan
    "shell": [_sub("From: <sip:", 'From: "${SHELL(id)}" <sip:${SHELL(id)}&PJSIP/1001,')],
    "long-number": [_sub("From: <sip:", "From: <sip:" + "9" * 3000)],
    "pai": [_header("P-Asserted-Identity", "<sip:" + "%" * 500 + "@>, tel:;;;,")],
    "remote-party": [_header("Remote-Party-ID", '"\\"\\" <sip:"@"@"@>;party=calling;screen=\x7f')],
    "unicode": [_sub("From: <", 'From: "\u202e\u0000\ud7ff\uffff😀" <')],
    # the session description
    "sdp-none": [lambda text: text.partition("\r\n\r\n")[0].replace("Content-Type", "X-Type") + "\r\n\r\n"],
    "sdp-port": [_sub("m=audio 40000", "m=audio -1"), _sub("c=IN IP4", "c=IN IP9")],
    "sdp-many": [_sub("m=audio", "m=audio 1 RTP/AVP 8\r\n" * 500 + "m=audio")],
    "sdp-codecs": [_sub("RTP/AVP 8", "RTP/AVP " + " ".join(str(n % 300) for n in range(900)))],
    "sdp-video": [_sub("m=audio 40000 RTP/AVP 8", "m=video 40000 RTP/AVP 96\r\na=rtpmap:96 H264/0")],
    "sdp-junk": [_sub("v=0", "v=99\r\n\x00\x01\x02=\r\n===")],
    "sdp-crypto": [_sub("RTP/AVP", "RTP/SAVPF"), _sub("a=rtpmap", "a=crypto:1 AES\r\na=rtpmap")],
}  # fmt: skip


def messages(target: Torture, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Every message, with a name of its own."""
    for name, edits in _INVITES.items():
        text = target.invite(name)
        for edit in edits:
            text = edit(text)
        yield name, text.encode("utf-8", "surrogatepass")
    yield from _not_requests(target)
    yield from _by_size(target, rng)
    for number in range(RANDOM_MESSAGES):
        yield f"random-{number}", rng.randbytes(rng.randint(1, 1500))
    for number in range(RANDOM_MESSAGES):
        name = f"damaged-{number}"
        data = bytearray(target.invite(name).encode())
        for _ in range(rng.randint(1, 20)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        yield name, bytes(data)


def _not_requests(target: Torture) -> Iterator[tuple[str, bytes]]:
    via = f"Via: SIP/2.0/UDP {target.source}:{target.own_port};branch=z9hG4bK-r\r\n"
    rest = "From: <sip:a@a>;tag=1\r\nTo: <sip:b@b>;tag=2\r\nCall-ID: r\r\nCSeq: 8 INVITE\r\nContent-Length: 0\r\n\r\n"
    yield "bigcode", f"SIP/2.0 4294967301 better not break\r\n{via}{rest}".encode()
    yield "noreason", f"SIP/2.0 100 \r\n{via}{rest}".encode()
    yield "stray-200", f"SIP/2.0 200 OK\r\n{via}{rest}".encode()
    yield "dblreq", target.request("REGISTER", "dblreq") + target.request("INVITE", "dblreq")
    yield "stray-bye", target.request("BYE", "stray-bye")
    yield "stray-ack", target.request("ACK", "stray-ack")
    yield "stray-cancel", target.request("CANCEL", "stray-cancel")
    yield "register-nobody", target.request("REGISTER", "register-nobody").replace(b"1001", b"%00%00")
    yield "register-contacts", target.request("REGISTER", "register-contacts").replace(b"Contact: <", b"Contact: *, <")
    yield "refer", target.request("REFER", "refer").replace(b"Expires: 60", b"Refer-To: <sip:%00@%00>")
    yield "subscribe", target.request("SUBSCRIBE", "subscribe").replace(b"Expires: 60", b"Event: \x00\r\nExpires: -1")
    yield "empty", b""
    yield "newlines", b"\r\n" * 500
    yield "zeros", bytes(1000)
    yield "http", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def _by_size(target: Torture, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    for number in range(TRUNCATIONS):
        whole = target.invite(f"truncated-{number}").encode()
        yield f"truncated-{number}", whole[: rng.randrange(1, len(whole))]
    long_header = _header("X-Long", "x" * 60_000)(target.invite("long-header")).encode()
    yield "long-header", long_header[:LARGEST_DATAGRAM]
    yield (
        "many-headers",
        "".join([_header("X-H", "1\r\nX-H: 2" * 3000)(target.invite("many-headers"))]).encode()[:LARGEST_DATAGRAM],
    )
    yield "long-body", target.request("INVITE", "long-body", body="v=0\r\n" + "a=x\r\n" * 12_000)
    yield "longest", target.invite("longest").encode().ljust(LARGEST_DATAGRAM, b"z")
