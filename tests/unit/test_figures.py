"""What the measurements keep and show."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from scripts.measure import report
from scripts.measure.figures import Section, Spread, number, shown
from scripts.measure.options import quick, whole


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0234, "0.023"), (1.254, "1.25"), (14.24, "14.2"), (1037.2, "1037"), (1_000_000, "1000000")],
)
def test_a_number_has_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_a_spread_is_the_median_and_its_ends() -> None:
    assert str(Spread.of([9.1, 8.2, 8.6])) == "8.60 (8.20-9.10)"
    assert str(Spread.of([2.0])) == "2.00"
    assert shown(None) == ""


def test_kept_sections_stay_until_they_are_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, file = tmp_path / "benchmark.md", tmp_path / "benchmark.json"
    page.write_text(f"# Measured\n\n{report.BEGIN}\nfrom before\n{report.END}\n\nby hand\n")
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "FILE", file)
    for name, value in (("one", 1.5), ("two", 2.5), ("one", 3.5)):
        section = Section(name)
        section.table(f"title of {name}", "way", "ms").add("Dial()", Spread.of([value]))
        section.goal("goal", "10 ms", "11 ms", is_reached=False)
        report.keep({name: report.result(section, quick(print), f"c0ffee{value:.0f}")})
    text = page.read_text()
    assert text.startswith("# Measured\n")
    assert text.endswith("\n\nby hand\n")
    assert "from before" not in text
    assert "| Dial() | 3.50 |" in text
    assert "| Dial() | 2.50 |" in text
    assert "| goal | 10 ms | 11 ms | **not reached** |" in text
    kept = json.loads(file.read_text())
    assert list(kept) == ["one", "two"]
    assert kept["two"]["options"] == json.loads(json.dumps(quick(print).data()))
    assert kept["two"]["options"]["rounds"] == quick(print).rounds
    assert "say" not in kept["two"]["options"]
    assert text.count("; commit c0ffee") == 2
    assert "; commit c0ffee4; rates: 20; rounds: 2; seconds: 4; " in text
    report.keep({"two": report.result(Section("two"), whole(print), "c0ffee")})
    assert "; commit c0ffee\n" in page.read_text(), "nothing was asked for otherwise"
    report.keep({"two": report.result(Section("two"), whole(print), "c0ffee", 0.0716)})
    assert "; commit c0ffee; 7.2% of the processors' time went to others\n" in page.read_text()


def test_results_of_an_unknown_commit_name_none(tmp_path: Path) -> None:
    assert report.commit(tmp_path) is None
    assert "commit" not in report.result(Section("one"), quick(print), None)


def test_the_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    file = tmp_path / "file"
    file.write_text("as it was")
    git("init")
    git("add", "file")
    git("commit", "--message", "first", "--no-gpg-sign")
    head = git("rev-parse", "--short", "HEAD")
    (tmp_path / "beside").touch()  # is in no commit, so none lacks it
    assert report.commit(tmp_path) == head
    kept = tmp_path / "docs" / "benchmark.md"
    kept.parent.mkdir()
    kept.write_text("figures")
    git("add", "docs")
    git("commit", "--message", "second", "--no-gpg-sign")
    head = git("rev-parse", "--short", "HEAD")
    kept.write_text("other figures")
    assert report.commit(tmp_path) == head, "what is kept is not measured"
    file.write_text("as it is")
    assert report.commit(tmp_path) == f"{head} with changes"
