"""The instance that is measured: three numbers on one Asterisk, the same desks behind each.

110 goes through the application as every call does; 901 is Asterisk's own ``Dial()``, 902 its ``Queue()``. All three
record the call (SOP VII.g), so the only difference is who decides.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ari_app.site.state import write_private
from scripts.phones import Behaviour, Dialling, LoadResult, Phones
from scripts.stack.prepare import Prepared, prepare
from scripts.stack.sample import HOST, Sample, make_sample
from scripts.stack.stack import Stack

DESKS: Final = 60
WAYS: Final = {"Dial()": "901", "Queue()": "902", "application": "110"}

_DIALPLAN: Final = """
[from-trunk](+)
exten => 901,1,MixMonitor(${RECORDINGS}/${UNIQUEID}.wav)
 same => n,Set(DESK=$[1001 + ${RAND(0,{last})}])
 same => n,Dial(PJSIP/${DESK},20)
exten => 902,1,MixMonitor(${RECORDINGS}/${UNIQUEID}.wav)
 same => n,Queue(bench,,,,20)
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One stretch of calls. CPU in milliseconds a call: the application's and Asterisk's own."""

    way: str
    load: LoadResult
    application_ms: float
    asterisk_ms: float


class Rig:
    """A running instance with its phones."""

    def __init__(self, stack: Stack, phones: Phones) -> None:
        """Use ``rig``."""
        self._stack = stack
        self._phones = phones

    async def measure(self, way: str, *, rate: float, seconds: float) -> Measured:
        """``rate`` calls a second for so many seconds, each answered at once and ended after 50 ms."""
        count = round(rate * seconds)
        before = self._cpu()
        dialling = Dialling(dialled=WAYS[way], number="0812[call_number]", hang_up_ms=50)
        load = await self._phones.load(dialling, count=count, rate=rate, seconds=seconds * 3 + 30)
        after = self._cpu()
        application, asterisk = ((b - a) * 1000 / count for a, b in zip(before, after, strict=True))
        return Measured(way, load, application, asterisk)

    def _cpu(self) -> tuple[float, float]:
        return cpu_seconds(self._stack.application.pid), cpu_seconds(self._stack.asterisk.pid)


def cpu_seconds(pid: int | None) -> float:
    """CPU time that a process has used, in seconds."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def prepared_site(sample: Sample, home: Path) -> Prepared:
    """Everything that is written before the first process starts; ``home`` holds it."""
    config = home / "siaga.toml"
    config.write_text(sample.text, encoding="utf-8")
    return prepare(config, home / "state")


@asynccontextmanager
async def rig(home: Path) -> AsyncIterator[Rig]:
    """Start the instance and its desks; ``home`` holds all that they write."""
    sample = make_sample(desks=DESKS)
    prepared = prepared_site(sample, home)
    _add_rivals(prepared.state.asterisk / "etc", sample)
    stack = Stack(prepared, lambda _: None)
    async with stack.running(), Phones((HOST, sample.sip), home / "phones", trunk=sample.trunk) as phones:
        await phones.desk(sample.accounts, Behaviour.answers())
        yield Rig(stack, phones)


def _add_rivals(etc: Path, sample: Sample) -> None:
    extensions, modules = etc / "extensions.conf", etc / "modules.conf"
    rivals = _DIALPLAN.replace("{last}", str(DESKS - 1))
    write_private(extensions, extensions.read_text(encoding="utf-8") + rivals)
    write_private(
        modules,
        modules.read_text(encoding="utf-8") + "load = app_queue.so\nload = func_rand.so\nload = res_musiconhold.so\n",
    )
    members = "".join(f"member => PJSIP/{extension}\n" for extension, _ in sample.accounts)
    write_private(
        etc / "queues.conf",
        f"[bench]\nstrategy = leastrecent\nringinuse = no\nautofill = yes\ntimeout = 15\nretry = 1\n{members}",
    )
    write_private(etc / "musiconhold.conf", "[general]\n")
