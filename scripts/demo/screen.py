"""What the person at the terminal sees: scenes, the SOP's steps, and who does what."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rich.console import Console

from scripts.demo.sop import STEPS

JOURNAL: Final = "journal"


class SceneError(Exception):
    """Something did not go as the SOP says; the text is what."""


class Screen:
    """The terminal. ``step`` is the SOP's step that is being played; empty: none yet."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self.step = ""
        self._console = Console()

    def scene(self, title: str) -> None:
        """Announce a scene."""
        self.step = ""
        self._print(f"\n{title}", style="bold")

    def begin(self, step: str) -> None:
        """The SOP's words for the step that begins now, such as ``V.6``."""
        self.step = step
        self._print(f"  {step:<6} {STEPS[step]}", style="cyan")

    def say(self, who: str, what: str) -> None:
        """Show who does what, beside the SOP's step and with the time."""
        time = f"{datetime.now().astimezone():%H:%M:%S.%f}"[:-3]
        self._print(f"  {self.step:<6} {time}  {who:<12} {what}", style="dim" if who == JOURNAL else None)

    def left_out(self, what: str, why: str) -> None:
        """What is not played at this site."""
        self._print(f"\n{what}: left out, {why}", style="bold")

    def done(self) -> None:
        """Everything went as it should."""
        self._print("\nAll as the SOP says.", style="bold")

    def _print(self, text: str, *, style: str | None) -> None:
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
