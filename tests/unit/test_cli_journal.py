"""`siaga journal`: tail, verify, export."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import msgspec
import pytest

from ari_app.domain.facts import Fact
from ari_app.store.journal_file import JournalFile
from tests.unit.cli_site import CliSite, story

FIRST, SECOND = "1738285323.12", "1738285399.13"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    made = CliSite(tmp_path / "state", monkeypatch, capfd)
    made.tell([*story(FIRST), *story(SECOND)])
    return made


def seqs(text: str) -> list[int]:
    return [msgspec.json.decode(line)["seq"] for line in text.splitlines()]


def change(site: CliSite, *statements: str) -> None:
    """Do to the journal what its triggers refuse."""
    connection = sqlite3.connect(site.state.journal)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [1, 2, 3, 4, 5, 6, 7, 8]),
        (["-n", "3"], [6, 7, 8]),
        (["-n", "0"], []),
        (["--number", "100"], [1, 2, 3, 4, 5, 6, 7, 8]),
        (["--call", FIRST], [1, 2, 3, 4]),
        (["--call", FIRST, "-n", "2"], [3, 4]),
        (["--call", "nobody"], []),
    ],
)
def test_tail(site: CliSite, options: list[str], expected: list[int]) -> None:
    assert seqs(site.run("journal", "tail", "--json", *options).out) == expected
    text = [line for line in site.run("journal", "tail", *options).out.splitlines() if not line.startswith("---")]
    assert [int(line.split()[0]) for line in text] == expected


def test_tail_text_has_a_heading_for_the_day(site: CliSite) -> None:
    heading, first, *_ = site.run("journal", "tail").out.splitlines()
    assert heading == "--- 2025-01-31"
    assert first.split() == [
        "1", "08:02:03.456", "call.received", "asterisk", FIRST, "caller=+6281234567890", "dialled=110",
    ]  # fmt: skip


def test_tail_follows(site: CliSite) -> None:
    command = site.start("journal", "tail", "-f", "-n", "1", "--json")
    assert command.stdout is not None
    assert seqs(command.stdout.readline().decode()) == [8]
    site.tell(story("3.3")[:1])
    assert seqs(command.stdout.readline().decode()) == [9]
    # A new journal in the old one's place is followed from its beginning.
    site.state.journal.rename(site.state.journal.with_name("old.sqlite3"))
    for rest in site.state.root.glob("journal.sqlite3-*"):
        rest.unlink()
    site.tell(story("4.4")[:1])
    line = msgspec.json.decode(command.stdout.readline())
    assert (line["seq"], line["call"]) == (1, "4.4")
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=10)
    assert (command.returncode, err) == (130, b"")


def test_tail_follows_a_journal_that_is_not_there_yet(site: CliSite) -> None:
    for path in site.state.root.glob("journal.sqlite3*"):
        path.unlink()
    command = site.start("journal", "tail", "-f", "--json", "--call", "3.3")
    with pytest.raises(subprocess.TimeoutExpired):
        command.wait(0.6)
    site.tell([*story("4.4")[:1], *story("3.3")[:1]])
    assert command.stdout is not None
    assert seqs(command.stdout.readline().decode()) == [2]
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=10)
    assert command.returncode == 130


def test_verify(site: CliSite) -> None:
    done = site.run("journal", "verify")
    assert done.code == 0
    assert "8 records" in done.out
    found = site.run("journal", "verify", "--json").json()
    assert (found["ok"], found["records"], found["last"], found["problems"]) == (True, 8, 8, [])
    assert found["hash"] in done.out


@pytest.mark.parametrize(
    ("statements", "seq", "word"),
    [
        (["UPDATE journal SET action = 'call.lost' WHERE seq = 3"], 3, "changed"),
        (['UPDATE journal SET data = \'{"desk":"1009"}\' WHERE seq = 2'], 2, "changed"),
        (["DELETE FROM journal WHERE seq = 5"], 5, "missing"),
        (["DELETE FROM journal WHERE seq = 8"], 8, "missing"),
        (
            [
                "UPDATE journal SET seq = 99 WHERE seq = 4",
                "UPDATE journal SET seq = 4 WHERE seq = 5",
                "UPDATE journal SET seq = 5 WHERE seq = 99",
            ],
            4,
            "out of order",
        ),
    ],
    ids=["action", "data", "missing", "end missing", "reordered"],
)
def test_verify_finds(site: CliSite, statements: list[str], seq: int, word: str) -> None:
    change(site, *statements)
    done = site.run("journal", "verify")
    assert "not as it was written" in done.refused()
    assert f"line {seq}: {word}" in done.out
    report = msgspec.json.decode(site.run("journal", "verify", "--json").out)
    assert report["ok"] is False
    assert seq in [problem["seq"] for problem in report["problems"]]


def test_damaged_line_does_not_hide_the_others(site: CliSite, tmp_path: Path) -> None:
    change(site, "UPDATE journal SET data = '{broken' WHERE seq = 3")
    assert seqs(site.run("journal", "tail", "--json").out) == list(range(1, 9))
    assert site.run("journal", "tail").code == 0
    assert "line 3" in site.run("calls", "show", FIRST).refused()
    export = tmp_path / "export.jsonl"
    assert site.run("journal", "export", "--output", str(export)).code == 0
    done = site.run("journal", "verify", "--export", str(export))
    done.refused()
    assert "line 3" in done.out


def test_export(site: CliSite, tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    assert "8 records" in site.run("journal", "export", "-o", str(export)).out
    assert export.stat().st_mode & 0o777 == 0o600
    text = export.read_text(encoding="utf-8")
    assert text == site.run("journal", "export").out
    assert seqs(text) == list(range(1, 9))
    assert site.run("journal", "verify", "--export", str(export), "--json").json()["ok"] is True
    assert [path.name for path in tmp_path.iterdir() if "export" in path.name] == ["export.jsonl"]


def test_verify_export_needs_no_state(site: CliSite, tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    site.run("journal", "export", "--output", str(export))
    shutil.rmtree(site.state.root)
    assert site.run("journal", "verify", "--export", str(export)).code == 0


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        (lambda lines: [*lines[:2], lines[2].replace("1200", "1100"), *lines[3:]], "line 3: changed"),
        (lambda lines: [*lines[:2], *lines[3:]], "line 3: missing"),
        (lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]], "line 3: out of order"),
        (lambda lines: lines[1:], "line 1: missing"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], "line 3: there twice"),
    ],
    ids=["changed", "missing", "reordered", "beginning missing", "twice"],
)
def test_verify_export_finds(site: CliSite, tmp_path: Path, edit: object, word: str) -> None:
    assert callable(edit)
    lines = site.run("journal", "export").out.splitlines()
    export = tmp_path / "export.jsonl"
    export.write_text("".join(f"{line}\n" for line in edit(lines)), encoding="utf-8")
    done = site.run("journal", "verify", "--export", str(export))
    assert str(export) in done.refused()
    assert word in done.out


def test_end_of_an_export_is_held_against_the_journal(site: CliSite, tmp_path: Path) -> None:
    export = tmp_path / "export.jsonl"
    site.run("journal", "export", "--output", str(export))
    lines = export.read_text(encoding="utf-8").splitlines(keepends=True)
    export.write_text("".join(lines[:5]), encoding="utf-8")
    done = site.run("journal", "verify", "--export", str(export))
    assert done.code == 0
    assert "goes on to line 8" in done.out
    for path in site.state.root.glob("journal.sqlite3*"):
        path.unlink()
    site.tell(story("5.5"))
    assert "line 5: not the line" in site.run("journal", "verify", "--export", str(export)).out


@pytest.mark.parametrize("content", [b"nonsense\n", b"\xff\xfe\n", b'{"seq":1}\n', b"[]\n", b"{" * 100_000])
def test_verify_something_else(site: CliSite, tmp_path: Path, content: bytes) -> None:
    export = tmp_path / "export.jsonl"
    export.write_bytes(content)
    assert str(export) in site.run("journal", "verify", "--export", str(export)).refused()


def test_export_spares_own_files_and_names_what_it_cannot_write(site: CliSite, tmp_path: Path) -> None:
    for path in (
        site.state.journal,
        site.state.config,
        site.state.secrets,
        site.state.journal.with_suffix(".sqlite3.lock"),
    ):
        assert str(path) in site.run("journal", "export", "--output", str(path)).refused()
    (tmp_path / "link").symlink_to(site.state.journal)
    site.run("journal", "export", "--output", str(tmp_path / "link")).refused()
    assert site.run("journal", "verify").code == 0
    for target in (tmp_path, tmp_path / "no" / "such", site.state.config / "x"):
        assert str(target) in site.run("journal", "export", "--output", str(target)).refused()
    assert site.run("journal", "export", "--output", "/dev/null").code == 0


def test_beside_the_running_writer(site: CliSite) -> None:
    file = JournalFile(site.state.journal)
    try:
        assert site.run("journal", "verify").code == 0
        assert len(site.run("calls", "list", "--json").json()) == 2
    finally:
        file.close()


def test_odd_data_survives_the_export(site: CliSite, tmp_path: Path) -> None:
    site.tell([Fact("system", "odd.thing", None, {"é\u2028": [1.5, None, {"a": "\x00\ud800"}], "n": 2**70})])
    export = tmp_path / "export.jsonl"
    site.run("journal", "export", "--output", str(export))
    assert site.run("journal", "verify", "--export", str(export)).code == 0
