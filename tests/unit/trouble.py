"""The journal in trouble: what the tests of it share."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ari_app.domain.facts import Fact
from ari_app.store.journal import Journal, read

AN_AGE = 20.0
"""Seconds in which what must happen has happened, on the slowest machine."""


def tell(to: Journal, *numbers: int) -> None:
    for number in numbers:
        to.append(Fact("system", "x.y", f"c{number}", {"n": number}))


def numbers(path: Path) -> list[object]:
    return [record.data["n"] for record in read(path, actions=["x.y"])]


def until(condition: Callable[[], object], what: str) -> None:
    deadline, patience = time.monotonic() + AN_AGE, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, what
        patience.wait(0.01)


def in_reserve(of: Journal) -> bool:
    """Whether all that waits is in the reserve."""
    return not of._queue and of.waiting > 0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program has the file to itself."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


WRITER = """
import sqlite3, sys, time
from pathlib import Path
from ari_app import logs
from ari_app.domain.facts import Fact
from ari_app.store.journal import Journal

logs.set_up()
path = Path(sys.argv[1])
journal = Journal.open(path, timezone="UTC")
journal.append(Fact("system", "x.y", "c", {"n": 0}))
while sys.argv[2] == "full" and not path.with_name("full").exists():
    time.sleep(0.01)
if sys.argv[2] == "lock":
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
for n in range(1, 300):
    journal.append(Fact("system", "x.y", "c", {"n": n}))
    time.sleep(0.001)
while journal._queue:
    time.sleep(0.01)
print("waits", flush=True)
while True:
    journal.append(Fact("system", "x.y", "c", {"n": (n := n + 1)}))
    time.sleep(0.0005)
"""


@contextmanager
def writer(path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that writes facts; it is killed in the end."""
    command = [sys.executable, "-c", WRITER, str(path), "lock"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            os.kill(process.pid, signal.SIGKILL)
