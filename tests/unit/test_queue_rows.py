"""Who waits, as the journal tells it: in the order in which they are served, and who is to be verified."""

from __future__ import annotations

from typing import TypeAlias

from ari_app.domain.facts import Fact, Json, Record
from ari_app.domain.queue_rows import queue_rows

Told: TypeAlias = tuple[str, dict[str, Json]]
T0 = "2025-01-31T08:00:00.000+07:00"


def story(call: str, second: int, *told: Told) -> list[Record]:
    """A call that came in at this second, and what was told of it, all in one moment."""
    at = T0.replace("00.000", f"{second:02}.000")
    facts = [Fact("asterisk", "call.received", call, {"caller": f"+62{call}", "dialled": "110"})]
    facts += [Fact("system", action, call, data) for action, data in told]
    return [
        Record(100 * second + n, at, fact.actor, fact.action, fact.call, fact.data, "") for n, fact in enumerate(facts)
    ]


def queued(priority: str) -> Told:
    return "call.queued", {"priority": priority}


def test_in_the_order_in_which_they_are_served() -> None:
    rows = queue_rows([
        story("4", 4, queued("emergency")), story("2", 2, queued("normal")), story("1", 1, queued("normal")),
        story("3", 3, ("call.blocked", {}), queued("verification")), story("5", 5, queued("take_back")),
        story("6", 6, queued("normal"), ("call.answered", {"desk": "1001"})),
    ])  # fmt: skip
    assert [(row.call, row.priority, row.blocked) for row in rows] == [
        ("4", "emergency", False), ("5", "take_back", False), ("1", "normal", False), ("2", "normal", False),
        ("3", "verification", True),
    ]  # fmt: skip
    assert (rows[0].caller, rows[0].since) == ("+624", T0.replace("00.000", "04.000"))


def test_who_has_another_place_by_now() -> None:
    lane: list[Told] = [("call.blocked", {}), queued("verification")]
    (row,) = queue_rows([story("1", 1, *lane, ("call.emergency_claimed", {}))])
    assert (row.priority, row.blocked, row.emergency) == ("normal", True, False)
    (row,) = queue_rows([story("1", 1, *lane, ("number.unblocked", {"number": "+621"}))])
    assert (row.priority, row.blocked) == ("normal", False)
    (row,) = queue_rows([story("1", 1, *lane, ("call.classified", {"emergency": True}))])
    assert (row.priority, row.blocked, row.emergency) == ("emergency", True, True)
    talked: list[Told] = [
        queued("normal"), ("call.answered", {"desk": "1001"}), ("call.classified", {"emergency": True}),
    ]  # fmt: skip
    (row,) = queue_rows([story("1", 1, *talked, ("call.requeued", {}), queued("emergency"))])
    assert row.priority == "emergency"


def test_who_rings_and_who_is_in_the_fallback() -> None:
    (row,) = queue_rows([story("1", 1, queued("normal"), ("call.offered", {"desk": "1001"}))])
    assert (row.state, row.desk) == ("ringing", "1001")
    (row,) = queue_rows([story("1", 1, ("call.fallback", {"reason": "stopping"}))])
    assert (row.state, row.desk, row.priority) == ("ringing", None, None)


def test_nobody_waits() -> None:
    assert queue_rows([]) == []
    assert queue_rows([story("1", 1, queued("normal"), ("call.ended", {"outcome": "abandoned"}))]) == []
