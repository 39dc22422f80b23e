"""Tables at a terminal of 80 columns, in both languages; colours there, and none where they are not wanted."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from ari_app.domain.facts import Fact, Json
from tests.unit.cli_site import CONFIG, REPO, CliSite, story

LISTINGS = [
    "phones list", "calls list", "calls show 1738285323.12", "complaints list", "complaints show 110-20250131-0001",
    "block list --all", "block show 081234567890", "operators list", "radio nets", "radio list", "desks list",
    "desks register-status", "queue show",
]  # fmt: skip
LONG = "Ajun Inspektur Polisi Dua Muhammad Rizky Ramadhan Situmorang dari Polrestabes Medan"[:80]
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    net = f'\n[[radio]]\nnet = "300"\nname = "{LONG}"\ngateway = "sip:300@127.0.0.4:5060"\n'
    site.configure(CONFIG.replace("Polrestabes Uji", LONG) + net)
    keyed: dict[str, Json] = {"net": "300", "by": "desk", "desk": "1001", "transmission": "1738285323.12-1"}
    released: dict[str, Json] = {"net": "300", "transmission": "1738285323.12-1", "ms": 61000, "reason": "gateway_lost"}
    added: dict[str, Json] = {"operator": "198701012010011001", "name": LONG, "unit": "polda", "pin_hash": "x"}
    marked: dict[str, Json] = {"number": "+6281234567890"}
    blocked: dict[str, Json] = {"number": "+6281234567890", "reason": "supervisor", "note": LONG}
    call = "1738285323.12"
    site.tell(
        [
            *story(call),
            Fact("asterisk", "call.received", "1738285399.13", {"caller": "+6281234567890", "dialled": "110"}),
            Fact("system", "call.queued", "1738285399.13", {"priority": "verification"}),
            Fact("asterisk", "call.received", "1738285399.14", {"caller": None, "dialled": "110"}),
            Fact("system", "call.queued", "1738285399.14", {"priority": "emergency"}),
            Fact("system", "complaint.opened", call, {"ticket": "110-20250131-0001", "number": "+6281234567890"}),
            Fact("supervisor:padal.malam.jumat", "complaint.edited", call, {"changed": {"category": "orang_hilang"}}),
            Fact("supervisor:padal.malam.jumat", "prank.marked", call, marked),
            Fact("supervisor:padal.malam.jumat", "number.blocked", call, blocked),
            Fact("supervisor:padal.malam.jumat", "operator.added", data=added),
            Fact("desk:1001", "radio.keyed", data=keyed),
            Fact("desk:1001", "radio.released", data=released),
        ]
    )
    return site


RUN = """
import sys
from cli.main import main
for line in sys.argv[1:]:
    sys.argv = ["siaga", *line.split()]
    print("=== " + line, flush=True)
    assert main() == 0
"""


def at_terminal(*lines: str, **environment: str) -> str:
    """What these commands show at a terminal of 80 columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    wide = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    with subprocess.Popen(
        [sys.executable, "-c", RUN, *lines],
        cwd=REPO, stdin=slave, stdout=slave, stderr=slave,
        env={**wide, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment},
    ) as process:  # fmt: skip
        os.close(slave)
        shown = b""
        try:
            while part := os.read(master, 65536):
                shown += part
        except OSError:  # nobody writes any more
            pass
        finally:
            os.close(master)
    assert process.returncode == 0, shown.decode()
    return shown.decode()


@pytest.mark.parametrize("language", ["en", "id"])
def test_tables_fit_80_columns(site: CliSite, language: str) -> None:
    shown = CODES.sub("", at_terminal(*LISTINGS, SIAGA_LANG=language))
    parts = shown.split("=== ")[1:]
    assert [part.splitlines()[0] for part in parts] == LISTINGS
    for part in parts:
        lines = part.splitlines()
        rules = [place for place, line in enumerate(lines) if set(line.strip()) == {"─"}]
        assert rules, part
        tables = lines[rules[0] - 1 :]
        assert [line for line in tables if len(line) > 80] == []


def test_colours(site: CliSite) -> None:
    assert re.search(r"\x1b\[[0-9;]*3[0-7]m", at_terminal("phones list --help"))
    for quiet in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", at_terminal("phones list", "phones list --help", **quiet))
    for command in LISTINGS:
        assert "\x1b" not in site.run(*command.split()).out
