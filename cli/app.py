"""All commands of ``siaga``. A group's module is imported only when one of its commands is run."""

from __future__ import annotations

import importlib
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
    "desks": "Desks: whose phone is registered, who sits there, and which call is there.",
    "journal": "The journal: everything that happened, in order.",
    "conf": "The configuration: check it, render Asterisk's files from it.",
    "doctor": "Look whether everything is healthy.",
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
        # Not Typer's own main(): it would end the process itself, with other exit codes.
        command = prepare(typer.main.get_command(build()))
        with command.make_context("siaga", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as done:
        return done.exit_code
    except UnicodeEncodeError:
        say(tr("an argument is not text in UTF-8"))
        return WRONG_USAGE
    except UnknownLanguage as error:
        say(str(error))
        return WRONG_USAGE
    except typer.TyperException as error:
        say(f"{localised(error.format_message())} {_help_of(error)}")
        return error.exit_code
    except (Refused, StateError, StoreError) as error:
        say(localised(str(error)))
        return REFUSED
    return 0


def _help_of(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return tr("(see '{command} --help')", command=context.command_path) if context is not None else ""
