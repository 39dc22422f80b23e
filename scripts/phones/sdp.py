"""What two phones agree on for the sound of a call: address, direction, A-law and key presses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

PCMA: Final = 8
KEYS: Final = 101
"""The payload type of key presses (RFC 4733), as Asterisk offers it too."""

_SENDS: Final = {"sendrecv", "sendonly"}
_RECEIVES: Final = {"sendrecv", "recvonly"}


@dataclass(frozen=True, slots=True)
class Sdp:
    """One offer or answer; ``direction`` as its sender sees it."""

    host: str
    port: int
    direction: str = "sendrecv"
    has_pcma: bool = True
    has_keys: bool = True

    @classmethod
    def parse(cls, body: str) -> Self | None:
        """Read a session description; None when it has no audio."""
        audio = re.search(r"^m=audio (\d+) \S+ ([\d ]+)", body, re.MULTILINE)
        address = re.findall(r"^c=IN IP4 ([\d.]+)", body, re.MULTILINE)
        if audio is None or not address:
            return None
        directions = re.findall(r"^a=(sendrecv|sendonly|recvonly|inactive)\b", body, re.MULTILINE)
        direction = directions[-1] if directions else "sendrecv"
        if address[-1] == "0.0.0.0":  # noqa: S104 -- how phones before RFC 3264 put a call on hold
            direction = "inactive"
        has_keys = re.search(rf"^a=rtpmap:{KEYS} telephone-event/8000", body, re.MULTILINE | re.IGNORECASE) is not None
        return cls(address[-1], int(audio[1]), direction, str(PCMA) in audio[2].split(), has_keys)

    def text(self, version: int) -> str:
        """The body; ``version`` is counted up with each one of a call."""
        kinds = f"{PCMA} {KEYS}" if self.has_keys else f"{PCMA}"
        lines = [
            "v=0", f"o=phone 110 {version} IN IP4 {self.host}", "s=-", f"c=IN IP4 {self.host}", "t=0 0",
            f"m=audio {self.port} RTP/AVP {kinds}", f"a=rtpmap:{PCMA} PCMA/8000",
        ]  # fmt: skip
        if self.has_keys:
            lines += [f"a=rtpmap:{KEYS} telephone-event/8000", f"a=fmtp:{KEYS} 0-16"]
        return "\r\n".join([*lines, "a=ptime:20", f"a={self.direction}", ""])


def answer(offered: str, wanted: str) -> str:
    """The direction of an answer: what is wanted, as far as the offer allows it (RFC 3264, 6.1)."""
    sends = wanted in _SENDS and offered in _RECEIVES
    receives = wanted in _RECEIVES and offered in _SENDS
    return {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}.get(
        (sends, receives), "inactive"
    )


def sends(own: str, other: str) -> bool:
    """Whether we send, by what either side said of itself."""
    return own in _SENDS and other in _RECEIVES
