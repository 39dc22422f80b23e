"""All commands of ``siaga``. A group's module is imported only when one of its commands is run."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import Any, Final

import typer
import typer.main
from typer.core import TyperGroup

from ari_app.site.state import StateError
from ari_app.store.errors import StoreError
from cli.errors import Refused
from cli.help import prepare
from cli.language import UnknownLanguage, choose, localised, tr
from cli.main import REFUSED, say
from cli.options import new_group

WRONG_USAGE: Final = 2

ASKED: Final = "_SIAGA_COMPLETE"
"""The environment variable by which a shell asks what can stand at its cursor."""

GROUPS: Final = {
    "watch": "The live floor: who waits, what each desk and each call does, today's figures, alarms.",
    "phones": "Phones: what to enter in a desk's SIP phone.",
    "calls": "Calls to 110: those that live and those that have ended.",
    "complaints": "Complaints: what callers report, for whom it is, and whether it is closed.",
    "block": "Prank calls: numbers that are marked or blocked, and what was done with them.",
    "operators": "Operators: who takes the calls, logged in where, and ready or not.",
    "radio": "Radio nets: how they stand, what was said on them, and its recordings.",
    "recordings": "Recordings of calls: which there are, who listened, whether they are unchanged.",
    "instructions": "Instructions: what the Perwira Piket has ordered on a call or a complaint.",
    "report": "Reports: what a day, a shift or a month came to, on screen, as CSV or on paper.",
    "queue": "The queue: whom nobody has answered yet, in their order, and which desks are ready.",
    "monitor": "Listen to a living call at a desk's phone, whisper to its operator, or join it.",
    "desks": "Desks: whose phone is registered, who sits there, and which call is there.",
    "journal": "The journal: everything that happened, in order.",
    "backup": "A copy of journal, configuration, passwords and PINs, while everything runs.",
    "conf": "The configuration: check it, render Asterisk's files from it.",
    "doctor": "Look whether everything is healthy.",
    "completion": "Have the shell complete commands, options and values by Tab.",
}


class Deferred(TyperGroup):
    """Stands for the commands of ``cli.NAME`` until they are needed."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401 - Typer's click has no public types
        """Import the module and let its own command take over."""
        module = importlib.import_module(f"cli.{self.name}")
        command = prepare(typer.main.get_command(module.app))
        return command.make_context(info_name, args, parent, **extra)


def build() -> typer.Typer:
    """The root of all commands."""
    app = new_group("Siaga 110: see and check the emergency call centre of this state directory.")
    for name, text in GROUPS.items():
        app.add_typer(typer.Typer(), name=name, help=text, cls=Deferred)
    return app


def run(arguments: Sequence[str]) -> int:
    """Carry out one command; returns the exit code.

    Raises:
        KeyboardInterrupt: Ctrl-C.
        OSError: something cannot be read or written; BrokenPipeError when nobody reads the output.
    """
    try:
        choose(arguments)
        for argument in arguments:
            argument.encode()
        return _carry_out(arguments)
    except UnicodeEncodeError:
        say(tr("an argument is not text in UTF-8"))
        return WRONG_USAGE
    except UnknownLanguage as error:
        if asked := os.environ.get(ASKED):  # a shell can show no errors
            return _answer(asked)
        say(str(error))
        return WRONG_USAGE
    except typer.TyperException as error:
        say(f"{localised(error.format_message())} {_help_of(error)}")
        return error.exit_code
    except (Refused, StateError, StoreError) as error:
        say(localised(str(error)))
        return REFUSED


def _carry_out(arguments: Sequence[str]) -> int:
    # Not Typer's own main(): it would end the process itself, with other exit codes.
    if asked := os.environ.get(ASKED):
        return _answer(asked)
    command = prepare(typer.main.get_command(build()))
    try:
        with command.make_context("siaga", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    return 0


def _answer(asked: str) -> int:
    from cli.completion import answer  # noqa: PLC0415 - for a shell only

    return answer(prepare(typer.main.get_command(build())), asked)


def _help_of(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return tr("(see '{command} --help')", command=context.command_path) if context is not None else ""
