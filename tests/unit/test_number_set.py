"""A set of numbers beside a plain dictionary."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.domain import number_set
from ari_app.domain.number_set import NumberSet

_numbers = st.from_regex(r"(\+[1-9][0-9]{0,4}|[0-9]{1,4})", fullmatch=True)
_steps = st.lists(st.tuples(st.booleans(), _numbers, st.integers(0, 2**33)), max_size=80)


@settings(max_examples=300)
@given(st.dictionaries(st.integers(1, 99_999), st.integers(0, 2**33), max_size=40), _steps, st.integers(2, 8))
def test_any_steps(before: dict[int, int], steps: list[tuple[bool, str, int]], largest: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(number_set, "_LARGEST", largest)
        begun = sorted(before)
        made = NumberSet.ascending([(begun, [before[number] for number in begun])])
        model = {f"+{number}": at for number, at in before.items()}
        for is_added, number, at in steps:
            if is_added:
                made.add(number, at + 0.9)
                model[number] = at
            else:
                made.discard(number)
                model.pop(number, None)
        assert len(made) == len(model)
        assert sorted(made) == sorted(model)
        for number in {number for _, number, _ in steps} | model.keys():
            assert made.since(number) == model.get(number)
            assert (number in made) == (number in model)


@pytest.mark.parametrize("odd", ["", "+", "x", "1" * 18, "٣"])
def test_what_is_no_number(odd: str) -> None:
    made = NumberSet()
    with pytest.raises(ValueError, match="no telephone number"):
        made.add(odd, 0)
    made.discard(odd)
    assert odd not in made


@pytest.mark.parametrize("wrong", [[2, 1], [1, 1], [0]])
def test_only_in_order(wrong: list[int]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        NumberSet.ascending([(wrong, [0] * len(wrong))])
    with pytest.raises(ValueError, match="ascending"):
        NumberSet.ascending([([5], [0]), ([5], [0])])
