"""Asterisk's own ``Dial()`` and ``Queue()`` on the instance that is measured.

They have desks of their own, of which the application is told nothing: what it subscribes to of its desks' phones would
have Asterisk work for it in its rivals' calls too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ari_app.site.state import write_private
from scripts.phones import Account

MOST: Final = 250
"""Desks that they have at the most."""

_FIRST: Final = 90001
_DIALPLAN: Final = """
[from-trunk](+)
exten => 901,1,MixMonitor(${{RECORDINGS}}/${{UNIQUEID}}.wav)
 same => n,Set(DESK=$[{first} + ${{RAND(0,{last})}}])
 same => n,Dial(PJSIP/${{DESK}},20)
exten => 902,1,MixMonitor(${{RECORDINGS}}/${{UNIQUEID}}.wav)
 same => n,Queue(bench,,,,20)
"""
_MODULES: Final = "load = app_queue.so\nload = func_rand.so\nload = res_musiconhold.so\n"
_QUEUE: Final = "[bench]\nstrategy = leastrecent\nringinuse = no\nautofill = yes\ntimeout = 15\nretry = 1\n"
_DESK: Final = """
[{extension}](~desk)
auth = {extension}
aors = {extension}

[{extension}](~phone)

[{extension}]
type = auth
auth_type = userpass
username = {extension}
password = {password}
"""


def add_rivals(etc: Path, desks: int) -> list[Account]:
    """Put 901 (``Dial()``) and 902 (``Queue()``) into a configuration that was written, and so many desks for both."""
    accounts = [(f"{_FIRST + number}", f"rahasia-{number}") for number in range(min(desks, MOST))]
    _add(etc / "extensions.conf", _DIALPLAN.format(first=_FIRST, last=len(accounts) - 1))
    _add(etc / "modules.conf", _MODULES)
    _add(etc / "pjsip.conf", "".join(_DESK.format(extension=each, password=secret) for each, secret in accounts))
    write_private(etc / "queues.conf", _QUEUE + "".join(f"member => PJSIP/{each}\n" for each, _ in accounts))
    write_private(etc / "musiconhold.conf", "[general]\n")
    return accounts


def _add(file: Path, text: str) -> None:
    write_private(file, file.read_text(encoding="utf-8") + text)
