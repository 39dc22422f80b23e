"""Everything that people are told has an Indonesian text, with the same values, and no Indonesian text is left over."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from typing import Final

import pytest

from ari_app.domain import blocklist, radio
from ari_app.domain.calls import KINDS, STATES, CallRow
from ari_app.domain.complaints import STATUSES, ComplaintRow
from ari_app.domain.number_rows import NumberRow
from ari_app.domain.queue import Priority
from cli.complaint_form import ASKED
from cli.language import CATALOGUES, WORDS, catalogue, choose, localised, read, words
from cli.operators import Reason
from tests.unit import texts
from tests.unit.cli_site import CliSite
from tests.unit.texts import VALUES, bare

OF_TYPER: Final = "usage"
"""The catalogue of what Typer's parser says."""

NOT_SPOKEN: Final = {
    # errors of the program, which nobody at a terminal sees
    "desk {} is {}: {} is not possible", "line {} is not in {}", "no telephone number",
    "the numbers are not in ascending order",
    # said on the radio, in Indonesian
    "kekerasan dalam rumah tangga",
    # the help of other programs
    "The call control of Siaga 110.", "Publishes the journal and the live floor.", "Folds the journal into the tables.",
    "state directory, made by scripts/run",
    # parts
    "and no end", "not what it should be: ",
}  # fmt: skip
"""What nobody at a terminal of siaga sees as it is."""

COMPOSED: Final = {
    "{} is missing", "{} is not an argument of this command", "{} has 2 to 8 digits", "{} has 4 to 18 digits",
    "{} has two digits", "{} is not the id of a call",
    "{} is no telephone number", "{} is no telephone number alone: enter nothing but the number, as 081234567890",
    "{} is no telephone number: it has fewer than {} digits", "{} (and {} more)",
    "from {} and no end", "mqtt.{}: {}: {}", "mqtt.{}: {}: not what it should be: {}",
}  # fmt: skip
"""Sentences that the application makes of two texts."""


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    choose([])


CHECK_RESULTS: Final = ("ok", "warning", "failed")


def ours() -> set[str]:
    return texts.help_texts() | texts.words_of_typer() | texts.said_by_cli()


def test_every_text_of_the_command_has_an_entry() -> None:
    assert ours() - set(catalogue()) == set()


def test_every_sentence_of_the_application_has_an_entry() -> None:
    said = texts.said_by_application() | texts.sentences_in_application()
    assert said - {bare(text) for text in catalogue()} - NOT_SPOKEN == set()


def test_nothing_is_said_past_the_catalogues() -> None:
    unknown = {text for text in texts.past_translation() if bare(text) not in {bare(each) for each in catalogue()}}
    assert unknown == {"bold white on red", "there is no language '{}': id is Indonesian, en is English"}


def test_no_entry_is_left_over() -> None:
    said = {bare(text) for text in ours()} | texts.everything_in_application() | COMPOSED
    of_typer = read(CATALOGUES / f"{OF_TYPER}.toml")
    assert {text for text in catalogue() if bare(text) not in said and text not in of_typer} == set()


def test_every_entry_has_the_values_of_its_text() -> None:
    for english, indonesian in catalogue().items():
        assert Counter(VALUES.findall(english)) == Counter(VALUES.findall(indonesian)), english


def test_no_text_has_two_entries() -> None:
    names = [name for file in CATALOGUES.glob("*.toml") if file.stem != WORDS for name in read(file)]
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_a_catalogue_is_read_as_it_is_written() -> None:
    """A key twice in one file would be refused by the reader."""
    for file in CATALOGUES.glob("*.toml"):
        assert tomllib.loads(file.read_text(encoding="utf-8")), file


def test_sentences_with_values_are_found_again() -> None:
    """No other text takes them first: everything that was put in comes out, in the Indonesian text."""
    choose(["--lang", "id"])
    for english, indonesian in catalogue().items():
        names = [name.strip("{}") for name in VALUES.findall(english) if name != "{}"]
        values = {name: f"<{place}>" for place, name in enumerate(names)}
        if values:
            assert localised(english.format(**values)) == indonesian.format(**values)


@pytest.mark.parametrize(
    "names",
    [
        STATES, KINDS, STATUSES, ASKED,
        ("unregistered", "no_operator", "not_ready", "ready", "logged_out"),
        ("answered", "abandoned", "fallback", "turned_away", "lost"),
        ("no_answer", "busy", "unreachable", "operator"),
        ("up", "down", "unknown", "officer", "system"),
        [each.name.lower() for each in Priority],
        [each.value for kind in (blocklist.Reason, radio.Reason, Reason) for each in kind],
        [each.name for kind in (CallRow, ComplaintRow) for each in fields(kind) if each.name != "first_seq"],
        [each.name for each in fields(NumberRow) if each.name in {"number", "marks", "reason", "note"}],
        ("blocked", "since", "by", "missing"),
        CHECK_RESULTS,
    ],
)  # fmt: skip
def test_every_word_is_there(names: list[str]) -> None:
    assert set(names) - set(words()) == set()


def test_words_fit_the_live_floor() -> None:
    states = ("unregistered", "no_operator", "not_ready", "ready", *STATES, *(each.value for each in Reason))
    assert {name for name in states if len(words()[name]) > 12} == set()
    assert {name for name in CHECK_RESULTS if len(words()[name]) > 7} == set()
    assert {name for name in KINDS if len(words()[name]) > 9} == set()
    assert {each.name for each in Priority if len(words()[each.name.lower()]) > 12} == set()


WRONG: Final = {
    "No such command {name}.": "zzz",
    "No such command {name}. Did you mean {names}?": "call",
    "No such option: {name}": "calls list --zzz",
    "No such option: {name} (Possible options: {names})": "calls list --livin",
    "Missing argument {name}.": "calls show",
    "Missing option {name}.": "block unmark 1.1",
    "Option {name} requires an argument.": "calls list --limit",
    "Option {name} does not take a value.": "calls list --json=1",
    "Got unexpected extra argument(s) ({names})": "calls list surplus",
    "Invalid value for {name}: {reason}": "calls list --living --ended",
    "Input should be a valid integer, unable to parse string as an integer": "calls list -n x",
    "Input should be greater than or equal to {number}": "calls list -n -1",
    "Input should be less than or equal to {number}": "calls list -n 99999999999",
    "Value error, {value} is not one of {words}.": "operators not-ready 7001 --reason zzz",
}
"""How each text of Typer's parser comes about."""


@pytest.fixture
def site(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> CliSite:
    return CliSite(tmp_path_factory.mktemp("site") / "state", monkeypatch, capfd)


def test_every_text_of_the_parser_is_known(site: CliSite) -> None:
    known = read(CATALOGUES / f"{OF_TYPER}.toml")
    assert set(known) == set(WRONG)
    site.monkeypatch.setenv("SIAGA_LANG", "id")
    for text, arguments in WRONG.items():
        said = site.run(*arguments.split()).refused(2)
        assert all(part in said for part in VALUES.split(known[text])), (arguments, said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[[polres]]", "[[polre]]"), "kunci tidak dikenal"),
        (('"1002"', '"1001"'), "1001 ada dua kali"),
        (('unit = "01"', 'unit = "02"'), "satuan '02' yang tidak dikenal"),
        (("127.0.0.1:28088", "0.0.0.0:28088"), "menguasai setiap panggilan"),
        (('"01"', '"1"'), "'1' tidak boleh di sini, hanya 2 angka"),
        (("[site]", "[site"), "bukan TOML"),
    ],
)
def test_what_is_wrong_with_a_configuration(site: CliSite, change: tuple[str, str], said: str) -> None:
    site.state.config.write_text(site.state.config.read_text().replace(*change))
    refused = site.run("calls", "list", "--lang", "id").refused() if site.state.journal.exists() else ""
    refused = refused or site.run("phones", "list", "--lang", "id").refused()
    assert said in refused
    assert str(site.state.config) in refused
