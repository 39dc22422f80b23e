"""Keys that Asterisk tells twice, because it was late with them, are heard once; and no other is kept from anybody."""

from __future__ import annotations

import random
from collections import Counter, deque
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


def told(presses: list[Press], stalls: list[tuple[int, int]], phase: int = 0) -> list[tuple[int, str, int]]:
    """When Asterisk tells of which key of what length; ``stalls`` are when it began to stand still, and how long.

    Packets of voice come every 20 ms from ``phase`` on.
    """
    wire = deque(
        sorted([(p.begin, False, p) for p in presses] + [(p.end, True, p) for p in presses], key=itemgetter(0))
    )
    line = Line()
    for now in range(presses[-1].end + 3000):
        if any(began <= now < began + lasts for began, lasts in stalls):
            continue
        if not (wire and wire[0][0] <= now) and now % FRAME != phase:
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
    """Keys as somebody presses them, at a telephone that counts in steps of so many milliseconds."""
    unit = draw(st.sampled_from([20, 21]))
    presses: list[Press] = []
    at = 100
    for digit in draw(st.text("0123456789*#", min_size=1, max_size=12)):
        lasts = draw(st.integers(4, 20)) * unit
        presses.append(Press(digit, at, lasts))
        at += lasts + draw(st.integers(4, 25)) * unit
    return presses


@settings(max_examples=500)
@given(by_hand(), st.integers(0, FRAME - 1))
def test_nothing_is_kept_from_anybody(presses: list[Press], phase: int) -> None:
    """However fast, and whatever the lengths: in a quiet hour each key is heard once."""
    assert heard(told(presses, [], phase)) == "".join(press.digit for press in presses)


CODES = ("*4", "*201#", "*0", "##", "*11002#", "*3#", "5", "55", "*10*12345#")
PACES = ((80, 60), (100, 60), (100, 100), (160, 80), (120, 150))
"""For how long a telephone that dials a code presses a key, and how long it waits."""


def test_few_stalls_double_a_key_and_none_loses_one() -> None:
    """Asterisk stands still anywhere in a code, and all of it comes at once afterwards."""
    rng, garbled, wrong = random.Random(110), 0, 0
    for _ in range(1500):
        keys, (lasts, pause), phase = rng.choice(CODES), rng.choice(PACES), rng.randrange(FRAME)
        stall = rng.randrange(1800), rng.randrange(20, 600)
        events = told(dialled(keys, lasts=lasts, pause=pause), [stall], phase)
        garbled += "".join(digit for _, digit, _ in events) != keys
        wrong += heard(events) != keys
        assert not Counter(keys) - Counter(heard(events)), (keys, lasts, pause, stall, phase)
    assert garbled > 200
    assert wrong <= garbled / 20


@pytest.mark.parametrize(
    "events",
    [
        [(3000, "5", 3000), (4000, "5", 160), (5500, "5", 160)],
        [(1000, "#", 1200), (1500, "5", 160), (2200, "5", 160)],
        [(1000, "#", 100), (1010, "5", 100), (1600, "5", 100)],
        [(1000, "5", 100), (950, "5", 100), (1500, "5", 100)],
        [(1000, "#", 250), (1250, "5", 250), (1530, "5", 250)],
        *([(1000 + pace * n, key, 250) for n, key in enumerate("*11002#")] for pace in (200, 250, 280)),
        [(1000 + 300 * n, "5", 0) for n in range(6)],
    ],
    ids=["long", "long, other", "in a crowd", "clock put back", "INFO", "INFO 200", "INFO 250", "INFO 280", "INFO 0"],
)
def test_who_presses_again_means_it(events: list[tuple[int, str, int]]) -> None:
    """Telephones that say the same length each time, keys held for long, and Asterisk that puts nothing off."""
    assert heard(events) == "".join(key for _, key, _ in events)


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
        assert not echoes.is_echo(event("5", stamp(number * 200), leg=f"1.{number}"))
    assert len(echoes._keypads) < 100
