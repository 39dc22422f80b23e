"""What is printed one after the other is what would have been printed at once."""

from __future__ import annotations

import io
import sys
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from cli.output import print_json, print_json_list

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(_json, max_size=4))
def test_json_in_parts(values: list[object]) -> None:
    printed: list[bytes] = []
    for whole in (True, False):
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        with patch.object(sys, "stdout", out):
            print_json(values) if whole else print_json_list(iter(values))
        assert isinstance(out.buffer, io.BytesIO)
        printed.append(out.buffer.getvalue())
    assert printed[0] == printed[1]
