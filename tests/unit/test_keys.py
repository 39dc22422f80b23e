"""What is pressed in a call, and what is meant by it (CONTRACT.md, "pressed in a call")."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ari_app.domain.keys import CODES, LONGEST, ON_NET, Key, Pad, Wish

CONTRACT = {
    "*5": Wish(Key.VALID),
    "*6": Wish(Key.NOT_VALID),
    "*7": Wish(Key.PRANK),
    "*8": Wish(Key.UNBLOCK),
    "*9": Wish(Key.EMERGENCY),
    "*0": Wish(Key.CLOSE),
    "*4": Wish(Key.HOLD),
    "*201#": Wish(Key.TRANSFER, "01"),
    "##": Wish(Key.TAKE_BACK),
    "*11002#": Wish(Key.CONSULT, "1002"),
    "*1#": Wish(Key.CONSULT),
    "*3300#": Wish(Key.RADIO, "300"),
    "*3#": Wish(Key.RADIO),
}
KEYS = "0123456789*#"
GRAMMAR = re.compile(r"\*[0456789]|##|\*2[0-9]{2}#|\*[13]([0-9]{2,8})?#")
"""The contract's codes, in other words than the table."""


def typed(pad: Pad, keys: str) -> list[Wish]:
    """The wishes that come of these keys, one after the other."""
    return [wish for wish in map(pad.press, keys) if wish is not None]


@pytest.mark.parametrize(("code", "wish"), CONTRACT.items())
def test_the_contracts_codes(code: str, wish: Wish) -> None:
    """Each is complete with its last key and not before."""
    pad = Pad()
    assert typed(pad, code[:-1]) == []
    assert pad.press(code[-1]) == wish
    assert pad.pressed == ""


def test_every_code_of_the_table_is_tried_here() -> None:
    """To resume is a supervisor's order only: at a desk it is ``*4`` again."""
    assert {code[:2] for code in CONTRACT} == set(CODES)
    assert {wish.key for wish in CONTRACT.values()} == set(Key) - {Key.UNKNOWN, Key.RESUME} - set(ON_NET.values())


def test_single_keys_mean_something_on_a_radio_net_only() -> None:
    """And codes go on being codes there."""
    pad = Pad()
    assert pad.press("5") == Wish(Key.UNKNOWN)
    pad.on_net = True
    keys = [Key.NET_KEY, Key.NET_LISTEN, Key.NET_TALK, Key.NET_LEAVE]
    assert [pad.press(digit) for digit in "512#"] == [Wish(key) for key in keys]
    assert pad.press("3") == Wish(Key.UNKNOWN)
    assert [pad.press(digit) for digit in "*9"][-1] == Wish(Key.EMERGENCY)
    assert [pad.press(digit) for digit in "*3#"][-1] == Wish(Key.RADIO)
    assert [pad.press(digit) for digit in "*3512#"][-1] == Wish(Key.RADIO, "512")


@given(st.text("0123456789", max_size=14))
def test_a_polres_has_two_digits(digits: str) -> None:
    wishes = typed(Pad(), f"*2{digits}#")
    if len(digits) == 2:
        assert wishes == [Wish(Key.TRANSFER, digits)]
    else:
        assert wishes[0] == Wish(Key.UNKNOWN)
        assert Key.TRANSFER not in {wish.key for wish in wishes}


@given(st.sampled_from([("*1", Key.CONSULT), ("*3", Key.RADIO)]), st.text("0123456789", max_size=8))
def test_an_extension_or_net_has_two_to_eight_digits_or_none(code: tuple[str, Key], digits: str) -> None:
    wishes = typed(Pad(), f"{code[0]}{digits}#")
    assert wishes == [Wish(Key.UNKNOWN) if len(digits) == 1 else Wish(code[1], digits)]


@given(st.text(KEYS, max_size=LONGEST), st.sampled_from(sorted(CONTRACT)))
def test_a_star_begins_again(before: str, code: str) -> None:
    """Whatever was pressed before; ``##`` begins with no star."""
    pad = Pad()
    typed(pad, before)
    if code.startswith("*"):
        assert typed(pad, code) == [CONTRACT[code]]


@given(st.text(KEYS, max_size=30))
def test_giving_up_leaves_nothing(keys: str) -> None:
    pad = Pad()
    typed(pad, keys)
    begun = pad.pressed
    assert pad.give_up() == (Wish(Key.UNKNOWN) if begun else None)
    assert pad.give_up() is None
    assert typed(pad, "*5") == [Wish(Key.VALID)]


@given(st.text(KEYS, min_size=2, max_size=2))
def test_two_keys_that_begin_no_code_are_unknown_at_once(keys: str) -> None:
    wishes = typed(Pad(), keys)
    if keys in CODES or keys in {"**", "#*"}:
        assert Wish(Key.UNKNOWN) not in wishes
    else:
        assert wishes[0] == Wish(Key.UNKNOWN)


class Typing(RuleBasedStateMachine):
    """Anybody presses anything, and at times nothing for too long; beside it what is a prefix of some code."""

    def __init__(self) -> None:
        super().__init__()
        self.pad = Pad()
        self.model = ""

    @rule(key=st.sampled_from(KEYS))
    def press(self, key: str) -> None:
        self.model = key if key == "*" else self.model + key
        wish = self.pad.press(key)
        if wish is None:
            return
        assert (wish.key is not Key.UNKNOWN) == (GRAMMAR.fullmatch(self.model) is not None)
        if wish.key is not Key.UNKNOWN:
            code = self.model
            assert CODES[code[:2]][0] is wish.key
            assert code[2:].rstrip("#") == wish.digits
        self.model = ""

    @rule(code=st.sampled_from(sorted(CONTRACT)))
    def press_a_code(self, code: str) -> None:
        if code.startswith("*") or not self.model:
            assert typed(self.pad, code) == [CONTRACT[code]]
            self.model = ""

    @rule()
    def wait_too_long(self) -> None:
        assert (self.pad.give_up() is None) == (not self.model)
        self.model = ""

    @invariant()
    def what_was_pressed_may_still_become_a_code(self) -> None:
        assert self.pad.pressed == self.model
        assert len(self.model) <= LONGEST
        assert self.model in {"", "*", "#"} or self.model[:2] in CODES
        assert "#" not in self.model[1:]
        assert GRAMMAR.fullmatch(self.model) is None, "a code that is complete is not waited with"


TestTyping = Typing.TestCase
