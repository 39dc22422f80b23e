"""Running SIPp: one process, its scenario files, and the events it tells through a pipe."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import signal
import socket
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from scripts.phones.events import EventLog, PhoneError, PhoneTimeoutError, parse
from scripts.stack.family import WITH_US

SCENARIOS = Path(__file__).parent / "scenarios"
REPO = Path(__file__).parents[2]
FOREVER_MS = 86_400_000
"""A day in ms: no test, demo or benchmark lasts that long."""

_PATIENT = ("-watchdog_minor_maxtriggers", "1000000", "-watchdog_major_maxtriggers", "1000000")
"""By default SIPp ends when it got no processor for 3 s eleven times, or for 0.5 s 121 times: all its desks with it."""

_PRESS_SECONDS, _MOST_PRESSES = 0.1, 50

# Every refusal a caller may meet; SIPp has no way to say "any 4xx".
_REFUSALS = (400, 401, 403, 404, 405, 408, 410, 480, 481, 484, 486, 487, 488, 500, 501, 503, 504, 600, 603)
_REFUSAL = """<recv response="{code}" optional="true" next="40">
    <action><ereg regexp="SIP/2.0 ([0-9]+)" search_in="msg" assign_to="junk,code"/></action>
  </recv>"""


def program() -> Path:
    """SIPp's executable: ``$SIAGA_SIPP``, else the one that ``scripts/setup`` put under ``.deps``."""
    path = Path(os.environ.get("SIAGA_SIPP") or REPO / ".deps" / "bin" / "sipp")
    if not path.exists():
        msg = f"SIPp is not installed ({path} is missing): run scripts/setup"
        raise PhoneError(msg)
    return path


def write_scenario(name: str, target: Path, values: Mapping[str, str | int]) -> Path:
    """Fill the ``@name@`` places of a scenario file and write it to ``target``."""
    known = {"refusals": "\n  ".join(_REFUSAL.format(code=code) for code in _REFUSALS), **values}

    def fill(found: re.Match[str]) -> str:
        return str(known[found.group(1)])

    text = (SCENARIOS / f"{name}.xml").read_text(encoding="utf-8")
    # A line that only holds an empty place goes away: an empty line would end the SIP headers.
    text = "".join(
        re.sub(r"@([a-z_]+)@", fill, line)
        for line in text.splitlines(keepends=True)
        if not (place := re.fullmatch(r"\s*@([a-z_]+)@\s*", line)) or str(known[place.group(1)])
    )
    target.write_text(text, encoding="utf-8")
    return target


async def press(host: str, port: int, call: str, events: EventLog, until: Collection[str]) -> None:
    """The person's hand on the phone: tell the scenario of one call to go on, with a MESSAGE to SIPp's own port.

    A scenario that is just sending something overlooks it, so the hand presses until something comes of it:
    an event of the kinds ``until``. PhoneTimeoutError when nothing does.
    """

    def reacted() -> bool:
        return any(event.call == call and event.kind in until for event in events.history)

    for _ in range(_MOST_PRESSES):
        _press_once(host, port, call)
        with contextlib.suppress(PhoneTimeoutError):
            await events.until(reacted, seconds=_PRESS_SECONDS, what="reaction to the hand")
            return
    msg = f"{events.name} does not react to the hand"
    raise PhoneTimeoutError(msg)


def _press_once(host: str, port: int, call: str) -> None:
    tag = random.getrandbits(32)
    message = (
        f"MESSAGE sip:hand@{host}:{port} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {host}:9;branch=z9hG4bK{tag:08x}\r\n"
        f"From: <sip:hand@{host}>;tag={tag:08x}\r\nTo: <sip:phone@{host}>\r\n"
        f"Call-ID: {call}\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hand:
        hand.sendto(message.encode(), (host, port))


class Sipp:
    """One SIPp process; it dies with this one, and its directory holds all it writes."""

    def __init__(self, name: str, home: Path) -> None:
        """``home`` is a directory of its own for this process."""
        self.home = home
        self.events = EventLog(name)
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process's id; PhoneError before the start."""
        if self._process is None:
            msg = f"{self.events.name} is not started"
            raise PhoneError(msg)
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def start(self, arguments: Sequence[str]) -> None:
        """Start SIPp with these arguments; its ``<log>`` lines arrive as events."""
        read_end, write_end = os.pipe()
        try:
            with (self.home / "stderr.txt").open("wb") as errors:
                self._process = await asyncio.create_subprocess_exec(
                    *WITH_US, str(program()), *arguments,
                    "-nostdin", "-trace_logs", "-log_file", f"/dev/fd/{write_end}",
                    *_PATIENT, "-trace_err", "-error_file", str(self.home / "errors.txt"),
                    cwd=self.home,
                    stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=errors,
                    pass_fds=(write_end,),
                    env={**os.environ, "TERM": "dumb"},
                )  # fmt: skip
        finally:
            os.close(write_end)
        reader = asyncio.StreamReader(limit=1 << 20)
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb")
        )
        self._reader = asyncio.create_task(self._read(reader, self._process))

    async def _read(self, reader: asyncio.StreamReader, process: asyncio.subprocess.Process) -> None:
        while line := await reader.readline():
            if (event := parse(line.decode("utf-8", "replace"))) is not None:
                self.events.add(event)
        code = await process.wait()
        self.events.end(f"SIPp exit {code} {self._complaint()}".strip())

    def _complaint(self) -> str:
        with contextlib.suppress(OSError, IndexError):
            return (self.home / "stderr.txt").read_text(errors="replace").strip().splitlines()[-1]
        return ""

    async def finished(self, *, seconds: float) -> int:
        """Wait for SIPp to end by itself; its exit code (0: every call went as the scenario says).

        Raises PhoneTimeoutError when it still runs after ``seconds``.
        """
        if self._process is None or self._reader is None:
            msg = f"{self.events.name} is not started"
            raise PhoneError(msg)
        try:
            await asyncio.wait_for(asyncio.shield(self._reader), seconds)
        except TimeoutError:
            msg = f"{self.events.name} still runs after {seconds} s"
            raise PhoneTimeoutError(msg) from None
        return await self._process.wait()

    async def kill(self) -> None:
        """End the process at once: it says goodbye to nobody. Nothing happens when it has ended."""
        if self._process is None:
            return
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        if self._reader is not None:
            await self._reader
