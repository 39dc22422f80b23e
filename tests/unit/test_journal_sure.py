"""After a COMMIT that failed and held all the same: its lines count only when they are in the journal's file."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ari_app.store.chain import GENESIS, behind
from ari_app.store.journal_file import Head, JournalFile

NOW = "2026-11-25T08:00:00.000+07:00"


def lines_in(copy: Path) -> int:
    """How many lines are in a journal's file itself, without SQLite's log beside it."""
    with closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM journal").fetchone()[0])


def test_a_commit_that_held_is_made_sure_of(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fails: list[str] = []

    class Flaky(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            done = super().execute(sql, *values)
            if sql in fails:
                fails.remove(sql)
                raise sqlite3.OperationalError("disk I/O error")
            return done

    plain = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", partial(plain, factory=Flaky))
    file = JournalFile(path)
    start = Head(0, GENESIS)
    first = [behind(start, (NOW, "system", "x.y", None, "{}"))]
    other = [behind(start, (NOW, "system", "x.z", None, "{}"))]
    with closing(plain(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM journal").fetchone() == (0,)
        fails.append("COMMIT")
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            file.write(first, start)
        # While somebody reads what was there before, SQLite cannot bring its log into the file.
        with pytest.raises(sqlite3.OperationalError, match="not sure yet"):
            file.write(other, start)
        reader.execute("ROLLBACK")
        assert file.write(other, start) == first
        copy = path.with_name("copy")  # by another process: closing the file here would drop SQLite's locks
        subprocess.run(["cp", str(path), str(copy)], check=True)
        assert lines_in(copy) == 1
    file.close()
