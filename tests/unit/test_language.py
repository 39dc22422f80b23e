"""Which language is spoken, and how a text, a word, a ready sentence and a help come to be in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import language
from cli.language import choose, localised, tr, word
from cli.output import counted
from tests.unit.cli_site import REPO, CliSite, story
from tests.unit.test_watch_screen import WORK, shown, view_of


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    choose([])


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    return CliSite(tmp_path / "state", monkeypatch, capfd)


@pytest.mark.parametrize(
    ("arguments", "variable", "is_indonesian"),
    [
        ([], None, False),
        ([], "", False),
        ([], "id", True),
        (["--lang", "id"], None, True),
        (["--lang=id"], None, True),
        (["calls", "list", "--lang", "id"], "en", True),
        (["--lang", "id", "calls", "--lang", "en"], None, False),
        (["--lang", "en"], "id", False),
        (["--lang"], "id", True),
        (["radio", "say", "--", "--lang", "id"], None, False),
    ],
)
def test_who_chooses_the_language(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], variable: str | None, *, is_indonesian: bool
) -> None:
    monkeypatch.delenv("SIAGA_LANG", raising=False)
    if variable is not None:
        monkeypatch.setenv("SIAGA_LANG", variable)
    choose(arguments)
    assert language.is_indonesian() is is_indonesian


@pytest.mark.parametrize("place", ["option", "variable"])
def test_an_unknown_language_is_wrong_usage(site: CliSite, place: str) -> None:
    if place == "variable":
        site.monkeypatch.setenv("SIAGA_LANG", "jv")
        assert "'jv'" in site.run("calls", "list").refused(2)
    else:
        assert "'jv'" in site.run("calls", "list", "--lang", "jv").refused(2)
        assert "--lang" in site.run("calls", "list", "--lang").refused(2)


def test_a_text_with_values() -> None:
    assert tr("(see '{command} --help')", command="siaga {x}") == "(see 'siaga {x} --help')"
    choose(["--lang", "id"])
    assert tr("(see '{command} --help')", command="siaga {x}") == "(lihat 'siaga {x} --help')"
    assert tr("nobody has translated {this}", this="it") == "nobody has translated it"
    assert tr("braces {} stay") == "braces {} stay"


def test_a_ready_sentence_is_found_again() -> None:
    sentence = "No such option: --bogus"
    assert localised(sentence) == sentence
    choose(["--lang", "id"])
    assert localised(sentence) == "Tidak ada opsi: --bogus"
    differs = "Asterisk has the call from 08:00:00 and no end, the journal has nothing of it"
    assert localised(differs) == "Asterisk punya panggilan dari 08:00:00 tanpa akhir, jurnal tidak punya apa pun"
    assert localised("nobody knows this sentence") == "nobody knows this sentence"
    agreed = "journal and Asterisk agree in 12 calls, compared at 2026-11-25 06:00"
    assert localised(agreed) == "jurnal dan Asterisk sesuai dalam 12 panggilan, dibandingkan pada 2026-11-25 06:00"


def test_a_sentence_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some.toml").write_text(
        '"{file}: {reason}" = "{file}: {reason}"\n"desk {desk} is busy" = "meja {desk} sibuk"\n'
        '"cannot: {why}" = "tidak bisa: {why}"\n'
    )
    monkeypatch.setattr(language, "CATALOGUES", tmp_path)
    for cached in (language.catalogue, language._patterns):
        cached.cache_clear()
    try:
        choose(["--lang", "id"])
        assert localised("cannot: desk 1001 is busy") == "tidak bisa: meja 1001 sibuk"
        assert localised("a.toml: cannot: desk 1001 is busy") == "a.toml: tidak bisa: meja 1001 sibuk"
        assert localised("a.toml: b.toml: c.toml: d.toml: e") == "a.toml: b.toml: c.toml: d.toml: e"
    finally:
        monkeypatch.undo()
        for cached in (language.catalogue, language._patterns):
            cached.cache_clear()


def test_words_and_plurals() -> None:
    assert (word("ready"), word(None)) == ("ready", None)
    assert counted(2, "call") == "2 calls"
    choose(["--lang", "id"])
    assert (word("ready"), word("no such word"), word(None)) == ("siap", "no such word", None)
    assert counted(2, "call") == "2 panggilan"


def test_the_live_floor() -> None:
    choose(["--lang", "id"])
    lines = shown(view_of(WORK))
    assert lines[1] == "Hari ini 2 panggilan, 1 dijawab, 1 (100 %) dlm 10 dtk, 0 lepas. 0 meja siap."
    assert any("ditransfer   1001  valid     01 Polrestabes Medan" in line for line in lines)
    assert any(line.endswith(" DARURAT") for line in lines)
    assert any("1002 ibadah " in line for line in lines)
    lost = shown(view_of(WORK), trouble="it does not give back what is sent to it")
    assert "SAMBUNGAN PUTUS, yang tampak sudah lama: yang dikirim kepadanya tidak kembali" in lost


def test_help_and_errors_are_translated_and_json_is_not(site: CliSite) -> None:
    site.tell(story("1.1"))
    english = site.run("calls", "list", "--json").out
    assert site.run("calls", "list", "--json", "--lang", "id").out == english
    assert "Tampilkan bantuan ini" in site.run("calls", "list", "--help", "--lang", "id").out
    assert "Show this help" in site.run("calls", "list", "--help").out
    assert "Tidak ada perintah" in site.run("--lang", "id", "bogus").refused(2)


def test_no_catalogue_is_read_in_english(site: CliSite) -> None:
    code = (
        "import sys; sys.argv[1:] = ['phones', 'list']; from cli.main import main; main(); "
        "from cli import language as l; print(l.catalogue.cache_info().misses + l.words.cache_info().misses)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0"
