"""The journal's stream on a real broker: no gap, through the death of the broker and of the publisher."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio
import anyio.to_thread
import pytest

from ari_app.bus.stream import BATCH
from ari_app.store.chain import record_line
from ari_app.store.journal import Journal, read
from tests.asterisk.newsroom import Newsroom, Reader, reading, retained
from tests.asterisk.site import REPO, eventually

pytestmark = pytest.mark.anyio


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


# ---- the stream


async def test_every_record_as_it_is_exported(newsroom: Newsroom) -> None:
    newsroom.write(120)
    async with reading(newsroom) as reader:
        newsroom.start_publisher()
        await reader.has(120)
        newsroom.write(3)
        await reader.has(123)
    records = list(read(newsroom.state.journal))
    exported = [json.loads(record_line(record)) for record in records]
    assert [{"version": 1} | each for each in exported] == reader.came
    assert reader.repeated == 0


async def under_load(newsroom: Newsroom, disturb: Callable[[], object], *, count: int = 1500) -> Reader:
    """A reader with a session that lasts, while records come all the time and something is done to the others."""
    async with reading(newsroom) as reader:
        newsroom.start_publisher()
        for part in range(15):
            newsroom.write(count // 15)
            if part in {4, 9}:
                came = len(reader.came)
                await eventually(lambda: len(reader.came) > came, seconds=20, what="the stream runs")  # noqa: B023 - awaited at once
                disturb()
            await anyio.sleep(0.05)
        await reader.has(count)
    return reader


def assert_gapless(reader: Reader, count: int) -> None:
    assert reader.seqs == list(range(1, count + 1))
    by_seq = {each["seq"]: each["hash"] for each in reader.came}
    assert all(by_seq[each["seq"]] == each["hash"] for each in reader.came), "a repetition is the same record"


async def test_the_broker_is_killed_under_load(newsroom: Newsroom) -> None:
    def disturb() -> None:
        newsroom.kill_broker()
        newsroom.start_broker()

    assert_gapless(await under_load(newsroom, disturb), 1500)


async def test_the_publisher_is_killed_under_load(newsroom: Newsroom) -> None:
    def disturb() -> None:
        newsroom.kill_publisher()
        newsroom.start_publisher()

    reader = await under_load(newsroom, disturb)
    assert_gapless(reader, 1500)
    assert reader.repeated <= 2 * BATCH


async def test_both_are_killed_under_load(newsroom: Newsroom) -> None:
    def disturb() -> None:
        newsroom.kill_broker()
        newsroom.kill_publisher()
        newsroom.start_publisher()
        newsroom.start_broker()

    assert_gapless(await under_load(newsroom, disturb), 1500)


async def test_the_broker_is_killed_while_the_reader_is_away(newsroom: Newsroom) -> None:
    """What the broker had confirmed and not yet written is sent again, into the reader's session."""
    async with reading(newsroom) as reader:
        newsroom.start_publisher()
        newsroom.write(10)
        await reader.has(10)
    for part in range(6):
        newsroom.write(200)
        await newsroom.marked(10 + part * 200 + 50)
        newsroom.kill_broker()
        newsroom.start_broker()
    await newsroom.marked(1210)
    before = list(reader.came)
    async with reading(newsroom) as reader:
        await reader.has(1210)
    reader.came[:0] = before
    assert_gapless(reader, 1210)


async def test_a_broker_that_was_away_for_long(newsroom: Newsroom) -> None:
    """What came meanwhile comes afterwards, each once."""
    async with reading(newsroom) as reader:
        newsroom.start_publisher()
        newsroom.write(10)
        await reader.has(10)
        newsroom.kill_broker()
        newsroom.write(5000)
        newsroom.start_broker()
        await reader.has(5010)
    assert_gapless(reader, 5010)


async def test_a_broker_that_knows_nothing(newsroom: Newsroom) -> None:
    """A new machine, an empty disk: the stream goes on where it was a minute ago, not from the journal's beginning."""
    newsroom.write(200)
    place = next(read(newsroom.state.journal, after=149))
    newsroom.state.published.write_text(json.dumps({"seq": place.seq, "hash": place.hash}))
    async with reading(newsroom) as reader:
        newsroom.start_publisher()
        await reader.has(200)
    assert reader.seqs == list(range(151, 201))


async def test_a_broker_that_stands_still(newsroom: Newsroom) -> None:
    """It neither closes the connection nor confirms anything; whoever waits for it is the publisher alone."""
    async with reading(newsroom) as reader:
        newsroom.start_publisher()
        newsroom.write(10)
        await reader.has(10)
        assert newsroom.process is not None
        with stopped(newsroom.process.pid):
            newsroom.write(500)
            await eventually(lambda: '"link.lost"' in newsroom.log(), seconds=30, what="the publisher has noticed")
        await reader.has(510, seconds=40)
    assert_gapless(reader, 510)


async def test_a_slow_subscriber_holds_nobody_up(newsroom: Newsroom) -> None:
    """One that reads nothing for a while: the others have everything at once, and it has everything later."""
    slow = subprocess.Popen(  # noqa: ASYNC220 - it is stopped and continued, which anyio's own cannot be waited with
        [sys.executable, "-c", SLOW, *slow_arguments(newsroom)], cwd=REPO, stdout=subprocess.PIPE, text=True
    )
    assert slow.stdout is not None
    assert slow.stdout.readline() == "there\n"
    async with reading(newsroom) as reader:
        newsroom.start_publisher()
        with stopped(slow.pid):
            newsroom.write(3000)
            await reader.has(3000)
    out, _ = await anyio.to_thread.run_sync(lambda: slow.communicate(timeout=30))
    assert [int(line) for line in out.split()] == list(range(1, 3001))
    assert_gapless(reader, 3000)


SLOW = """
import asyncio, json, sys
from aiomqtt import Client, ProtocolVersion
async def main():
    host, port, user, password = sys.argv[1:]
    async with Client(host, int(port), username=user, password=password, protocol=ProtocolVersion.V5) as client:
        await client.subscribe("siaga110/journal", qos=1)
        print("there", flush=True)
        async for message in client.messages:
            seq = json.loads(message.payload)["seq"]
            print(seq, flush=True)
            if seq == 3000:
                return
asyncio.run(main())
"""


def slow_arguments(newsroom: Newsroom) -> list[str]:
    broker = newsroom.broker("supervisor")
    return [broker.host, str(broker.port), broker.user, broker.password]


async def test_another_journal_in_its_place(newsroom: Newsroom) -> None:
    """As after putting back a copy: readers see the numbers begin anew, with other hashes."""
    async with reading(newsroom) as reader:
        newsroom.start_publisher()
        newsroom.write(20)
        await reader.has(20)
        newsroom.journal.close()
        for path in newsroom.state.root.glob("journal.sqlite3*"):
            path.unlink()
        newsroom.journal = Journal.open(newsroom.state.journal, timezone="Asia/Jakarta")
        newsroom.write(30)
        await eventually(lambda: len(reader.came) == 50, seconds=20, what="all of the new one")
    assert [each["seq"] for each in reader.came] == [*range(1, 21), *range(1, 31)]


async def test_a_broker_that_takes_nothing(newsroom: Newsroom) -> None:
    """Without the right to write, a message is confirmed and thrown away: that counts as lost."""
    rights = newsroom.state.broker / "rights"
    whole = rights.read_text()
    newsroom.start_publisher()
    async with reading(newsroom) as reader:
        newsroom.write(10)
        await reader.has(10)
        await newsroom.marked(10)
        rights.write_text(whole.replace("user application\ntopic readwrite siaga110/#", NO_JOURNAL))
        assert NO_JOURNAL in rights.read_text()
        assert newsroom.process is not None
        newsroom.process.send_signal(signal.SIGHUP)
        await anyio.sleep(0.5)
        newsroom.write(10)
        await eventually(lambda: '"link.lost"' in newsroom.log(), seconds=20, what="it has noticed")
        rights.write_text(whole)
        newsroom.process.send_signal(signal.SIGHUP)
        await reader.has(20)
    assert_gapless(reader, 20)


NO_JOURNAL = "user application\ntopic readwrite siaga110/reply/#\ntopic readwrite siaga110/status/#\ntopic read #"


async def test_an_end_in_good_order_leaves_nothing_unsaid(newsroom: Newsroom) -> None:
    newsroom.start_publisher()
    async with reading(newsroom) as reader:
        newsroom.write(1)
        await reader.has(1)
        newsroom.write(1000)
        assert newsroom.publisher is not None
        newsroom.publisher.terminate()
        assert await anyio.to_thread.run_sync(newsroom.publisher.wait) == 0
        await reader.has(1001, seconds=5)
    assert (await retained(newsroom.broker("supervisor")))["status/publisher"]["state"] == "offline"
