"""The help of every command: in the chosen language, with examples at its end."""

from __future__ import annotations

import inspect
from copy import copy
from functools import cache
from typing import Annotated, Any, Final

import typer
import typer.main

from cli.language import LANGUAGES, OPTION, VARIABLE, is_indonesian, tr
from cli.parameters import take_as_typed

EXAMPLES: Final = "Examples:"
HELP: Final = ("-h", "--help")


def examples(*lines: str) -> str:
    """The end of a command's help: command lines as somebody would type them."""
    return "\n".join((EXAMPLES, *(f"  {line}" for line in lines)))


def prepare(command: Any) -> Any:  # noqa: ANN401 - Typer's click has no public types
    """Give a command, and those below it, ``--lang``, their help in the chosen language, and light parameters.

    Returns the command.
    """
    command.add_help_option = False
    command.params.extend(copy(each) for each in _common())  # each is translated by itself
    for text in ("help", "short_help", "epilog", "options_metavar", "subcommand_metavar"):
        if hasattr(command, text):
            setattr(command, text, _translated(getattr(command, text)))
    for parameter in command.params:
        take_as_typed(parameter)
        if getattr(parameter, "help", None):
            parameter.help = _translated(parameter.help)
    for each in getattr(command, "commands", {}).values():
        prepare(each)
    return command


def show_help(context: Any) -> None:  # noqa: ANN401 - as above
    """Print the help of a context's command."""
    typer.echo(_help(context))


def paragraphs(text: str) -> list[str]:
    """A help text's paragraphs, each in one line: they are translated one by one."""
    return [" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n")]


def _translated(text: str | None) -> str | None:
    if not text:
        return text
    if text.startswith(EXAMPLES):
        return text.replace(EXAMPLES, tr(EXAMPLES), 1) if is_indonesian() else text
    return "\n\n".join(tr(each) for each in paragraphs(text))


def _on_help(context: typer.Context, parameter: typer.CallbackParam, value: bool) -> None:
    del parameter
    if value and not context.resilient_parsing:
        show_help(context)
        raise typer.Exit


def _declared(
    lang: Annotated[
        str,
        typer.Option(
            OPTION,
            metavar="LANG",
            envvar=VARIABLE,
            expose_value=False,
            autocompletion=lambda: list(LANGUAGES),
            help="Language: id (Indonesian) or en (English). May stand anywhere.",
        ),
    ] = "en",
    help_: Annotated[
        bool,
        typer.Option(*HELP, is_eager=True, expose_value=False, callback=_on_help, help="Show this help and exit."),
    ] = False,
) -> None:
    """Options that every command has."""


@cache
def _common() -> list[Any]:
    app = typer.Typer(add_completion=False)
    app.command(add_help_option=False)(_declared)
    parameters: list[Any] = typer.main.get_command(app).params
    return parameters


def _help(context: Any) -> str:  # noqa: ANN401 - as above
    from typer import rich_utils  # noqa: PLC0415 - a command that is carried out needs none of rich

    class Formatter(context.formatter_class):  # type: ignore[misc]
        def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
            super().write_usage(prog, args, prefix or tr("Usage: "))

    context.formatter_class = Formatter
    rich_utils.ARGUMENTS_PANEL_TITLE = tr("Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = tr("Options")
    rich_utils.COMMANDS_PANEL_TITLE = tr("Commands")
    rich_utils.DEFAULT_STRING = tr("[default: {}]")
    rich_utils.ENVVAR_STRING = tr("[env var: {}]")
    rich_utils.REQUIRED_LONG_STRING = tr("[required]")
    return str(context.get_help())
