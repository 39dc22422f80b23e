"""The journal in trouble: locked, full, broken, slow. Nothing is missing afterwards, and somebody knows meanwhile."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ari_app.store import bell, journal, reserve
from ari_app.store.chain import Row
from ari_app.store.journal import read, verify
from ari_app.store.journal_file import Head, JournalFile
from ari_app.store.reserve import reserve_of, standing_alarm, waiting
from tests.unit.conftest import OpenJournal
from tests.unit.trouble import AN_AGE, WRITER, in_reserve, locked, numbers, tell, until, writer


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits goes into the reserve soon."""
    monkeypatch.setattr(journal, "RESERVE_SECONDS", 0.1)


# ---- within one run -----------------------------------------------------------------------------------


def test_what_waits_is_in_the_reserve_and_then_in_the_journal(open_journal: OpenJournal, path: Path) -> None:
    one = open_journal()
    tell(one, 0)
    assert one.flush()
    with locked(path):
        tell(one, *range(1, 50))
        until(lambda: in_reserve(one), "the reserve has what waits")
        tell(one, *range(50, 60))
        until(lambda: in_reserve(one), "and what comes then")
        assert one.waiting == 59
        assert waiting(reserve_of(path))
    assert one.flush()
    assert numbers(path) == list(range(60))
    assert verify(path).ok
    until(lambda: not waiting(reserve_of(path)), "the reserve is empty")
    assert b"x.y" not in reserve_of(path).read_bytes(), "nothing personal stays behind"


def test_more_than_memory_holds_is_read_back(
    open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "IN_MEMORY", 25)
    monkeypatch.setattr(journal, "LARGEST_BATCH", 7)
    one = open_journal()
    for first in (0, 100):
        with locked(path):
            tell(one, *range(first, first + 90))
            until(lambda: in_reserve(one), "all of it is in the reserve")
            assert len(one._held) <= 25
        tell(one, *range(first + 90, first + 100))
    assert one.flush()
    assert numbers(path) == list(range(200))
    assert verify(path).ok


def test_trouble_that_comes_back_while_the_reserve_is_read(open_journal: OpenJournal, path: Path) -> None:
    """Some lines of the reserve are in the journal, some are not, and more come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "LARGEST_BATCH", 10)
        patch.setattr(journal, "IN_MEMORY", 15)
        one = open_journal()
        write, gate = JournalFile.write, iter([True] * 3)

        def write_thrice(self: JournalFile, rows: Sequence[Row], before: Head) -> Sequence[Row]:
            if before.seq and not next(gate, False):
                raise sqlite3.OperationalError("disk I/O error")
            return write(self, rows, before)

        with locked(path):
            tell(one, *range(50))
            until(lambda: in_reserve(one), "it is in the reserve")
            patch.setattr(JournalFile, "write", write_thrice)
        until(lambda: one.head()[0] == 35, "some batches are in the journal")
        tell(one, *range(50, 60))
        until(lambda: in_reserve(one) and one.waiting == 25, "the others wait on")
        patch.setattr(JournalFile, "write", write)
        assert one.flush(AN_AGE)
    assert numbers(path) == list(range(60))
    assert verify(path).ok


def test_a_reserve_that_cannot_be_written(open_journal: OpenJournal, path: Path) -> None:
    """The alarm says so, memory goes on, and nothing is missing."""
    reserve_of(path).mkdir()
    one = open_journal()
    with locked(path):
        tell(one, *range(30))
        until(lambda: "nor its reserve" in (one.alarm or ""), "the alarm says it")
        tell(one, *range(30, 40))
    assert one.flush()
    assert numbers(path) == list(range(40))
    assert "reserve cannot be read" in (one.alarm or ""), "it would not help the next time either"


def test_a_reserve_that_cannot_be_read_at_the_start(
    open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lines wait for the next start, and the alarm says so until then."""
    one = open_journal()
    with locked(path):
        tell(one, *range(5))
        assert one.close(timeout=0.1)
    with monkeypatch.context() as broken:

        def pread(*_: int) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

        broken.setattr(os, "pread", pread)
        again = open_journal()
    tell(again, 5)
    assert again.flush()
    assert "reserve cannot be read: [Errno 5]" in (again.alarm or "")
    until(lambda: "reserve cannot be read" in (standing_alarm(reserve_of(path)) or ""), "it can be seen from outside")
    with locked(path):
        tell(again, 6)
        until(lambda: "kept in memory only" in (again.alarm or ""), "what is worse comes first")
    assert again.flush()
    assert "reserve cannot be read" in (again.alarm or ""), "it stays"
    again.close()
    assert (third := open_journal()).flush()
    assert third.alarm is None
    assert sorted(map(str, numbers(path))) == list("0123456")


def test_what_is_lost_when_nothing_can_be_written_is_said(
    open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it is missing, the journal says how much."""
    monkeypatch.setattr(journal, "MOST", 20)
    reserve_of(path).mkdir()
    one = open_journal()
    with locked(path):
        tell(one, *range(25))
        assert "facts are being lost" in (one.alarm or "")
        assert one.waiting == 21
    assert one.flush()
    tell(one, 25)
    assert one.flush()
    assert numbers(path) == [*range(20), 25]
    (lost,) = read(path, actions=["journal.facts_lost"])
    assert (lost.seq, dict(lost.data)) == (21, {"facts": 5, "reason": "memory_full"})
    assert "facts are being lost" not in (one.alarm or "")


def test_stopped_while_the_database_is_locked(open_journal: OpenJournal, path: Path) -> None:
    """Also when the trouble has only begun: the next start has it."""
    one = open_journal()
    with locked(path):
        tell(one, *range(5))
        assert one.close(timeout=0.1)
    again = open_journal()
    assert again.flush()
    assert numbers(path) == list(range(5))
    tell(again, 5)
    assert again.flush()
    assert numbers(path) == list(range(6))


def test_started_while_the_database_is_locked(open_journal: OpenJournal, path: Path) -> None:
    """The start does not wait for long; what comes then is behind what the reserve has."""
    one = open_journal()
    with locked(path):
        tell(one, *range(5))
        assert one.close(timeout=0.1)
        again = open_journal()
        tell(again, *range(5, 10))
        assert again.waiting == 10
    assert again.flush()
    assert numbers(path) == list(range(10))
    assert verify(path).ok


def test_a_commit_that_may_have_held(open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed at COMMIT is there once, whether it held or not, and whether it has gone to the reserve meanwhile."""
    plan: list[str] = []

    class Flaky(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if plan == ["never"] or (plan and sql == "COMMIT"):
                fails = plan[0] if plan == ["never"] else plan.pop(0)
                if fails == "after":
                    super().execute(sql, *values)
                raise sqlite3.OperationalError("disk I/O error")
            return super().execute(sql, *values)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Flaky))
    monkeypatch.setattr(journal, "LARGEST_BATCH", 10)
    one = open_journal()
    told = 0
    for fails in (["after"], ["before"], ["after", "after"], ["after", "before"], ["before", "after", "after"]):
        plan[:] = fails
        tell(one, *range(told, told + 25))
        told += 25
        assert one.flush(AN_AGE)
        assert numbers(path) == list(range(told))
    plan[:] = ["after", "never"]  # it held; then nothing is possible until all is in the reserve
    tell(one, *range(told, told + 35))
    until(lambda: in_reserve(one), "it is in the reserve")
    plan.clear()
    assert one.flush(AN_AGE)
    assert numbers(path) == list(range(told + 35))
    assert verify(path).ok


def test_a_reserve_that_vanishes_under_us(
    open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What memory has is written; for the rest, the journal says what is missing; then it goes on."""
    monkeypatch.setattr(journal, "IN_MEMORY", 10)
    monkeypatch.setattr(journal, "LARGEST_BATCH", 10)
    one = open_journal()
    with locked(path):
        tell(one, *range(30))
        until(lambda: in_reserve(one), "it is in the reserve")
        with reserve_of(path).open("r+b") as file:
            file.seek(reserve.FIRST)
            file.write(bytes(100_000))
    assert one.flush()
    tell(one, 30)
    assert one.flush()
    assert numbers(path) == [*range(10), 30]
    (lost,) = read(path, actions=["journal.facts_lost"])
    assert (lost.seq, lost.data["facts"]) == (11, 20)
    assert verify(path).ok


# ---- the alarm ------------------------------------------------------------------------------------------


def test_everybody_knows_of_the_alarm(open_journal: OpenJournal, path: Path) -> None:
    one = open_journal()
    heard: list[str | None] = []
    one.on_alarm = heard.append
    place = reserve_of(path)
    assert standing_alarm(place) is None
    with locked(path):
        tell(one, 0)
        until(lambda: standing_alarm(place), "the alarm can be seen from outside")
        assert "database is locked" in (standing_alarm(place) or "")
        with place.open("r+b") as file:
            file.write(b"\xff" * 100)
        assert "see the application's log" in (standing_alarm(place) or ""), "its words are not needed"
    until(lambda: standing_alarm(place) is None, "it is over")
    until(lambda: len(heard) == 2, "both was told")
    assert "database is locked" in (heard[0] or "")
    assert heard[1] is None


def test_who_is_told_of_the_alarm_may_fail(open_journal: OpenJournal, path: Path) -> None:
    one = open_journal()
    calls: list[str | None] = []

    def fail(alarm: str | None) -> None:
        calls.append(alarm)
        raise ZeroDivisionError

    one.on_alarm = fail
    with locked(path):
        tell(one, 0)
        until(lambda: calls, "it was told")
    until(lambda: len(calls) == 2, "and that it is over")


def test_the_alarm_goes_with_its_process(path: Path) -> None:
    """But not what waits."""
    place = reserve_of(path)
    with writer(path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "waits\n"
        until(lambda: standing_alarm(place), "there is an alarm")
    assert standing_alarm(place) is None
    assert waiting(place)


def test_a_slow_disk(open_journal: OpenJournal, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody who tells a fact waits for it; while it takes too long, the alarm says so."""
    monkeypatch.setattr(bell, "SLOW_SECONDS", 0.2)
    monkeypatch.setattr(bell, "EVERY_SECONDS", 0.02)
    one = open_journal()
    go_on = threading.Event()
    write = JournalFile.write

    def slowly(self: JournalFile, rows: Sequence[Row], before: Head) -> Sequence[Row]:
        go_on.wait(AN_AGE)
        return write(self, rows, before)

    monkeypatch.setattr(JournalFile, "write", slowly)
    tell(one, 0)
    until(lambda: standing_alarm(reserve_of(path)), "an alarm is raised")
    assert "the disk is slow" in (one.alarm or "")
    tell(one, *range(1, 1000))  # returns, though the disk takes nothing
    assert one.head()[0] == 0
    go_on.set()
    assert one.flush()
    until(lambda: one.alarm is None, "and it is over when the disk is quick again")
    assert numbers(path) == list(range(1000))


# ---- the disk itself: no room, and nothing goes -----------------------------------------------------------

FULL = """
import os, sys, time
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen
from ari_app import logs
from ari_app.store.journal import Journal, read, verify

logs.set_up()
home = Path(sys.argv[1])
path, ballast = home / "journal.sqlite3", home / "ballast"
writer = Popen([sys.executable, "-c", sys.argv[2], str(path), "full"], stdout=PIPE, text=True)
while not path.exists() or verify(path).last < 1:
    assert writer.poll() is None
    time.sleep(0.1)
try:
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    ballast.rename(home / "full")
    assert writer.stdout.readline().strip() == "waits"
finally:
    writer.kill()
    writer.wait()
before = sum(1 for _ in read(path))
home.joinpath("full").unlink()
Journal.open(path, timezone="UTC").close()
numbers = [record.data["n"] for record in read(path)]
assert numbers == list(range(len(numbers))), numbers
assert verify(path).ok
print(before, len(numbers))
"""


def test_a_full_disk_and_killed(tmp_path: Path) -> None:
    """The reserve's room was set aside before."""
    tmp_path.joinpath("disk").mkdir()
    script = 'mount -t tmpfs -o size=20m none "$1" && exec "$2" -c "$3" "$1" "$4"'
    inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    command = [*inside, str(tmp_path / "disk"), sys.executable, FULL, WRITER]
    may = subprocess.run([*inside[:3], "true"], capture_output=True, check=False)
    if may.returncode:
        pytest.skip("this user may not mount a small disk here; see the next test")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    before, after = map(int, done.stdout.split())
    assert before < 300 <= after, "the disk was full, and nothing is missing"


LIMITED = """
import resource, signal, sys, time
from pathlib import Path
from ari_app import logs
from ari_app.domain.facts import Fact
from ari_app.store.journal import Journal, read

logs.set_up()
path, bytes_ = Path(sys.argv[1]), int(sys.argv[2])
journal = Journal.open(path, timezone="UTC")
journal.append(Fact("system", "x.y", "c", {"n": 0}))
assert journal.flush()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, resource.RLIM_INFINITY))
n, since = 1, time.monotonic()
while journal.waiting < 20 or (journal._queue if bytes_ else time.monotonic() - since < 2):
    journal.append(Fact("system", "x.y", "c", {"n": n}))
    n += 1
    time.sleep(0.02)
print(journal.alarm)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert journal.close(30)
print([record.data["n"] for record in read(path)] == list(range(n)))
"""


@pytest.mark.parametrize("bytes_", [0, 48 * 1024], ids=["nothing can be written", "files end at 48 kB"])
def test_a_disk_that_takes_no_more(path: Path, bytes_: int) -> None:
    """The kernel refuses every write, or every write that would make a file larger than that."""
    command = [sys.executable, "-c", LIMITED, str(path), str(bytes_)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    *_, alarm, complete = done.stdout.splitlines()
    assert ("kept in memory only" if not bytes_ else "kept in its reserve") in alarm
    assert complete == "True"
    assert verify(path).ok
