"""``siaga report``: on screen, as CSV, as JSON, on paper, and the calls behind each figure."""

from __future__ import annotations

import csv
import io
import re
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ari_app.domain.facts import Fact, Json
from tests.unit.cli_site import CONFIG, CliSite

NIGHT = datetime(2025, 1, 31, 16, 59, 58, tzinfo=UTC)
"""Two seconds before midnight at the site."""
CALLER = "+6281234567890"


def taken(call: str, after: float = 0, *, operator: str = "87020001") -> list[Fact]:
    """A call that comes so many seconds after ``NIGHT``, is answered 3 s later, and lives."""
    at = NIGHT + timedelta(seconds=after)
    data: dict[str, Json] = {"desk": "1001", "operator": operator}
    return [
        Fact("caller", "call.received", call, {"caller": CALLER, "dialled": "110"}, at),
        Fact(f"operator:{operator}", "call.answered", call, data, at + timedelta(seconds=3)),
    ]


def then(call: str, seconds: float, action: str, /, **data: Json) -> Fact:
    return Fact("operator:87020001", action, call, data, NIGHT + timedelta(seconds=seconds))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    site.configure(CONFIG.replace("Polrestabes Uji", "Polres Ågård Ždár 北"))
    site.tell(
        [Fact("supervisor:x", "operator.added", data={"operator": "87020001", "name": "Siti Řehoř", "unit": "polda"})]
    )
    return site


@pytest.fixture
def full(site: CliSite) -> CliSite:
    """One call over midnight with everything, one of the next day that is abandoned."""
    site.tell(
        [
            *taken("1.1"),
            then("1.1", 10, "call.classified", kind="valid"),
            then("1.1", 12, "call.classified", emergency=True),
            then("1.1", 20, "radio.keyed", net="300", by="desk", desk="1001", transmission="300-1"),
            then("1.1", 30, "call.transfer_started", polres="01", desk="1001", desks=["2001"]),
            then("1.1", 35, "call.taken_back", polres="01", desk="1001", reason="no_answer"),
            then("1.1", 40, "call.ended", by="caller", outcome="answered"),
            then("1.2", 5, "call.received", caller=CALLER, dialled="110"),
            then("1.2", 9, "call.ended", by="caller", outcome="abandoned"),
        ]
    )
    return site


def figures(site: CliSite, *arguments: str) -> dict[str, str]:
    rows = list(csv.reader(io.StringIO(site.run("report", *arguments, "--csv", "-").out)))
    assert rows[0] == ["figure", "value", "unit"]
    return {row[0]: row[1] for row in rows[1:]}


def test_a_call_over_midnight_is_of_the_day_on_which_it_came(full: CliSite) -> None:
    found = figures(full, "day", "2025-01-31")
    assert (found["offered"], found["answered"], found["answered_10"], found["wait_mean"]) == ("1", "1", "1", "3")
    assert (found["emergencies_told"], found["emergency_mean"]) == ("1", "8")
    assert (found["polres.01.transfers"], found["polres.01.transfers_taken_back"]) == ("1", "1")
    assert (found["operator.87020001.answered"], found["hour.23"], found["day.2025-01-31"]) == ("1", "1", "1")
    found = figures(full, "day", "2025-02-01")
    assert (found["offered"], found["abandoned"], found["transfers"], found["wait_mean"]) == ("1", "1", "0", "")
    assert figures(full, "month", "2025-01")["offered"] == "1"
    assert figures(full, "shift", "2025-01-31", "malam")["offered"] == "2", "it belongs to the day on which it began"
    assert figures(full, "shift", "2025-01-31", "pagi")["offered"] == "0"


def test_the_calls_behind_a_figure(full: CliSite) -> None:
    assert full.run("report", "shift", "2025-01-31", "malam", "--calls", "offered").out == "1.1\n1.2\n"
    assert full.run("report", "day", "2025-01-31", "--calls", "polres.01.transfers_taken_back").out == "1.1\n"
    assert full.run("report", "day", "2025-02-01", "--calls", "abandoned", "--json").json() == {
        "figure": "abandoned", "value": 1, "unit": "calls", "calls": ["1.2"],
    }  # fmt: skip
    for other in ("--csv", "--pdf"):
        file = full.state.root / "january"
        full.run("report", "day", "2025-01-31", "--calls", "offered", other, str(file)).refused(2)
        assert not file.exists()
    refused = full.run("report", "day", "2025-01-31", "--calls", "bogus\x1b[31m").refused()
    assert "abandoned" in refused
    assert "\x1b" not in refused


def test_on_screen(full: CliSite) -> None:
    text = full.run("report", "day", "2025-01-31").out
    assert text.startswith("Polda Uji: day 2025-01-31 (2025-01-31 00:00:00 - 2025-02-01 00:00:00)\n")
    assert re.search(r"^  within 10 s +1 +100.0% +answered_10", text, re.MULTILINE)
    assert re.search(r"^01 +Polres Ågård Ždár 北 +1 +0 +1 +0 +-", text, re.MULTILINE)
    assert re.search(r"^87020001 +Siti Řehoř +1 +1 +3.0 s", text, re.MULTILINE)
    assert CALLER not in text


def test_as_json(full: CliSite) -> None:
    report = full.run("report", "shift", "2025-01-31", "malam", "--json").json()
    assert report["period"] == {
        "kind": "shift", "day": "2025-01-31", "shift": "malam", "begins": "2025-01-31T21:00:00+07:00",
        "ends": "2025-02-01T07:00:00+07:00", "until": None,
    }  # fmt: skip
    assert report["summary"]["offered"] == 2
    assert report["days"] == {"2025-01-31": 1, "2025-02-01": 1}
    assert report["polres"][0]["code"] == "01"
    full.tell([Fact("caller", "call.received", "1.3", {"caller": CALLER}, NIGHT),
               Fact("desk:1001", "call.answered", "1.3", {"desk": "1001"}, NIGHT)])  # fmt: skip
    english, indonesian = (full.run("report", "day", "2025-01-31", "--json", "--lang", each) for each in ("en", "id"))
    assert english.out == indonesian.out
    assert [each["name"] for each in english.json()["operators"]] == ["desk 1001", "Siti Řehoř"]


def test_standard_output_has_nothing_but_the_csv(full: CliSite, tmp_path: Path) -> None:
    file = tmp_path / "x.pdf"
    alone = full.run("report", "day", "2025-01-31", "--csv", "-")
    both = full.run("report", "day", "2025-01-31", "--csv", "-", "--pdf", str(file))
    assert (both.code, both.out, both.err) == (0, alone.out, f"siaga: {file} written\n")
    assert alone.err == ""


def test_paper_on_standard_output(full: CliSite) -> None:
    """Who has the command by sudo only cannot read files that it writes."""
    with full.start("report", "day", "2025-01-31", "--pdf", "-") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"%PDF-")
    assert out.endswith(b"%%EOF\n")
    assert "--pdf" in full.run("report", "day", "2025-01-31", "--pdf", "-", "--csv", "-").refused(2)


@pytest.mark.parametrize("other", [("--csv",), ("--pdf",), ("--csv", "-")])
def test_json_is_not_passed_over_for_a_file(full: CliSite, tmp_path: Path, other: tuple[str, ...]) -> None:
    file = tmp_path / "january"
    place = () if "-" in other else (str(file),)
    refused = full.run("report", "day", "2025-01-31", "--json", *other, *place)
    assert "--json: give it without --csv and --pdf" in refused.refused(2)
    assert not file.exists()


def test_the_csv_says_of_which_time_it_is(full: CliSite) -> None:
    rows = list(csv.reader(io.StringIO(full.run("report", "shift", "2025-01-31", "malam", "--csv", "-").out)))
    assert rows[:5] == [
        ["figure", "value", "unit"],
        ["period.begins", "2025-01-31T21:00:00+07:00", "time"],
        ["period.ends", "2025-02-01T07:00:00+07:00", "time"],
        ["period.until", "", "time"],
        ["offered", "2", "calls"],
    ]
    full.tell([Fact("caller", "call.received", "2.1", {"caller": None, "dialled": "110"})])
    found = figures(full, "month")
    assert found["period.begins"] <= found["period.until"] < found["period.ends"]
    assert datetime.fromisoformat(found["period.until"]).utcoffset() == timedelta(hours=7)


def test_what_still_runs_says_until_when(site: CliSite) -> None:
    site.tell([Fact("caller", "call.received", "2.1", {"caller": None, "dialled": "110"})])
    assert re.search(r"\(until \d\d:\d\d\)$", site.run("report", "day").out.splitlines()[0])
    assert re.search(r"shift \w+ of [-\d]+ \(until", site.run("report", "shift").out)
    assert site.run("report", "month", "--json").json()["summary"]["waiting"] == 1


def test_the_sites_own_shifts(site: CliSite) -> None:
    site.configure(f'{CONFIG}[[shift]]\nname = "A"\nfrom = "08:00"\nto = "20:00"\n')
    assert "there are A" in site.run("report", "shift", "2025-01-31", "pagi").refused(2)
    assert site.run("report", "shift", "A", "--json").json()["period"]["shift"] == "A"


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        ('name = "A"\nfrom = "8"\nto = "20:00"\n', "shift[1] (A).from: '8' is not a time of day such as 07:00"),
        ('name = "A"\nfrom = "20:00"\nto = "20:00"\n', "a shift ends at another time than it begins"),
        ('name = "A"\nfrom = "20:00"\n', "shift[1] (A).to: is missing"),
        ('name = "A"\nfrom = "20:00"\nto = "21:00"\nbreak = 1\n', "shift[1] (A).break: unknown key"),
        ('name = "A"\nfrom = "20:00"\nto = 21:00:00\n[[shift]]\nname = "A"\nfrom = "1:00"\nto = "2:00"\n', "'1:00'"),
    ],
)
def test_shifts_that_cannot_be(site: CliSite, tmp_path: Path, shift: str, said: str) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(f"{CONFIG}[[shift]]\n{shift}")
    assert said in site.run("conf", "check", str(file)).refused()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("day", "yesterday"), 2), (("month", "2025-13"), 2), (("month", "2025-01-31"), 2),
        (("shift", "2025-01-31"), 2), (("shift", "noon"), 2), (("day", "9999-12-31"), 2),
        (("day", "2124-01-01"), 1), (("month", "9999-12"), 2),
    ],
)  # fmt: skip
def test_wrong_periods(full: CliSite, arguments: tuple[str, ...], code: int) -> None:
    full.run("report", *arguments).refused(code)


def test_no_journal_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert "no journal" in CliSite(tmp_path / "new", monkeypatch, capfd).run("report", "day").refused()


def _text_of(pdf: bytes) -> str:
    """What is written in it, as far as its fonts are simple."""
    streams = re.findall(rb"stream\n(.*?)\nendstream", pdf, re.DOTALL)
    return "\n".join(zlib.decompress(each).decode("latin-1") for each in streams if each[:1] == b"\x78")


def test_on_paper(full: CliSite, tmp_path: Path) -> None:
    for arguments in (("month", "2025-01"), ("day", "2025-01-31"), ("shift", "2025-01-31", "malam"), ("day",)):
        file = tmp_path / "report.pdf"
        assert full.run("report", *arguments, "--pdf", str(file), "--csv", f"{file}.csv").out.startswith(str(file))
        content = file.read_bytes()
        assert content.startswith(b"%PDF")
        assert file.stat().st_mode & 0o077 == 0
        text = _text_of(content)
        assert "Ringkasan" in text
        assert "Halaman 1 dari" in text
        assert CALLER[1:] not in text, "no caller's number"
        if arguments != ("day",):
            assert "Polres Ågård Zdár ?" in text, "letters that the fonts lack are no reason to fail"
            assert "Siti Rehor" in text


def test_the_outcomes_on_paper_add_up(site: CliSite, tmp_path: Path) -> None:
    """Who waits still is a part of the calls received, so that each share is the same wherever it stands."""
    file, at = tmp_path / "report.pdf", datetime.now(UTC)
    site.tell([Fact("caller", "call.received", f"2.{number}", {"caller": None}, at) for number in range(3)])
    site.tell([Fact("desk:1001", "call.answered", "2.0", {"desk": "1001"}, at)])
    site.run("report", "month", "--pdf", str(file))
    outcomes = _text_of(file.read_bytes()).partition("Hasil panggilan")[2].partition("Jenis panggilan")[0]
    assert re.findall(r"\((\d+ \\\([\d,]+%\\\))\) Tj", outcomes) == [
        r"1 \(33,3%\)", r"0 \(0,0%\)", r"0 \(0,0%\)", r"0 \(0,0%\)", r"2 \(66,7%\)",
    ]  # fmt: skip
    assert "Sedang menunggu" in outcomes
    site.tell([Fact("caller", "call.ended", f"2.{number}", {"outcome": "abandoned"}) for number in (1, 2)])
    site.run("report", "month", "--pdf", str(file))
    assert "Sedang menunggu" not in _text_of(file.read_bytes())


def test_a_file_that_cannot_be_written(full: CliSite, tmp_path: Path) -> None:
    assert "cannot be written" in full.run("report", "day", "--pdf", str(tmp_path / "no" / "x.pdf")).refused()
    assert not list(tmp_path.glob("**/*.new"))
