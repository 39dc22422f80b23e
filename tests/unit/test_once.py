"""An order whose answer was lost with the application is not carried out again by the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.domain.commands import CommandRefused, order_id
from ari_app.domain.facts import Fact
from ari_app.flows.once import ORDER, Once
from ari_app.store.journal import Journal, read
from ari_app.store.orders import OrderLookup
from tests.unit.trouble import in_reserve, locked

pytestmark = pytest.mark.anyio

NOTE = Fact("supervisor:budi", "call.noted", "1.1", {"text": "Anak di dalam rumah"})


async def give(path: Path, order: str, *facts: Fact) -> None:
    """An application is asked, tells, and is gone."""
    journal = Journal.open(path, timezone="UTC")
    order_id.set(order)
    await Once(journal.append, OrderLookup(path)).tell(*facts)
    assert journal.close()


async def test_the_next_application_tells_nothing_twice(path: Path) -> None:
    await give(path, "aa01", NOTE)
    await give(path, "aa01", NOTE)
    await give(path, "aa02", NOTE)
    assert [record.data[ORDER] for record in read(path)] == ["aa01", "aa02"], "the same words of another order are new"


async def test_what_comes_from_no_order(path: Path) -> None:
    """The command itself, where no application runs."""
    await give(path, "", NOTE)
    await give(path, "", NOTE)
    assert [record.data for record in read(path)] == [NOTE.data, NOTE.data]


async def test_it_is_in_the_reserve_only(path: Path) -> None:
    journal = Journal.open(path, timezone="UTC")
    with locked(path):
        order_id.set("aa01")
        await Once(journal.append, OrderLookup(path)).tell(NOTE)
        assert journal.flush(5, or_reserve=True)
        assert in_reserve(journal)
        assert OrderLookup(path)("aa01")
        assert not OrderLookup(path)("aa02")
    assert journal.close()


async def test_the_journal_cannot_be_read(path: Path) -> None:
    """Nothing is told on suspicion; who asked asks again."""
    path.write_bytes(b"x" * 4096)
    told: list[Fact] = []
    order_id.set("aa01")
    with pytest.raises(CommandRefused, match="cannot be read"):
        await Once(told.append, OrderLookup(path)).tell(NOTE)
    assert told == []
