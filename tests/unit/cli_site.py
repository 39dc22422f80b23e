"""A state directory with a configuration and a journal, and the `siaga` command run on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import msgspec
import pytest

from ari_app.domain.facts import Fact
from ari_app.site.secrets import load_or_create
from ari_app.site.settings import load_settings
from ari_app.site.state import StateDir
from ari_app.store.journal import Journal
from cli.main import main
from scripts.stack.family import WITH_US

REPO = Path(__file__).parents[2]

NOWHERE = "127.83.11.83:1883"
"""Where nobody is, whatever else runs on this machine."""

CONFIG = f"""\
[site]
name = "Polda Uji"
[asterisk]
sip = "127.0.0.1:25060"
http = "127.0.0.1:28088"
[mqtt]
listen = "{NOWHERE}"
[[trunk]]
name = "pstn"
match = ["127.0.0.2"]
contact = "sip:127.0.0.2:5060"
[[polres]]
code = "01"
name = "Polrestabes Uji"
[[desk]]
extension = "1001"
secret = "rahasia-1001"
[[desk]]
extension = "1002"
[[desk]]
extension = "2001"
unit = "01"
"""


@dataclass(frozen=True)
class Done:
    """What a command left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The output as JSON; the command must have succeeded."""
        assert self.code == 0, self.err
        return msgspec.json.decode(self.out)

    def refused(self, code: int = 1) -> str:
        """The only line on standard error of a command that was not carried out."""
        assert self.code == code, (self.out, self.err)
        assert self.err.startswith("siaga: ")
        assert self.err.count("\n") == 1
        return self.err


class CliSite:
    """A state directory and the command; ``run`` is in this process, ``start`` in one of its own."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        """Make the directory, with a configuration and secrets, without a journal."""
        self.state = StateDir(root)
        self.monkeypatch = monkeypatch
        self.capfd = capfd
        monkeypatch.setenv("SIAGA_STATE", str(root))
        self.state.create()
        self.configure(CONFIG)

    def configure(self, text: str) -> None:
        """Put a configuration in force."""
        self.state.config.write_text(text, encoding="utf-8")
        load_or_create(self.state, load_settings(self.state.config))

    def tell(self, facts: Iterable[Fact]) -> None:
        """Write facts into the journal."""
        journal = Journal.open(self.state.journal, timezone="Asia/Jakarta")
        for fact in facts:
            journal.append(fact)
        assert journal.close()

    def run(self, *arguments: str) -> Done:
        """Run the command in this process."""
        self.monkeypatch.setattr(sys, "argv", ["siaga", *arguments])
        self.capfd.readouterr()
        code = main()
        out, err = self.capfd.readouterr()
        return Done(code, out, err)

    def start(
        self, *arguments: str, stdin: int | IO[bytes] = subprocess.DEVNULL, stdout: int | IO[bytes] = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        """Start the command in a process of its own. It ends with the tests at the latest, should one of them fail."""
        command = [*WITH_US, sys.executable, "-m", "cli", *arguments]
        return subprocess.Popen(command, cwd=REPO, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)


def story(call: str, *, desk: str = "1001", caller: str | None = "+6281234567890", ended: bool = True) -> list[Fact]:
    """The facts of a call that this desk answers."""
    at = datetime(2025, 1, 31, 1, 2, 3, 456000, tzinfo=UTC)
    facts = [
        Fact("asterisk", "call.received", call, {"caller": caller, "dialled": "110"}, at),
        Fact("system", "call.offered", call, {"desk": desk}, at),
        Fact(f"desk:{desk}", "call.answered", call, {"desk": desk, "waited_ms": 1200}, at),
    ]
    end = Fact("caller", "call.ended", call, {"by": "caller", "outcome": "answered", "cause": 16}, at)
    return [*facts, end] if ended else facts
