"""The journal cannot be written: no call notices, and afterwards everything is in it, once and in order."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from ari_app.store.journal import verify
from ari_app.store.reserve import reserve_of, waiting
from scripts.phones import Audio, Dialling, Phones
from tests.asterisk.site import Site, actions, assert_complete, eventually, phones_of, running
from tests.asterisk.talk import CALLER_HZ, POLDA_HZ, begin_talk, hear_each_other, moment

pytestmark = pytest.mark.anyio

ANSWERED_WITHIN_MS = 1_200
BACK_SECONDS = 5.0
AN_AGE = 20.0
JUST_HEARD_SECONDS = 0.04


@pytest.fixture(scope="module")
def troubled_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance whose journal is brought into trouble."""
    yield from running(Site(tmp_path_factory.mktemp("troubled"), polres=1))


@pytest.fixture
async def phones(troubled_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    assert anyio_backend
    async for made in phones_of(troubled_site, tmp_path / "phones"):
        yield made


def journal_of(site: Site) -> Path:
    return site.state / "journal.sqlite3"


@contextmanager
def locked(site: Site) -> Iterator[None]:
    """Another program has the journal to itself."""
    with closing(sqlite3.connect(journal_of(site), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def limited(site: Site, most: int) -> Iterator[None]:
    """The kernel refuses the application every write that would make a file larger than so many bytes; 0: every one."""
    pid = application(site)
    limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it was killed meanwhile
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextmanager
def failing_disk(site: Site) -> Iterator[None]:
    """Every write and every sync of the application's files ends with EIO."""
    inject = "inject=pwrite64,fsync,fdatasync:error=EIO"
    command = ["strace", "-f", "-qq", "-e", "trace=pwrite64,fsync,fdatasync", "-e", inject, "-o", "/dev/null"]
    with subprocess.Popen([*command, "-p", str(application(site))]) as tracer:
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGINT)


def application(site: Site) -> int:
    pid = site.application()
    assert pid is not None
    return pid


def may_trace() -> bool:
    """Whether there is strace, and processes may be traced here."""
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0


async def answered_calls(site: Site, phones: Phones, count: int) -> None:
    """Citizens dial 110, are answered in time, and hang up."""
    for _ in range(count):
        result = await (await phones.call(Dialling(hang_up_ms=200))).result()
        assert result.answered_ms is not None
        assert result.answered_ms < ANSWERED_WITHIN_MS


async def call_that_is_over(site: Site, phones: Phones) -> str:
    """Its id; the desk that answered it answers the next ones, too."""
    after = site.head()
    await phones.desk(site.accounts[1])
    await answered_calls(site, phones, 1)
    call = await site.new_call(after, number=1)
    await site.story(call)
    return call


async def assert_all_told(site: Site, after: int, count: int) -> None:
    """The stories of so many calls are whole, and the chain is."""
    for number in range(1, count + 1):
        story = await site.story(await site.new_call(after, number=number, seconds=AN_AGE), seconds=AN_AGE)
        assert_complete(story)
        assert "call.answered" in actions(story)
    assert verify(journal_of(site)).ok


async def alarm(site: Site, *, on: bool) -> None:
    def stands() -> bool:
        (journal,) = (each for each in _doctor(site) if each["check"] == "journal")
        return bool(journal["result"] == "failed")

    await eventually(lambda: stands() == on, seconds=AN_AGE, what=f"the alarm is {on}", every=0.2)


def _doctor(site: Site) -> list[dict[str, str]]:
    import json  # noqa: PLC0415

    found: list[dict[str, str]] = json.loads(site.siaga("doctor", "--json").stdout)
    return found


@pytest.mark.parametrize("trouble", ["locked", "nothing can be written", "files may not grow", "EIO"])
async def test_no_call_notices(troubled_site: Site, phones: Phones, trouble: str) -> None:
    site, after = troubled_site, troubled_site.head()
    if trouble == "EIO" and not may_trace():
        pytest.skip("no strace here, or it may not trace: what the kernel refuses otherwise is in the other cases")
    await phones.desk(site.accounts[0])
    troubles = {
        "locked": locked(site),
        "nothing can be written": limited(site, 0),
        "files may not grow": limited(site, journal_of(site).stat().st_size),
        "EIO": failing_disk(site),
    }
    with troubles[trouble]:
        await answered_calls(site, phones, 3)
        await alarm(site, on=True)
        await answered_calls(site, phones, 1)
    await alarm(site, on=False)
    await assert_all_told(site, after, 4)
    assert site.siaga("journal", "verify").returncode == 0


async def test_what_supervisors_write_down_while_it_is_locked(troubled_site: Site, phones: Phones) -> None:
    """It is in the reserve when they are told that it is done, within 5 s, and in the journal afterwards, once."""
    site, call = troubled_site, await call_that_is_over(troubled_site, phones)
    with locked(site):
        await answered_calls(site, phones, 1)
        await alarm(site, on=True)
        for order in (["instructions", "add", call, "Kirim dua unit"], ["calls", "note", call, "Anak di dalam rumah"]):
            done = site.siaga(*order)
            assert done.returncode == 0, done.stderr
        assert kept(site, "call.noted") == kept(site, "instruction.added") == 1
    await alarm(site, on=False)
    told = [record.action for record in site.records(call=call)]
    assert told.count("call.noted") == told.count("instruction.added") == 1


async def test_nothing_takes_what_supervisors_write_down(troubled_site: Site, phones: Phones) -> None:
    """It is done, but nobody is told so: it is in memory only."""
    site, call = troubled_site, await call_that_is_over(troubled_site, phones)
    with limited(site, 0):
        await answered_calls(site, phones, 1)
        await alarm(site, on=True)
        done = site.siaga("calls", "note", call, "Anak di dalam rumah")
        assert done.returncode == 1
        assert "not yet written down" in done.stderr or "cannot be written" in done.stderr
    await alarm(site, on=False)


async def test_killed_while_it_is_locked(troubled_site: Site, phones: Phones) -> None:
    """A talk goes on and is taken up; what was told of it is in the reserve, and then in the journal, once."""
    site, after = troubled_site, troubled_site.head()
    handset = await phones.handset(site.accounts[0], hz=POLDA_HZ, answers=0.05)
    await phones.desk(site.accounts[1])
    with locked(site):
        before = site.head()
        caller = await phones.citizen(number="081234567890", hz=CALLER_HZ)
        polda = await handset.rung()
        await polda.answered()
        await answered_calls(site, phones, 2)
        await eventually(lambda: kept(site, "call.ended") == 2, seconds=AN_AGE, what="the reserve has the calls' ends")
        assert site.head() == before
        pid = application(site)
        os.kill(pid, signal.SIGKILL)
        await site.replaced(pid, seconds=BACK_SECONDS)
        await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
        await polda.press("*5")
        await eventually(lambda: kept(site, "call.classified"), seconds=AN_AGE, what="the operator's keys work")
        await answered_calls(site, phones, 1)
        await polda.hang_up()
        await caller.ended()
        assert site.head() == before
    await assert_all_told(site, after, 4)
    stories = [actions(site.records(call=await site.new_call(after, number=number))) for number in range(1, 5)]
    (talk,) = (story for story in stories if "call.adopted" in story)
    assert talk.count("call.answered") == 1
    tickets = [record.data["ticket"] for record in site.records(after=after) if record.action == "complaint.opened"]
    assert len(tickets) == len(set(tickets)) == sum("complaint.opened" in story for story in stories)
    assert not waiting(reserve_of(journal_of(site)))


@pytest.mark.parametrize("keys", ["*4", "*201#"])
async def test_killed_before_the_hold_was_on_any_disk(troubled_site: Site, phones: Phones, keys: str) -> None:
    """The journal says that they talk, and the caller hears music: the next application lets them hear each other."""
    site = troubled_site
    now = await begin_talk(site, phones)
    await phones.handset(site.sample.polres[0])
    with limited(site, 0):
        await now.polda.press(keys)
        await eventually(lambda: is_not_heard(now.caller.audio, POLDA_HZ), seconds=AN_AGE, what="the caller is on hold")
        pid = application(site)
        os.kill(pid, signal.SIGKILL)
    await site.replaced(pid, seconds=BACK_SECONDS)
    await now.hear_each_other()
    assert {"call.held", "call.transfer_started"}.isdisjoint(actions(site.records(call=now.call)))
    await now.polda.press("*5")
    await site.told(now.call, "call.classified")
    await now.polda.hang_up()
    await now.caller.ended()
    assert_complete(await site.story(now.call))


def is_not_heard(audio: Audio, hz: int) -> bool:
    """Whether nothing of this tone has come for the last 0.2 s."""
    return audio.hears(hz, since=moment() - 0.2) < JUST_HEARD_SECONDS


def kept(site: Site, action: str) -> int:
    """How many lines of this action are in the reserve."""
    return reserve_of(journal_of(site)).read_text("utf-8", "replace").count(f'"action":"{action}"')
