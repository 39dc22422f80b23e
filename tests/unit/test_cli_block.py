"""``siaga block`` while no application runs: listed, changed, read from a file and written to one."""

from __future__ import annotations

import csv
import io
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ari_app.domain.facts import Fact
from ari_app.store.journal import Journal, read
from cli import block_file, in_place
from tests.unit.cli_site import CONFIG, CliSite, story

ONE, TWO, THREE = "+6281234567890", "+6281234567891", "+62614567890"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    monkeypatch.setenv("SIAGA_SUPERVISOR", "budi")
    made = CliSite(tmp_path / "state", monkeypatch, capfd)
    text = CONFIG.replace('name = "Polda Uji"', 'name = "Polda Uji"\narea_code = "61"')
    made.configure(text.replace("[asterisk]", "[block]\npranks = 2\n[asterisk]"))
    return made


@pytest.fixture
def full(site: CliSite) -> CliSite:
    """A number with two marks, blocked; one with a mark; one that a supervisor blocked."""
    site.tell([*story("1.1"), *story("1.2"), *story("1.3", caller=TWO), *story("1.4", caller=None)])
    for call in ("1.1", "1.2", "1.3"):
        assert site.run("block", "mark", call, "--note", "tertawa").code == 0
    assert site.run("block", "add", "4567890", "--note", "Surat 12").code == 0
    return site


def numbers(site: CliSite, *options: str) -> list[str]:
    return [each["number"] for each in site.run("block", "list", "--json", *options).json()]


def check(site: CliSite, number: str) -> dict[str, Any]:
    return dict(site.run("block", "check", number, "--json").json())


def journalled(site: CliSite) -> list[tuple[str, str]]:
    return [(each.actor, each.action) for each in read(site.state.journal) if each.action[0] in "np"]


def test_list(full: CliSite) -> None:
    assert numbers(full) == [THREE, ONE]
    assert numbers(full, "--all") == [THREE, TWO, ONE]
    assert numbers(full, "--limit", "1") == [THREE]
    for prefix in ("0812", "62812", "+62812", "081234567890"):
        assert numbers(full, "--number", prefix) == [ONE], prefix
    assert numbers(full, "--all", "--number", "0812") == [ONE, TWO]
    assert numbers(full, "--number", "15") == []
    (first, second) = full.run("block", "list", "--json").json()
    assert first == {
        "number": THREE, "blocked": True, "marks": 0, "since": first["since"], "by": "supervisor:budi",
        "reason": "supervisor", "note": "Surat 12",
    }  # fmt: skip
    assert (second["marks"], second["by"], second["reason"]) == (2, "system", "pranks")
    out = full.run("block", "list").out
    assert re.search(rf"^\{ONE} .* system +pranks +2", out, re.MULTILINE)


def test_check(full: CliSite) -> None:
    found = check(full, "081234567890")
    assert (found["number"], found["blocked"], found["marks"]) == (ONE, True, 2)
    assert found["since"].endswith("+07:00")
    assert check(full, TWO) == {
        "number": TWO, "blocked": False, "marks": 1, "since": None, "by": None, "reason": None, "note": None,
    }  # fmt: skip
    assert check(full, "14045")["blocked"] is False
    assert "is blocked since" in full.run("block", "check", ONE).out
    assert "is not blocked; 1 mark." in full.run("block", "check", TWO).out
    assert full.run("block", "check", TWO).code == 0


def test_show(full: CliSite) -> None:
    assert full.run("block", "remove", ONE).code == 0
    shown = full.run("block", "show", ONE, "--json").json()
    assert (shown["number"], shown["blocked"], shown["marks"]) == (ONE, False, 0)
    assert [call["id"] for call in shown["calls"]] == ["1.2", "1.1"]
    assert [(each["actor"], each["action"], each["call"]) for each in shown["history"]] == [
        ("supervisor:budi", "prank.marked", "1.1"),
        ("supervisor:budi", "prank.marked", "1.2"),
        ("system", "number.blocked", "1.2"),
        ("supervisor:budi", "number.unblocked", None),
    ]
    assert shown["history"][0]["note"] == "tertawa"
    text = full.run("block", "show", ONE).out
    assert "number.unblocked" in text
    assert "1.2" in text
    assert "Nothing was done" in full.run("block", "show", "14045").out
    assert re.search(r"^marks +0$", text, re.MULTILINE)
    assert re.search(r"^blocked +no$", text, re.MULTILINE)
    assert re.search(r"^marks +1$", full.run("block", "show", TWO).out, re.MULTILINE)


def test_marks_and_what_takes_them_back(full: CliSite) -> None:
    assert "already" in full.run("block", "mark", "1.1").refused()
    done = full.run("block", "unmark", "1.2", "--reason", "salah orang")
    assert "unblocked" in done.out
    assert (check(full, ONE)["blocked"], check(full, ONE)["marks"]) == (False, 1)
    assert "not marked" in full.run("block", "unmark", "1.2", "--reason", "x").refused()
    assert "blocked now" in full.run("block", "mark", "1.2").out
    assert full.run("block", "mark", "1.4").code == 0
    assert numbers(full, "--all") == [ONE, THREE, TWO]
    assert all(actor in {"supervisor:budi", "system"} for actor, _ in journalled(full))


def test_ended_by_time(full: CliSite) -> None:
    text = full.state.config.read_text(encoding="utf-8")
    full.configure(text.replace("pranks = 2", "pranks = 2\nexpire_days = 1\nwindow_days = 1"))
    old = datetime(2025, 1, 31, tzinfo=UTC)
    full.tell([Fact("supervisor:a", "number.blocked", None, {"number": "+6281200000009", "reason": "import"}, old)])
    full.tell([Fact("operator:1", "prank.marked", "9.9", {"number": "+6281200000009"}, old)])
    assert numbers(full) == [THREE, ONE]
    assert (check(full, "081200000009")["blocked"], check(full, "081200000009")["marks"]) == (False, 0)
    assert full.run("block", "add", "081200000009").code == 0
    assert journalled(full)[-2:] == [("system", "number.unblocked"), ("supervisor:budi", "number.blocked")]


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (["add", "abc"], 1, "no telephone number"),
        (["add", "\x1b[31m"], 1, "no telephone number"),
        (["add", "110"], 1, "emergency"),
        (["add", ONE], 1, "already"),
        (["add"], 2, "NUMBER"),
        (["remove", TWO], 1, "not blocked"),
        (["check", "abc"], 1, "no telephone number"),
        (["show", ""], 1, "no telephone number"),
        (["list", "--number", "abc"], 2, "no digit"),
        (["mark", "9.9"], 1, "no call 9.9"),
        (["unmark", "1.1"], 2, "--reason"),
        (["unmark", "1.4", "--reason", "x"], 1, "not marked"),
        (["import", "/nowhere.csv"], 1, "No such file"),
        (["export", "/nowhere/x.csv"], 1, "No such file"),
    ],
)
def test_refused(full: CliSite, command: list[str], code: int, said: str) -> None:
    before = journalled(full)
    error = full.run("block", *command).refused(code)
    assert said in error
    assert "\x1b" not in error
    assert journalled(full) == before


def test_without_a_journal(site: CliSite) -> None:
    assert site.run("block", "list", "--json").json() == []
    assert check(site, ONE)["blocked"] is False
    assert site.run("block", "show", ONE).code == 0
    assert site.run("block", "export").out == "number,since,by,reason,note\n"
    assert not site.state.journal.exists()
    assert site.run("block", "add", ONE).code == 0
    assert check(site, ONE)["blocked"] is True


# ---- files


def imported(site: CliSite, content: str | bytes, *options: str) -> Any:
    file = site.state.root / "in.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return site.run("block", "import", str(file), *options)


FILE = f"""\
number,note
081234567891,Surat
abc,x

+6281234567892
{ONE},
081234567892,lagi
110,
0812000000,{"x" * 201}
"""


def test_import(full: CliSite) -> None:
    before = journalled(full)
    tried = imported(full, FILE, "--dry-run")
    assert tried.code == 1
    assert tried.out.splitlines() == [
        f"line 2: {TWO} would be blocked",
        "line 5: +6281234567892 would be blocked",
        "2 numbers would be blocked, 2 blocked already or there twice, 3 bad lines.",
    ]
    assert [line.split(":")[1] for line in tried.err.splitlines()] == [" line 3", " line 8", " line 9"]
    assert journalled(full) == before
    done = imported(full, FILE)
    assert (done.code, done.err) == (1, tried.err)
    assert journalled(full)[len(before) :] == [("supervisor:budi", "number.blocked")] * 2
    assert check(full, TWO)["note"] == "Surat"
    assert imported(full, "081234567891\n").code == 0
    assert len(journalled(full)) == len(before) + 2


@pytest.mark.parametrize(
    "content",
    [
        "081234567890\n081234567891",
        "081234567890,a\r\n081234567891,b\r\n",
        "\ufeffNumber,Note\n081234567890,a\n081234567891,b\n",
        "081234567890;a\n081234567891;b\n",
        "since,number,by\nx,081234567890,y\nx,081234567891,y\n",
        '"081234567890","a, ""b"""\n"081234567891",\n',
        "number,note\r081234567890,a\r081234567891,b\r",
        "\n \n number , note \n081234567890,a\n081234567891",
        '"Number";"Note"\n"081234567890";"a; b"\n081234567891;c, d\n',
        '081234567890,kata "x"\n081234567891,5" pipa\n',
        "number\n081234567890\n\n\n081234567891\n\n",
        "No,Nomor,Ket\n1,081234567890,a\n2,081234567891,b\n",
    ],
)
def test_files_of_all_kinds(site: CliSite, content: str) -> None:
    done = imported(site, content)
    assert (done.code, done.err) == (0, "")
    assert sorted(numbers(site)) == [ONE, TWO]


def test_running_numbers_are_no_short_codes(site: CliSite) -> None:
    """No column says that it has the telephone numbers, so the first one is read."""
    done = imported(site, "No,Telepon\n1,081234567890\n2,6281234567891.0\n")
    assert (done.code, len(done.err.splitlines())) == (1, 3)
    assert "line 2: '1' is no telephone number: it has fewer than 3 digits" in done.err
    assert numbers(site) == []


def test_a_spreadsheets_numbers_are_refused(site: CliSite) -> None:
    done = imported(site, "6281234567890.0\n0812-3456-789/90\n081234567891\n")
    assert [line.split(":")[1] for line in done.err.splitlines()] == [" line 1", " line 2"]
    assert numbers(site) == [TWO]


def test_odd_files(site: CliSite) -> None:
    assert imported(site, "").code == 0
    assert imported(site, b"081234567890,\xff\xfe\n081234567891\n").err.count("line 1:") == 1
    assert imported(site, b"\x00\n081234567892\n").code == 1
    assert numbers(site) == ["+6281234567892", TWO]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ('081234567892,"katanya', "quotation mark"),
        ('"081234567892,x', "quotation mark"),
        ('081234567892,"a" b', "quotation mark"),
        ("081234567892,\0", "NUL"),
        (b"081234567892,\xff", "UTF-8"),
        ("081234567892," + "x" * 5_000, "longer than"),
        ("081234567892," + "x" * 500_000, "longer than"),
        ('081234567892,"' + "x" * 200_000 + '"', "longer than"),
        ("x" * 4096, "no telephone number"),
    ],
    ids=range(9),
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_bad_line_takes_no_other_with_it(site: CliSite, bad: str | bytes, why: str, end: str) -> None:
    whole = end.encode().join(
        [b"number,note", b"081234567890,a", bad if isinstance(bad, bytes) else bad.encode(), b"", b'081234567891,"b"']
    )
    done = imported(site, whole)
    assert done.code == 1
    assert re.fullmatch(rf"siaga: line 3: .*{why}.*\n", done.err)
    assert done.out == "2 numbers are blocked, 0 blocked already or there twice, 1 bad line.\n"
    assert sorted(numbers(site)) == [ONE, TWO]


def test_the_first_and_the_last_line_may_be_bad(site: CliSite) -> None:
    done = imported(site, f'"081234567892\n081234567890,"a\n{ONE}\n{TWO}\n"')
    assert [line.split(":")[1] for line in done.err.splitlines()] == [" line 1", " line 2", " line 5"]
    assert sorted(numbers(site)) == [ONE, TWO]


def test_a_file_that_cannot_be_read(site: CliSite, tmp_path: Path) -> None:
    assert f"{tmp_path} cannot be read: Is a directory" in site.run("block", "import", str(tmp_path)).refused()


def test_in_parts(site: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests have a largest size, in numbers and in bytes, and the journal is let go of in between."""
    monkeypatch.setattr(in_place, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(block_file, "CHUNK", 3)
    monkeypatch.setattr(block_file, "CHUNK_BYTES", 300)
    lines = [f"0812000000{number:02d},{'é' * (number * 3)}" for number in range(20)]
    done = imported(site, "\n".join(lines))
    assert (done.code, done.err) == (0, "")
    assert done.out == "20 numbers are blocked, 0 blocked already or there twice, 0 bad lines.\n"
    assert len(numbers(site)) == 20


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_twice_in_different_parts(site: CliSite, monkeypatch: pytest.MonkeyPatch, dry: tuple[str, ...]) -> None:
    """A dry run says what the real one would do, and bad lines of any kind come in the file's order."""
    monkeypatch.setattr(block_file, "CHUNK", 2)
    done = imported(site, '081200000001,\nabc\n"x\n6281200000001\n110\n\0\n081200000002\n"y\n', *dry)
    assert [line.split(":")[1] for line in done.err.splitlines()] == [f" line {line}" for line in (2, 3, 5, 6, 8)]
    said = "2 numbers would be blocked" if dry else "2 numbers are blocked"
    assert done.out.splitlines()[-1] == f"{said}, 1 blocked already or there twice, 5 bad lines."


def test_what_stops_in_the_middle_says_how_far_it_came(site: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk takes no more: what went in before is said, and the rest goes in when the file is imported again."""
    monkeypatch.setattr(block_file, "CHUNK", 2)
    flush, left = Journal.flush, [2]

    def full(self: Journal, timeout: float = 10.0, *, or_reserve: bool = False) -> bool:
        left[0] -= 1
        return left[0] >= 0 and flush(self, timeout, or_reserve=or_reserve)

    monkeypatch.setattr(Journal, "flush", full)
    content = "number\n081200000001\n081200000002\nabc\n081200000003\n081200000004\n081200000005\n081200000006\n"
    done = imported(site, content)
    assert done.code == 1
    assert done.out == (
        "3 numbers are blocked, 0 blocked already or there twice, 1 bad line, and then it stopped: line 5 was the last."
        " Import the file again for the rest.\n"
    )
    assert "the disk does not take what was changed" in done.err
    monkeypatch.setattr(Journal, "flush", flush)
    imported(site, content)
    assert len(numbers(site)) == 6


def test_somebody_else_writes_in_between(site: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another one has done while the journal was let go of is not overlooked."""
    monkeypatch.setattr(in_place, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(block_file, "CHUNK", 1)
    pause, others = time.sleep, ["+6281200000002", "+6281200000001"]

    def sleep(seconds: float) -> None:
        pause(seconds)
        if others:
            journal = Journal.open(site.state.journal, timezone="UTC")
            journal.append(Fact("supervisor:ani", "number.blocked", None, {"number": others.pop(), "reason": "import"}))
            assert journal.close()

    monkeypatch.setattr("cli.asking.time.sleep", sleep)
    done = imported(site, "081200000000\n081200000001\n081200000002\n")
    assert done.out.startswith("1 number is blocked, 2 blocked already")


def test_export(full: CliSite, tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("old", encoding="utf-8")
    file.chmod(0o644)
    assert full.run("block", "export", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text(encoding="utf-8") == full.run("block", "export").out
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    assert [(row["number"], row["by"], row["reason"], row["note"]) for row in rows] == [
        (THREE, "supervisor:budi", "supervisor", "Surat 12"),
        (ONE, "system", "pranks", ""),
    ]
    assert imported(full, file.read_bytes()).out.startswith("0 numbers are blocked, 2 blocked already")
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing/x.csv", "No such file or directory"),
        ("file/x.csv", "Not a directory"),
        ("folder", "Is a directory"),
        ("y" * 252, "File name too long"),
        ("full", "No space left on device"),
    ],
)
def test_an_export_that_cannot_be_written(full: CliSite, tmp_path: Path, name: str, why: str) -> None:
    """What the user gave is named, and nothing is left behind."""
    out = tmp_path / "out"
    (out / "folder").mkdir(parents=True)
    (out / "file").write_text("x", encoding="utf-8")
    (out / "full").symlink_to("/dev/full")
    before, file = sorted(out.rglob("*")), out / name
    assert full.run("block", "export", str(file)).refused() == f"siaga: {file} cannot be written: {why}\n"
    assert sorted(out.rglob("*")) == before


def test_an_export_into_what_is_no_file(full: CliSite, tmp_path: Path) -> None:
    """A pipe or a device is written to, and stays what it is; so does a link."""
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file"
    os.mkfifo(pipe)
    expected = full.run("block", "export").out
    with ThreadPoolExecutor() as others:
        got = others.submit(pipe.read_text, encoding="utf-8")
        assert full.run("block", "export", str(pipe)).code == 0
        assert pipe.is_fifo(), "it was replaced by a file"
        assert got.result() == expected
    link.symlink_to("file")
    assert full.run("block", "export", str(link)).code == 0
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8") == expected
