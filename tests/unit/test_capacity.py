"""As many callers as Asterisk has files and audio ports for, with room for the desks that are to ring."""

from __future__ import annotations

import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.site.capacity import Capacity


@given(first=st.integers(1024, 60_000), lines=st.integers(2, 2700), desks=st.integers(1, 400))
def test_every_line_has_a_port(first: int, lines: int, desks: int) -> None:
    """Though all desks talk, each with a caller, and as many telephones ring as may."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resource, "getrlimit", lambda _: (65_536, 65_536))
        found = Capacity.of((first, first + 2 * lines - 1), desks)
        calls, ringing = found.most_calls, found.most_ringing
    assert found.lines == lines
    assert calls == 1 or calls + min(calls, desks) + ringing <= lines


@pytest.mark.parametrize(
    ("files", "ports", "desks", "calls"),
    [
        (65_536, 5000, 100, 1900),
        (65_536, 5000, 1500, 1000),
        (65_536, 20_000, 100, 4747),
        (20_000, 5000, 100, 1435),
        (65_536, 4, 3, 1),
    ],
)
def test_whichever_is_less(monkeypatch: pytest.MonkeyPatch, files: int, ports: int, desks: int, calls: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert Capacity.of((10_000, 10_000 + ports - 1), desks).most_calls == calls
