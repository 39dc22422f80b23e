"""Records and facts at random, for properties."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from ari_app.domain.facts import Fact, Json, Record

ACTIONS = (
    "call.received", "call.queued", "call.offered", "call.not_answered", "call.answered", "call.adopted",
    "call.fallback", "call.abandoned", "call.ended", "desk.registered", "desk.unregistered", "operator.ready",
)  # fmt: skip

json_values: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
json_objects = st.dictionaries(st.text(max_size=8), json_values, max_size=4)

_data = st.fixed_dictionaries(
    {},
    optional={
        "desk": st.sampled_from(("1001", "1002", "", None, 7)),
        "caller": st.sampled_from(("+6281234567890", None)),
        "dialled": st.just("110"),
        "state": st.sampled_from(("waiting", "talking", "ringing", "ended", "?")),
        "outcome": st.sampled_from(("answered", "abandoned")),
        "operator": st.just("7001"),
    },
)
_actors = st.sampled_from(("system", "caller", "desk:1001", "operator:7002"))
_calls = st.sampled_from((None, "", "a", "b", "c"))

facts = st.builds(Fact, _actors, st.sampled_from(ACTIONS), _calls, _data)
"""Facts of a few calls and desks, in any order, sensible or not."""


def record(
    seq: int, action: str, *, call: str | None = None, data: Mapping[str, Json] | None = None, actor: str = "system"
) -> Record:
    """A record whose time and hash say its number."""
    return Record(seq, f"at {seq}", actor, action, call, data or {}, f"hash {seq}")


def records(max_size: int = 20) -> st.SearchStrategy[list[Record]]:
    """Numbered records of such facts."""
    return st.lists(facts, max_size=max_size).map(
        lambda found: [
            record(seq, fact.action, call=fact.call, data=fact.data, actor=fact.actor)
            for seq, fact in enumerate(found, 1)
        ]
    )
