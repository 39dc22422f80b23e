"""SIGKILL in the middle of writing: what was told of is on disk, and the chain goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ari_app.domain.facts import Fact
from ari_app.store.journal import read, verify
from tests.unit.conftest import OpenJournal

WRITER = """
import sys
from pathlib import Path
from ari_app.domain.facts import Fact
from ari_app.store.journal import Journal

def told(records):
    sys.stdout.write(f"{records[-1].seq}\\n")
    sys.stdout.flush()

journal = Journal.open(Path(sys.argv[1]), timezone="UTC", on_commit=told)
n = 0
while True:
    n += 1
    journal.append(Fact("system", "x.y", "c", {"n": n}))
    if n % 50 == 0:
        journal.flush()
"""


@pytest.mark.parametrize("commits", [1, 3, 10])
def test_killed_in_the_middle(open_journal: OpenJournal, path: Path, commits: int) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        try:
            told = [int(writer.stdout.readline()) for _ in range(commits)]
        finally:
            os.kill(writer.pid, signal.SIGKILL)
        told += [int(line) for line in writer.stdout.read().splitlines()]
    found = verify(path)
    assert found.ok
    assert found.last >= told[-1], "told of, so on disk"
    assert [record.data["n"] for record in read(path)] == list(range(1, found.last + 1))
    journal = open_journal()
    assert journal.head()[0] == found.last
    journal.append(Fact("system", "x.z"))
    assert journal.flush()
    assert verify(path).last == found.last + 1
    assert verify(path).ok
