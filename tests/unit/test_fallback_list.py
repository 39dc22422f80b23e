"""The block list as files for the dialplan: they say what the tables say, whatever happened before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.domain.blocklist import BlockList, BlockRules
from ari_app.domain.facts import Fact
from ari_app.domain.fallback_rows import NEVER, READ_BYTES, block_ends, ending, from_text, to_text
from ari_app.store import fallback_list as module
from ari_app.store.database import open_engine
from ari_app.store.fallback_list import FallbackList
from ari_app.store.journal import Journal
from ari_app.store.projections import catch_up
from ari_app.store.projector import Projector
from tests.unit.conftest import OpenJournal

numbers = st.from_regex(r"\+[1-9][0-9]{6,16}|[0-9]{1,17}", fullmatch=True)
few = st.sampled_from(("+6281234567890", "+6281234567891", "+62890", "4567890", "90", "0", "+6590123456"))


def _block(number: str) -> Fact:
    return Fact("supervisor:budi", "number.blocked", None, {"number": number, "reason": "supervisor"})


def _unblock(number: str) -> Fact:
    return Fact("supervisor:budi", "number.unblocked", None, {"number": number, "reason": "supervisor"})


def _listed(folder: Path) -> dict[str, int]:
    """All rows of all files, each in the right one."""
    found: dict[str, int] = {}
    for file in folder.iterdir():
        rows = from_text(file.read_text(encoding="ascii"))
        assert {ending(number) for number in rows} <= {file.name}
        assert file.stat().st_mode & 0o777 == 0o600
        found |= rows
    return found


# ---- the rows


@given(st.dictionaries(numbers, st.integers(0, NEVER), max_size=20))
def test_rows_come_back_and_are_of_one_length(rows: dict[str, int]) -> None:
    text = to_text(rows)
    assert from_text(text) == rows
    assert len(text) * 100 == len(rows) * READ_BYTES
    assert {len(line) for line in text.splitlines()} <= {READ_BYTES // 100 - 1}


@given(numbers, st.integers(0, 2_000_000_000_000), st.integers(0, 3650), st.integers(0, 4_000_000_000))
def test_a_block_ends_when_the_application_has_it_end(number: str, blocked_ms: int, expire_days: int, now: int) -> None:
    block_list = BlockList(BlockRules(expire_days=expire_days))
    block_list.note(_block(number), blocked_ms / 1000)
    assert (now < block_ends(blocked_ms, expire_days)) == block_list.is_blocked(number, now)


# ---- the files


class Site:
    """Journal, tables and files, on disk."""

    def __init__(self, folder: Path, expire_days: int = 0) -> None:
        self.journal_path = folder / "journal.sqlite3"
        self.journal = Journal.open(self.journal_path, timezone="Asia/Jakarta")
        self.url = f"sqlite:///{folder}/tables.sqlite3"
        self.files = folder / "blocked"
        self.files.mkdir()
        self.list = FallbackList(self.files, self.url, expire_days)

    def tell(self, *facts: Fact) -> None:
        for fact in facts:
            self.journal.append(fact)
        assert self.journal.flush()

    def fold(self) -> int:
        engine = open_engine(self.url)
        catch_up(self.journal_path, engine)
        with engine.connect() as connection:
            seq: int = connection.execute(sa.text("SELECT seq FROM cursor")).scalar_one()
        return seq

    def update(self) -> None:
        self.list.update(self.fold())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.journal.close(timeout=1.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.tuples(st.booleans(), few), max_size=6), max_size=5), st.data())
def test_the_files_say_what_the_tables_say(parts: list[list[tuple[bool, str]]], data: st.DataObject) -> None:
    """Kept up step by step, or begun anew at any of them: always the same rows."""
    with TemporaryDirectory() as folder:
        site = Site(Path(folder))
        blocked: set[str] = set()
        for part in parts:
            for is_block, number in part:
                site.tell(_block(number) if is_block else _unblock(number))
                (blocked.add if is_block else blocked.discard)(number)
            if data.draw(st.booleans()):
                site.list = FallbackList(site.files, site.url, 0)
            site.update()
            assert _listed(site.files) == dict.fromkeys(blocked, NEVER)
        assert site.journal.close()


def test_only_what_changed_is_written(site: Site) -> None:
    site.tell(_block("+6281234567890"), _block("+6281234567111"))
    site.update()
    before = {file.name: file.stat().st_ino for file in site.files.iterdir()}
    assert set(before) == {"890", "111"}
    site.tell(_block("+6281234568111"))
    site.update()
    after = {file.name: file.stat().st_ino for file in site.files.iterdir()}
    assert after["890"] == before["890"]
    assert after["111"] != before["111"]


def test_a_start_takes_away_what_is_not_in_the_tables(site: Site) -> None:
    site.tell(_block("+6281234567890"))
    (site.files / "111").write_text(to_text({"+6281234567111": NEVER}))
    (site.files / ".222.new").write_text("half a")
    site.update()
    assert _listed(site.files) == {"+6281234567890": NEVER}


def test_tables_that_are_folded_anew(site: Site) -> None:
    site.tell(_block("+6281234567890"), _block("+6281234567891"), _unblock("+6281234567890"))
    site.update()
    site.list.update(1)  # they are at an earlier line again
    assert _listed(site.files) == {"+6281234567891": NEVER}


@pytest.mark.parametrize("damage", [b"\xff\x00\xfe", b"1 2 3\nrow\n", b""])
def test_damaged_files(site: Site, damage: bytes) -> None:
    site.tell(_block("+6281234567890"))
    site.update()
    (site.files / "890").write_bytes(damage)
    site.tell(_block("+6281234568890"))
    site.update()
    assert "+6281234568890" in _listed(site.files)


def test_what_cannot_be_written_is_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.tell(_block("+6281234567890"), _block("+6281234567891"))
    (site.files / "890").mkdir()
    site.update()
    assert site.list.alarm == "the fallback's block list cannot be written: Is a directory"
    (site.files / "890").rmdir()
    site.update()
    assert not (site.files / "890").exists(), "not at once"
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    site.list = FallbackList(site.files, site.url, 0)
    (site.files / "890").mkdir()
    site.update()
    (site.files / "890").rmdir()
    site.update()
    assert site.list.alarm is None
    assert _listed(site.files) == {"+6281234567890": NEVER, "+6281234567891": NEVER}


def test_tables_that_cannot_be_read_leave_the_files(site: Site, tmp_path: Path) -> None:
    site.tell(_block("+6281234567890"))
    site.update()
    broken = tmp_path / "broken.sqlite3"
    broken.write_bytes(b"no database" * 1000)
    site.list = FallbackList(site.files, f"sqlite:///{broken}", 0)
    site.list.update(1)
    assert site.list.alarm is not None
    assert _listed(site.files) == {"+6281234567890": NEVER}


def test_the_projector_tells_it(open_journal: OpenJournal, path: Path, tmp_path: Path) -> None:
    journal, files = open_journal(), tmp_path / "blocked"
    files.mkdir()
    url = f"sqlite:///{tmp_path}/tables.sqlite3"
    projector = Projector(path, url, FallbackList(files, url, 0).update)
    journal.append(_block("+6281234567890"))
    assert journal.flush()
    projector.notify()
    assert projector.close()
    assert _listed(files) == {"+6281234567890": NEVER}
