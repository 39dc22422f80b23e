"""What an operator presses in a call, and what is meant by it (CONTRACT.md, "pressed in a call").

The codes are the table ``CODES``; ``Pad`` puts digits together until a code is complete. A code that is not
in the table, or that is not finished in time, is ``Key.UNKNOWN``: the operator hears the error sound.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DIGIT_SECONDS: Final = 4.0
"""The longest pause between two digits of one code."""

LONGEST: Final = 12
"""Characters after which no code goes on."""


class Key(StrEnum):
    """What a code asks for."""

    VALID = "valid"
    NOT_VALID = "not_valid"
    PRANK = "prank"
    UNBLOCK = "unblock"
    EMERGENCY = "emergency"
    CLOSE = "close"
    HOLD = "hold"
    RESUME = "resume"
    """No code of its own: a supervisor says which of the two is meant."""
    TRANSFER = "transfer"
    TAKE_BACK = "take_back"
    CONSULT = "consult"
    RADIO = "radio"
    NET_KEY = "net_key"
    NET_LISTEN = "net_listen"
    NET_TALK = "net_talk"
    NET_LEAVE = "net_leave"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Wish:
    """A complete code. ``digits`` is what it carries: a Polres code, an extension, a net; or nothing."""

    key: Key
    digits: str = ""


CODES: Final[dict[str, tuple[Key, str]]] = {
    "*5": (Key.VALID, ""),
    "*6": (Key.NOT_VALID, ""),
    "*7": (Key.PRANK, ""),
    "*8": (Key.UNBLOCK, ""),
    "*9": (Key.EMERGENCY, ""),
    "*0": (Key.CLOSE, ""),
    "*4": (Key.HOLD, ""),
    "##": (Key.TAKE_BACK, ""),
    "*2": (Key.TRANSFER, r"\d{2}#"),
    "*1": (Key.CONSULT, r"(\d{2,8})?#"),
    "*3": (Key.RADIO, r"(\d{2,8})?#"),
}
"""Each code with what must follow it; nothing: it is complete."""

ON_NET: Final = {"5": Key.NET_KEY, "1": Key.NET_LISTEN, "2": Key.NET_TALK, "#": Key.NET_LEAVE}
"""What single keys mean to an operator who is on a radio net (CONTRACT.md, "On a net")."""

_FOLLOWS: Final = {code: re.compile(follow) for code, (_, follow) in CODES.items() if follow}


class Pad:
    """The digits of one operator that are no code yet."""

    def __init__(self) -> None:
        """Nothing has been pressed."""
        self.pressed = ""
        self.on_net = False
        """Whether the operator is on a radio net: single keys have a meaning then."""

    def press(self, digit: str) -> Wish | None:
        """One more digit (``0`` to ``9``, ``*``, ``#``): the code that it completes, or None.

        A star begins a new code: who has mistyped starts again.
        """
        if self.on_net and not self.pressed and digit in ON_NET:
            return Wish(ON_NET[digit])
        self.pressed = digit if digit == "*" else self.pressed + digit
        wish = _read(self.pressed)
        if wish is not None:
            self.pressed = ""
        return wish

    def give_up(self) -> Wish | None:
        """No digit came in time: what was pressed is no code; None when nothing was."""
        if not self.pressed:
            return None
        self.pressed = ""
        return Wish(Key.UNKNOWN)


def _read(pressed: str) -> Wish | None:
    """The code in what was pressed; None: it may still become one."""
    code, rest = pressed[:2], pressed[2:]
    if code in CODES:
        key, follow = CODES[code]
        if not follow:
            return Wish(key)
        if _FOLLOWS[code].fullmatch(rest):
            return Wish(key, rest[:-1])
        return Wish(Key.UNKNOWN) if "#" in rest or len(pressed) > LONGEST else None
    return None if pressed in {"*", "#"} else Wish(Key.UNKNOWN)
