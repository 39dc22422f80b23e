"""Tab at a real shell completes siaga's commands, options and values."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.cli_site import CONFIG, REPO, CliSite, story

NET = '\n[[radio]]\nnet = "300"\nname = "Komando"\ngateway = "sip:300@127.0.0.4:5060"\n'


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    site.configure(CONFIG + NET)
    site.tell([*story("1738285323.12"), *story("1738285323.13", ended=False)])
    site.run("calls", "list")
    return site


def offered(site: CliSite, *words: str) -> list[str]:
    """What can stand in place of the last word, asked as bash asks."""
    site.monkeypatch.setenv("_SIAGA_COMPLETE", "complete_bash")
    site.monkeypatch.setenv("COMP_WORDS", "\n".join(["siaga", *words]))
    site.monkeypatch.setenv("COMP_CWORD", str(len(words)))
    done = site.run()
    site.monkeypatch.delenv("_SIAGA_COMPLETE")
    assert (done.code, done.err) == (0, "")
    return done.out.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ca"], ["calls"]),
        (["calls", ""], ["list", "show"]),
        (["calls", "list", "--l"], ["--limit", "--living", "--lang"]),
        (["calls", "list", "--desk", ""], ["1001", "1002", "2001"]),
        (["complaints", "list", "--polres", ""], ["01"]),
        (["radio", "list", "--net", ""], ["300"]),
        (["calls", "show", ""], ["1738285323.13", "1738285323.12"]),
        (["complaints", "show", ""], []),
        (["operators", "not-ready", "--reason", "m"], ["meal"]),
        (["--lang", ""], ["id", "en"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["calls", "list", "--bogus", "--d"], ["--desk"]),
    ],
)
def test_what_is_offered(site: CliSite, words: list[str], expected: list[str]) -> None:
    found = offered(site, *words)
    assert [each for each in found if each in expected] == expected
    assert all(each.startswith(words[-1]) for each in found)


def test_a_configuration_with_a_mark_at_its_beginning(site: CliSite) -> None:
    site.state.config.write_text(site.state.config.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert offered(site, "radio", "list", "--net", "") == ["300"]


def test_nothing_can_be_read(site: CliSite) -> None:
    site.state.config.write_text("[desk")
    assert offered(site, "calls", "list", "--desk", "") == []
    assert offered(site, "calls", "show", "") == []
    site.state.config.unlink()
    assert offered(site, "radio", "list", "--net", "") == []
    site.monkeypatch.setenv("SIAGA_LANG", "jv")
    assert offered(site, "ca") == ["calls"]


# ---- at a shell


class Shell:
    """A shell at a terminal of its own."""

    def __init__(self, command: list[str], home: Path) -> None:
        """Start it in the repository; ``home`` has no settings of anybody's."""
        self._master, slave = pty.openpty()
        environment = {**os.environ, "HOME": str(home), "TERM": "dumb", "PS1": "$ ", "LC_ALL": "C.UTF-8"}
        of_its_own = ["setsid", "--ctty", *command]
        self._process = subprocess.Popen(of_its_own, cwd=REPO, stdin=slave, stdout=slave, stderr=slave, env=environment)
        os.close(slave)
        self._shown = ""

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def shows(self, pattern: str) -> None:
        """Wait until something is on the screen that was not there before."""
        deadline = time.monotonic() + 30
        while not (found := re.search(pattern, self._shown)):
            ready, _, _ = select.select([self._master], [], [], max(0, deadline - time.monotonic()))
            assert ready, (pattern, self._shown)
            self._shown += os.read(self._master, 4096).decode(errors="replace")
        self._shown = self._shown[found.end() :]

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        os.close(self._master)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Callable[[list[str]], Shell]]:
    opened: list[Shell] = []

    def start(command: list[str]) -> Shell:
        opened.append(Shell(command, tmp_path))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.mark.parametrize(
    ("command", "set_up"),
    [
        (["bash", "--norc", "--noprofile", "-i"], 'eval "$(scripts/siaga completion bash)"'),
        (["zsh", "-f", "-i"], 'autoload -U compinit; compinit -D; eval "$(scripts/siaga completion zsh)"'),
        (["fish", "--no-config", "-i"], "scripts/siaga completion fish | source"),
    ],
    ids=["bash", "zsh", "fish"],
)
def test_at_a_shell(site: CliSite, shell: Callable[[list[str]], Shell], command: list[str], set_up: str) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]}")
    terminal = shell(command)
    terminal.type(f"{set_up}; echo s'e't up\r")
    terminal.shows("set up")
    terminal.type("scripts/siaga operat\t")
    terminal.shows("operators")
    terminal.type(" not-ready --desk 200\t")
    terminal.shows("2001")
