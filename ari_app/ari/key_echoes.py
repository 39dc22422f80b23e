"""Keys that Asterisk tells twice are heard once.

Asterisk keeps 45 ms between two keys of a channel and makes each last 80 ms. A key whose end it reads sooner, as it
does when it had no processor for a moment, it puts off: it tells of it, and tells of it again when its turn has come
(``channel.c``, ``__ast_read``). Taken for two, ``*201#`` would be another code, and a transmitter would be switched off
and on again.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ari_app.ari.model import ChannelDtmfReceived
from ari_app.domain.recovery import moment

GAP, SHORTEST = 45, 80
"""Asterisk's ``AST_MIN_DTMF_GAP`` and ``AST_MIN_DTMF_DURATION``. All times here are its own, in milliseconds."""

LEAST_PAUSE: Final = 40
"""Between two presses of the same key (ITU-T Q.24)."""

PATIENCE: Final = 500
"""How long Asterisk is behind with a telephone, and so much later than its turn is a key that was put off expected."""

FORGOTTEN_AFTER: Final = 5000


class _PutOff(msgspec.Struct):
    """A key that was told of, and will or may be again between two moments."""

    digit: str
    lasted: int
    earliest: int
    latest: int

    def is_it(self, event: ChannelDtmfReceived, at: int) -> bool:
        """Whether this is what is told of now."""
        return (self.digit, self.lasted) == (event.digit, event.duration_ms) and at >= self.earliest


class _Keypad(msgspec.Struct):
    """What was told of one telephone last: when, and of how long a key; until when Asterisk is behind with it."""

    at: int
    lasted: int
    put_off: list[_PutOff]
    behind_until: int


class KeyEchoes:
    """Knows which keys have been told of before."""

    def __init__(self) -> None:
        """No key has been pressed."""
        self._keypads: dict[str, _Keypad] = {}

    def is_echo(self, event: ChannelDtmfReceived) -> bool:
        """Whether this is a key that has been told of; to be asked once for each event. False where no time is told."""
        then = moment(event.timestamp)
        if then is None:
            return False
        at = round(then.timestamp() * 1000)
        before = self._keypads.get(event.channel.id)
        if before is None or at - before.at > FORGOTTEN_AFTER:
            self._forget(at)
            before = _Keypad(at - FORGOTTEN_AFTER, 0, [], at)
        waiting, until = [each for each in before.put_off if at <= each.latest], before.behind_until
        said = next((each for each in waiting if each.is_it(event, at)), None)
        if said is not None:
            waiting.remove(said)
        elif at - before.at < _turn(before.lasted):
            until = at + PATIENCE if at - before.at < GAP else until
            waiting.append(_put_off(event, at, before, waiting, is_behind=at < until))
        self._keypads[event.channel.id] = _Keypad(at, event.duration_ms, waiting, until)
        return said is not None

    def _forget(self, now: int) -> None:
        for leg in [leg for leg, keypad in self._keypads.items() if now - keypad.at > FORGOTTEN_AFTER]:
            del self._keypads[leg]


def _put_off(
    event: ChannelDtmfReceived, at: int, before: _Keypad, waiting: list[_PutOff], *, is_behind: bool
) -> _PutOff:
    """A key that came so soon after another that Asterisk may have put it off; it has its turn behind those waiting."""
    lasts, busy_until = event.duration_ms, before.at + _turn(before.lasted)
    earliest = waiting[-1].earliest + _turn(waiting[-1].lasted) if waiting else before.at + GAP
    if waiting or is_behind:
        latest = at + (len(waiting) + 1) * _turn(lasts) + PATIENCE
    else:  # sooner than the same key can have been pressed again for so long
        latest = max(at + lasts, busy_until) + LEAST_PAUSE
    return _PutOff(event.digit, lasts, earliest, latest)


def _turn(lasts: int) -> int:
    """How long Asterisk is busy with a key that it makes itself."""
    return max(lasts, SHORTEST) + GAP
