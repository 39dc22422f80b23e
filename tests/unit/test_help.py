"""Every command's help: in both languages, with examples that its own parser takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cli import app as root
from cli.help import EXAMPLES, paragraphs, prepare
from cli.language import catalogue, choose
from tests.unit import texts
from tests.unit.cli_site import CliSite

SIAGA = re.compile(r"\bsiaga [^|)>]*")


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    choose([])


def leaves() -> list[tuple[list[str], Any]]:
    return [(words, command) for words, command in texts.commands() if words and not hasattr(command, "commands")]


def parsed(words: list[str]) -> list[str]:
    """The command that its own parsers find in a command line; it is not carried out."""
    context = prepare(typer.main.get_command(root.build())).make_context("siaga", words[1:])
    found: list[str] = []
    while context._protected_args:
        name, command, rest = context.command.resolve_command(context, [*context._protected_args, *context.args])
        found.append(name)
        context = command.make_context(name, rest, parent=context)
    return found


def test_every_command_has_examples_that_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIAGA_STATE", str(tmp_path))
    for words, command in leaves():
        heading, *lines = (command.epilog or "").splitlines()
        assert heading == EXAMPLES, words
        for line in lines:
            examples = SIAGA.findall(line)
            assert examples, line
            assert len(line) <= 78, line
            for example in examples:
                assert parsed(shlex.split(example)) == words, example


def test_the_help_is_whole_in_both_languages(site: CliSite) -> None:
    for words, command in leaves():
        english, indonesian = (site.run(*words, "--help", "--lang", each) for each in ("en", "id"))
        assert (english.code, indonesian.code, english.err, indonesian.err) == (0, 0, "", "")
        for line in command.epilog.splitlines()[1:]:
            assert line.strip() in english.out, words
            assert line.strip() in indonesian.out, words
        assert "Contoh:" in indonesian.out
        first = catalogue()[paragraphs(command.help)[0]]
        assert " ".join(indonesian.out.split()).count(first.split(".")[0]) >= 1
        assert "Usage" not in indonesian.out
        assert "[OPTIONS]" not in indonesian.out


FORMATS: set[str] = {"block export", "journal export", "backup", "conf check", "conf render", "completion"}
"""What writes files or a format of its own, or is answered by its exit code alone."""


def test_every_listing_and_order_takes_json() -> None:
    without = {
        " ".join(words) for words, command in leaves() if "as_json" not in {each.name for each in command.params}
    }
    assert without == FORMATS


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    return CliSite(tmp_path / "state", monkeypatch, capfd)
