"""What the scenes are played on: the phones, the journal, and the terminal."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import anyio
from rich.console import Console

from ari_app.domain.facts import Record
from ari_app.store.journal import read
from scripts.phones import Phones
from scripts.stack import StackError
from scripts.stack.prepare import Prepared
from scripts.stack.stack import Stack

PATIENCE_SECONDS: Final = 10.0


class SceneError(Exception):
    """Something did not go as the SOP says; the text is what."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A running instance with phones, for one demonstration."""

    stack: Stack
    phones: Phones
    console: Console

    @property
    def prepared(self) -> Prepared:
        """The instance's configuration and state."""
        return self.stack.prepared

    @property
    def desks(self) -> list[tuple[str, str]]:
        """Extension and password of the Polda's desks."""
        secrets = self.prepared.secrets.desks
        return [(desk.extension, secrets[desk.extension]) for desk in self.prepared.settings.polda_desks]

    def scene(self, title: str) -> None:
        """Announce a scene."""
        self.console.print(f"\n[bold]{title}[/bold]")

    def say(self, who: str, what: str) -> None:
        """Show one step, with the time."""
        self.console.print(
            f"  {datetime.now().astimezone():%H:%M:%S.%f}"[:-3] + f"  {who:<12} {what}", highlight=False, soft_wrap=True
        )

    def head(self) -> int:
        """The number of the journal's last line."""
        return max((record.seq for record in read(self.prepared.state.journal)), default=0)

    async def story(self, after: int) -> list[Record]:
        """The story of the first call behind line ``after``, when it is complete, told line by line.

        Raises:
            SceneError: it is not complete in time.
        """
        with anyio.move_on_after(PATIENCE_SECONDS):
            while True:
                records = [record for record in read(self.prepared.state.journal, after=after) if record.call]
                story = [record for record in records if record.call == records[0].call]
                if story and story[-1].action == "call.ended":
                    for record in story:
                        self.say("journal", f"{record.seq}. {record.action} {_shown(record)}")
                    return story
                await anyio.sleep(0.05)
        msg = f"the journal does not have the call's whole story after {PATIENCE_SECONDS:.0f} s"
        raise SceneError(msg)


def _shown(record: Record) -> str:
    wanted = ("desk", "reason", "waited_ms", "outcome", "by")
    return " ".join(f"{key}={record.data[key]}" for key in wanted if key in record.data)


@asynccontextmanager
async def stage(stack: Stack) -> AsyncIterator[Stage]:
    """Phones for the instance; on leaving they are gone.

    Raises:
        StackError: the site's trunk is not on this machine, so nobody can play the public.
    """
    prepared = stack.prepared
    trunk = prepared.settings.trunk[0].match[0]
    if not trunk.startswith("127.") or "/" in trunk:
        raise StackError(f"{prepared.config}: trunk.match: the demo calls from a loopback address, not from {trunk}")
    sip = prepared.settings.asterisk.sip
    home = prepared.state.run / "demo"
    shutil.rmtree(home, ignore_errors=True)
    try:
        async with Phones((sip.host, sip.port), home, trunk=trunk, desk_host=sip.host) as phones:
            yield Stage(stack, phones, Console())
            await phones.leave()
    finally:
        shutil.rmtree(home, ignore_errors=True)
