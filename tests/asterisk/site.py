"""One running instance of the whole software, on ports and addresses of its own."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import wave
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar

from ari_app.domain.facts import Record
from ari_app.store import journal
from scripts.phones import Phones
from scripts.stack import family, sounds
from scripts.stack.prepare import program
from scripts.stack.sample import HOST, make_sample

REPO = Path(__file__).parents[2]
alive, children = family.alive, family.descendants


async def eventually(condition: Callable[[], object], *, seconds: float, what: str, every: float = 0.02) -> None:
    """Return as soon as ``condition()`` is true; AssertionError when it is not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(every)


def sounds_made_once(folder: Path) -> Path:
    """``folder``, with every sound; who asks first makes them, and several processes may ask at once."""
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder.parent / "sounds.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = os.umask(0o077)  # the launcher's
        try:
            sounds.provide(folder, program("espeak-ng"))
        finally:
            os.umask(before)
    return folder


class Site:
    """Configuration, state directory and processes of one instance.

    ``launcher`` is None while it does not run. ``sounds`` is where the sounds are made once for all instances; None:
    each makes its own, which is three seconds of a processor for a new state directory.
    """

    sounds: ClassVar[Path | None] = None

    def __init__(
        self,
        home: Path,
        *,
        desks: int = 3,
        polres: int = 0,
        units: int = 1,
        login: int = 0,
        changes: Mapping[str, str] | None = None,
        files: int | None = None,
    ) -> None:
        """Write the configuration; nothing is started. ``files``: so many may each process have open, and no more."""
        self._limits = [] if files is None else ["prlimit", f"--nofile={files}:{files}"]
        self.home = home
        self.state = home / "state"
        self.config = home / "siaga.toml"
        self.sample = make_sample(desks=desks, polres=polres, units=units, login=login)
        self.trunk, self.accounts = self.sample.trunk, self.sample.accounts
        self.sip, self.http, self.mqtt = (HOST, self.sample.sip), self.sample.http, self.sample.mqtt
        self.text = self.sample.text
        for before, after in (changes or {}).items():
            assert before in self.text, before
            self.text = self.text.replace(before, after)
        self.launcher: subprocess.Popen[str] | None = None
        self.output: list[str] = []
        self.config.write_text(self.text, encoding="utf-8")

    # ---- the launcher

    def launch(self, *more: str) -> subprocess.Popen[str]:
        """Start the launcher and return at once; what it says is kept in ``output``."""
        ours = [sys.executable, "-m", "scripts.stack", *self.options(), *more]
        self.launcher = subprocess.Popen(
            [*family.WITH_US, *self._limits, *ours],
            cwd=REPO, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        threading.Thread(target=self._listen, args=(self.launcher,), daemon=True).start()
        return self.launcher

    def _listen(self, launcher: subprocess.Popen[str]) -> None:
        assert launcher.stdout is not None
        with launcher.stdout as lines:
            for line in lines:
                self.output.append(line.rstrip())

    def options(self) -> list[str]:
        """The options that name this instance."""
        return ["--config", str(self.config), "--state", str(self.state)]

    def give_sounds(self) -> None:
        """Lay the sounds into a new state directory, as an earlier start would have left them there."""
        if self.sounds is not None and not (self.state / "secrets.json").exists():
            self.state.mkdir(mode=0o700, exist_ok=True)
            shutil.copytree(sounds_made_once(self.sounds), self.state / "sounds", dirs_exist_ok=True)

    def shorten(self, *names: str) -> None:
        """Have these sentences end after a second, as if a person had recorded them so; before the first start."""
        self.give_sounds()
        recorded = self.state / "sounds" / "recorded"
        recorded.mkdir(exist_ok=True)
        for name in names:
            with (
                wave.open(str(recorded.with_name(f"{name}.wav"))) as whole,
                wave.open(str(recorded / f"{name}.wav"), "wb") as cut,
            ):
                cut.setparams(whole.getparams())
                cut.writeframes(whole.readframes(whole.getframerate()))

    def start(self, *, seconds: float = 60, speaks: bool = False) -> None:
        """Start everything and return at the READY line; AssertionError with the output when none comes.

        ``speaks``: a new state directory has no sounds yet, and the launcher makes them.
        """
        if not speaks:
            self.give_sounds()
        self.output.clear()
        launcher = self.launch()
        deadline = time.monotonic() + seconds
        while not any(line.startswith("READY") for line in self.output):
            assert launcher.poll() is None, f"the launcher ended with {launcher.returncode}: {self.output}"
            assert time.monotonic() < deadline, f"not READY within {seconds} s: {self.output}"
            time.sleep(0.02)

    def stop(self) -> None:
        """SIGTERM: everything ends, and the exit code is 0."""
        launcher, self.launcher = self.launcher, None
        assert launcher is not None
        family = [launcher.pid, *children(launcher.pid)]
        launcher.send_signal(signal.SIGTERM)
        try:
            code = launcher.wait(30)
        finally:
            launcher.kill()
        assert code == 0, f"exit {code}: {self.output[-10:]}"
        assert not [pid for pid in family if alive(pid)]

    def clean_up(self) -> None:
        """End it if a test left it running, without any claim, and remove what it wrote."""
        if self.launcher is not None:
            self.launcher.kill()
            self.launcher.wait()
            self.launcher = None
        shutil.rmtree(self.state, ignore_errors=True)

    def application(self) -> int | None:
        """The process id of the application; None while it does not run."""
        return self.process("ari_app")

    def process(self, word: str) -> int | None:
        """The child whose command line has ``word`` as one of its words' last part."""
        if self.launcher is None:
            return None
        return family.find(self.launcher.pid, word)

    # ---- what can be asked

    def siaga(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the ``siaga`` command against this instance's state."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=REPO, env={**os.environ, "SIAGA_STATE": str(self.state)},
            text=True, capture_output=True, timeout=30, check=False,
        )  # fmt: skip

    def siaga_json(self, *arguments: str) -> Any:
        """What ``siaga ... --json`` prints; AssertionError when it exits with anything but 0."""
        done = self.siaga(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def ari(self, path: str) -> Any:
        """GET a resource of Asterisk's REST interface as the application."""
        return json.loads(self.ari_raw(path, self.ari_password())[1])

    def ari_password(self) -> str:
        """The application's password."""
        password: str = json.loads((self.state / "secrets.json").read_text())["ari"]["siaga110"]
        return password

    def authorize(self, request: urllib.request.Request, password: str | None = None) -> None:
        """Let a request to Asterisk's REST interface be the application's."""
        token = base64.b64encode(f"siaga110:{self.ari_password() if password is None else password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")

    def ari_raw(self, path: str, password: str | None) -> tuple[int, str]:
        """GET with this password or none: the status and the body."""
        request = urllib.request.Request(f"http://{HOST}:{self.http}/ari/{path}")
        if password is not None:
            self.authorize(request, password)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, ""

    def connected(self) -> bool:
        """Whether the application that runs now serves: it said so itself, and Asterisk knows it."""
        log = (self.state / "log" / "application.log").read_text(encoding="utf-8", errors="replace")
        ready = [json.loads(line)["pid"] for line in log.splitlines() if '"app.ready"' in line]
        if not ready or ready[-1] != self.application():
            return False
        with contextlib.suppress(OSError):
            status, body = self.ari_raw("applications", self.ari_password())
            return status == HTTPStatus.OK and any(each["name"] == "siaga110" for each in json.loads(body))
        return False

    async def replaced(self, pid: int, *, seconds: float) -> None:
        """Return when another application than ``pid`` serves."""
        await eventually(
            lambda: self.application() not in {None, pid} and self.connected(),
            seconds=seconds,
            what=f"another application than {pid} serves",
        )

    async def quiet(self, *, seconds: float = 10) -> None:
        """Return when no channel and no bridge is left."""
        await eventually(lambda: not self.ari("channels"), seconds=seconds, what="no channel left")
        await eventually(lambda: not self.ari("bridges"), seconds=seconds, what="no bridge left")

    def assert_agreed(self) -> None:
        """Journal and Asterisk's own records tell the same of every call that there was."""
        if (self.state / "witness" / "asterisk.tsv").exists():
            done = self.siaga("journal", "reconcile", "--settled", "0")
            assert done.returncode == 0, done.stdout + done.stderr

    # ---- the journal

    def head(self) -> int:
        """The number of the journal's last record; 0 when it is empty."""
        return max((record.seq for record in self.records()), default=0)

    def records(self, *, after: int = 0, call: str | None = None) -> list[Record]:
        """The journal's records."""
        path = self.state / "journal.sqlite3"
        return list(journal.read(path, after=after, call=call)) if path.exists() else []

    async def new_call(self, after: int, *, number: int = 1, seconds: float = 5) -> str:
        """The id of the ``number``-th call received after record ``after``."""
        found: list[str] = []

        def is_there() -> bool:
            found[:] = [
                record.call for record in self.records(after=after) if record.action == "call.received" and record.call
            ]
            return len(found) >= number

        await eventually(is_there, seconds=seconds, what=f"call {number} in the journal")
        return found[number - 1]

    async def story(self, call: str, *, seconds: float = 10) -> list[Record]:
        """All records of a call, when its last one is there."""
        await self.told(call, "call.ended", seconds=seconds)
        return self.records(call=call)

    async def told(self, call: str, action: str, *, seconds: float = 10) -> Record:
        """The first record of this action of a call."""

        def found() -> list[Record]:
            return [record for record in self.records(call=call) if record.action == action]

        await eventually(found, seconds=seconds, what=f"{action} of {call}; so far {actions(self.records(call=call))}")
        return found()[0]

    def phones(self, home: Path) -> Phones:
        """Simulated phones for this instance."""
        return Phones(self.sip, home, trunk=self.trunk)


def context_of(site: Site, call: str) -> str | None:
    """Where in the dialplan a call is; None: it is over."""
    found: dict[str, str] = {each["id"]: each["dialplan"]["context"] for each in site.ari("channels")}
    return found.get(call)


def in_fallback(site: Site, call: str) -> bool:
    """Whether a caller is where the dialplan rings every desk."""
    return context_of(site, call) == "fallback"


def running(site: Site, *, agrees: bool = True) -> Iterator[Site]:
    """A fixture's body: the instance runs meanwhile, and ends as it should.

    The second witness agrees on its calls, unless they are ones of which the journal cannot know all (not ``agrees``).
    """
    try:
        site.start()
        yield site
        site.stop()
        if agrees:
            site.assert_agreed()
    finally:
        site.clean_up()


async def phones_of(site: Site, home: Path) -> AsyncIterator[Phones]:
    """A fixture's body: phones; afterwards no desk is registered, no channel and no bridge left."""
    async with site.phones(home) as phones:
        yield phones
        await phones.leave()
        await site.quiet()


@contextlib.asynccontextmanager
async def alone(site: Site, *more: str) -> AsyncIterator[None]:
    """Asterisk without an application, as if frozen, for as long as this lasts; ``more`` are stopped as well.

    The launcher is stopped, too: it would let the next application take over, sooner than Asterisk goes on alone.
    """
    launcher, application = site.launcher, site.application()
    assert launcher is not None
    assert application is not None
    frozen = [launcher.pid, application, *filter(None, map(site.process, more))]
    try:
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)
        # A launcher that waits for its children still sees one that is killed in the next moment.
        await eventually(lambda: all(map(family.is_stopped, frozen)), seconds=5, what="all stand still")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(application, signal.SIGKILL)
        for pid in frozen:
            if pid != application:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        await site.replaced(application, seconds=10)


def actions(records: Iterable[Record]) -> list[str]:
    """The actions of some records, in order."""
    return [record.action for record in records]


def assert_complete(story: Sequence[Record]) -> None:
    """Exactly one beginning, first, and one end, last."""
    told = actions(story)
    assert told[0] == "call.received", told
    assert told[-1] == "call.ended", told
    assert told.count("call.received") == 1, told
    assert told.count("call.ended") == 1, told
