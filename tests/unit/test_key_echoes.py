"""Keys that Asterisk tells twice, because it was late with them, are heard once; and no other is kept from anybody."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.ari.key_echoes import KeyEchoes
from ari_app.ari.model import CallerID, Channel, ChannelDtmfReceived, DialplanCEP

GAP, SHORTEST, FRAME = 45, 80, 20
BEGAN = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Press:
    """A key held down from ``begin`` for ``lasts``, in milliseconds."""

    digit: str
    begin: int
    lasts: int

    @property
    def end(self) -> int:
        return self.begin + self.lasts


class Line:
    """A channel as Asterisk's ``channel.c`` reads it; ``events`` are when it told of which key of what length."""

    def __init__(self) -> None:
        self.events: list[tuple[int, str, int]] = []
        self._put_off: deque[Press] = deque()
        self._is_down, self._made_until, self._last = False, 0, -SHORTEST

    def next_of(self, wire: deque[tuple[int, bool, Press]], now: int) -> tuple[bool, Press] | None:
        """What is read next, whether it is a key's end, and the key; None: nothing is there."""
        if self._made_until and now >= self._made_until:
            self._made_until, self._last = 0, now
        if self._put_off and self._is_open(now):  # it goes before whatever is on the wire
            return True, self._put_off.popleft()
        return wire.popleft()[1:] if wire and wire[0][0] <= now else None

    def _is_open(self, now: int) -> bool:
        return not self._made_until and now - self._last >= GAP

    def begins(self, now: int) -> None:
        if self._is_open(now):
            self._is_down, self._last = True, now

    def ends(self, press: Press, now: int) -> None:
        self.events.append((now, press.digit, press.lasts))
        if self._made_until or (not self._is_down and not self._is_open(now)):
            self._put_off.append(press)
        elif not self._is_down:
            self._made_until, self._last = now + max(press.lasts, SHORTEST), now
        else:
            self._is_down, began = False, self._last
            self._made_until, self._last = (began + SHORTEST, began) if now - began < SHORTEST else (0, now)


def told(presses: list[Press], stalls: list[tuple[int, int]]) -> list[tuple[int, str, int]]:
    """When Asterisk tells of which key of what length; ``stalls`` are when it began to stand still, and how long."""
    wire = deque(
        sorted([(p.begin, False, p) for p in presses] + [(p.end, True, p) for p in presses], key=itemgetter(0))
    )
    line = Line()
    for now in range(0, presses[-1].end + 3000, FRAME):
        if any(began <= now < began + lasts for began, lasts in stalls):
            continue
        while (read := line.next_of(wire, now)) is not None:
            is_end, press = read
            if is_end:
                line.ends(press, now)
            else:
                line.begins(now)
    return line.events


def heard(events: list[tuple[int, str, int]], leg: str = "1.1") -> str:
    echoes = KeyEchoes()
    return "".join(
        digit for at, digit, lasts in events if not echoes.is_echo(event(digit, stamp(at), lasts=lasts, leg=leg))
    )


def event(digit: str, at: str, *, lasts: int = 80, leg: str = "1.1") -> ChannelDtmfReceived:
    channel = Channel(leg, "PJSIP/1001-00000001", "Up", CallerID(), DialplanCEP())
    return ChannelDtmfReceived(channel, digit, lasts, at)


def stamp(at: int) -> str:
    return (BEGAN + timedelta(milliseconds=at)).isoformat(timespec="milliseconds")


def dialled(keys: str, *, lasts: int = 80, pause: int = 60) -> list[Press]:
    return [Press(key, 100 + number * (lasts + pause), lasts) for number, key in enumerate(keys)]


@st.composite
def by_hand(draw: st.DrawFn) -> list[Press]:
    """Keys as somebody presses them: no two for exactly as long."""
    presses: list[Press] = []
    at = 100
    for digit in draw(st.text("0123456789*#", min_size=1, max_size=12)):
        lasts = draw(st.integers(80, 250))
        presses.append(Press(digit, at, lasts))
        at += lasts + draw(st.integers(80, 400))
    return presses


@settings(max_examples=3000)
@given(by_hand())
def test_nothing_is_kept_from_anybody(presses: list[Press]) -> None:
    """However fast, and whatever the lengths: in a quiet hour each key is heard once."""
    assert heard(told(presses, [])) == "".join(press.digit for press in presses)


@given(
    st.sampled_from(["*4", "*201#", "*0", "##", "*11002#", "*3#", "5", "*10*12345#"]),
    st.sampled_from([(80, 60), (100, 60), (100, 100), (160, 80)]),
    st.integers(0, 2000),
    st.integers(20, 600),
)
def test_a_stall_doubles_nothing(keys: str, pace: tuple[int, int], began: int, lasts: int) -> None:
    """Asterisk stands still anywhere in a code that a telephone dials, and all of it comes at once afterwards."""
    lasted, pause = pace
    assert heard(told(dialled(keys, lasts=lasted, pause=pause), [(began, lasts)])) == keys


def test_asterisk_was_seen_to_do_so() -> None:
    """What its log had of ``*4`` when it had stood still for 0.25 s: the ``4`` at the end of it, and 45 ms later."""
    events = [(80, "*", 80), (334, "*", 80), (334, "4", 80), (379, "4", 80)]
    assert heard(events[1:]) == "*4"
    assert heard([(72, "*", 80), (72, "4", 80), (197, "4", 80)]) == "*4"


def test_the_same_key_again() -> None:
    """Pressed twice by hand, or dialled by a telephone: it is meant twice."""
    for pause in range(45, 400, 5):
        assert heard(told(dialled("##", pause=pause), [])) == "##"
    assert heard(told(dialled("555", lasts=100, pause=50), [])) == "555"


@pytest.mark.parametrize("at", ["", "yesterday"])
def test_without_a_time_every_key_counts(at: str) -> None:
    echoes = KeyEchoes()
    assert not any(echoes.is_echo(event("5", at)) for _ in range(3))


def test_telephones_are_told_apart_and_forgotten() -> None:
    echoes = KeyEchoes()
    for number in range(1000):
        assert not echoes.is_echo(event("5", stamp(number * 100), leg=f"1.{number}"))
    assert len(echoes._keypads) < 100
