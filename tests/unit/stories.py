"""Records and facts at random, for properties."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from ari_app.domain.facts import Fact, Json, Record

ACTIONS = (
    "call.received", "call.queued", "call.offered", "call.not_answered", "call.answered", "call.adopted",
    "call.fallback", "call.abandoned", "call.ended", "call.classified", "call.held", "call.resumed",
    "call.transfer_started", "call.transfer_answered", "call.taken_back", "call.consulted", "call.consult_answered",
    "call.consult_ended", "call.conferenced", "call.referred", "call.requeued", "call.closed", "call.recorded",
    "complaint.opened", "complaint.edited", "complaint.closed", "complaint.reopened", "desk.registered",
    "desk.unregistered", "operator.logged_in", "operator.logged_out", "operator.removed", "operator.ready",
    "call.noted", "monitor.offered", "monitor.not_answered", "monitor.started", "monitor.ended",
    "operator.not_ready", "desk.wrapup", "desk.talking", "desk.free", "application.started", "prank.marked",
    "prank.unmarked", "number.blocked", "number.unblocked",
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
        "operator": st.sampled_from(("7001", "7002", None)),
        "desks": st.sampled_from((["2001"], ["2001", "2002", "1001"], [], [7], "2001")),
        "to": st.sampled_from(("1002", "2001", None)),
        "kind": st.sampled_from(("valid", "not_valid", "prank", "?", 7)),
        "emergency": st.sampled_from((True, False, None, "yes")),
        "polres": st.sampled_from(("01", "02", None, 1)),
        "reason": st.sampled_from(("busy", "rest", "unmarked", None, 3)),
        "ticket": st.sampled_from(("110-20250131-0001", "110-20250131-0002", "110-20250131-0001", None)),
        "name": st.sampled_from(("Budi", "-", None, 5)),
        "status": st.sampled_from(("open", "handling", "closed", "?")),
        "number": st.sampled_from(("+6281234567890", "+6281234567891", "110", None, "x")),
        "seconds": st.sampled_from((15, 2.5, 0, -1, 2**70, True, "x", None)),
        "sha256": st.sampled_from(("ab" * 32, None)),
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
