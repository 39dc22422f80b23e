"""Keys that Asterisk tells twice are heard once.

Asterisk keeps 45 ms between two keys of a channel and makes each last 80 ms. A key whose end it reads sooner, as it
does when it had no processor for a moment, it puts off: it tells of it, and tells of it again when its turn has come
(``channel.c``, ``__ast_read``). Taken for two, ``*201#`` would be another code, and a transmitter would be switched off
and on again.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from ari_app.ari.model import ChannelDtmfReceived
from ari_app.domain.recovery import moment

GAP, SHORTEST, UNSAID = 45, 80, 100
"""Asterisk's ``AST_MIN_DTMF_GAP``, ``AST_MIN_DTMF_DURATION`` and, where a telephone does not say how long,
``AST_DEFAULT_EMULATE_DTMF_DURATION``. All times here are its own, in milliseconds."""

FRAME: Final = 20
"""Its turn has come with the next packet of voice."""

MOST: Final = 12
"""Keys that are put off at a time: nobody presses more, and what a caller's telephone sends is not to cost anything."""

LONGEST, FORGOTTEN_AFTER = 8000, 10_000

Span: TypeAlias = tuple[int, int]


class _PutOff(msgspec.Struct):
    """A key that was told of, and may be again within one of these spans."""

    digit: str
    duration: int
    spans: list[Span]

    def is_it(self, event: ChannelDtmfReceived, at: int) -> bool:
        """Whether this is what is told of now."""
        is_same = (self.digit, self.duration) == (event.digit, event.duration_ms)
        return is_same and any(first <= at <= last for first, last in self.spans)


class _Keypad(msgspec.Struct):
    """What was told of one telephone last: when, and of how long a key."""

    at: int
    duration: int
    put_off: list[_PutOff]


class KeyEchoes:
    """Knows which keys have been told of before.

    Where in doubt, it is another key: one too many is refused, and pressed again; one too few is a transmitter that
    stays on.
    """

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
        if before is None or not 0 <= at - before.at <= FORGOTTEN_AFTER:  # the clock may have been set
            self._forget(at)
            self._keypads[event.channel.id] = _Keypad(at, event.duration_ms, [])
            return False
        waiting = [each for each in before.put_off if at <= each.spans[-1][1]]
        said = next((each for each in waiting if each.is_it(event, at)), None)
        if said is not None:
            waiting.remove(said)
        elif len(waiting) < MOST and (spans := _spans(at, before, waiting)):
            waiting.append(_PutOff(event.digit, event.duration_ms, spans))
        self._keypads[event.channel.id] = _Keypad(at, event.duration_ms, waiting)
        return said is not None

    def _forget(self, now: int) -> None:
        for leg in [leg for leg, keypad in self._keypads.items() if abs(now - keypad.at) > FORGOTTEN_AFTER]:
            del self._keypads[leg]


def _spans(at: int, before: _Keypad, waiting: list[_PutOff]) -> list[Span]:
    """When a key that is told of now will be told of again, if Asterisk has put it off; none: it has not.

    The key before it lasts its whole time once more, or, where its beginning was read as late as its end, the shortest.
    """
    if waiting:  # behind those
        ahead = waiting[-1]
        return [(first + SHORTEST + GAP, last + _turn(ahead.duration) + FRAME) for first, last in ahead.spans]
    whole = before.at + _turn(before.duration)
    if at > whole + FRAME:
        return []
    shortest = at + 1, before.at + SHORTEST + GAP + 2 * FRAME
    return [each for each in (shortest, (whole, whole + 2 * FRAME)) if each[1] >= at]


def _turn(duration: int) -> int:
    """How long Asterisk is busy with a key that it makes itself."""
    return max(min(duration or UNSAID, LONGEST), SHORTEST) + GAP
