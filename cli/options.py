"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from cli.help import show_help
from cli.language import tr

HERE: Final = Path("var")
"""The state directory when none is named."""

_STATE: Final = "siaga.state"


STANDARD: Final = Path("-")
"""Stands for standard input or output in place of a file's name."""


def path(text: str | Path) -> Path:
    """A path as it was typed, or a default.

    Raises:
        typer.BadParameter: it is empty, or cannot be written in UTF-8.
    """
    if text == "":
        raise typer.BadParameter(tr("it is empty"))
    try:
        str(text).encode()
    except UnicodeEncodeError:
        raise typer.BadParameter(tr("it is not text in UTF-8")) from None
    return Path(text)


def _innermost(context: typer.Context, parameter: typer.CallbackParam, value: Path) -> Path:
    """The option may stand before or behind each word of the command: the last one counts."""
    source = context.get_parameter_source(str(parameter.name))
    if source is not None and source.name == "COMMANDLINE":
        context.meta[_STATE] = value
    chosen: Path = context.meta.get(_STATE, value)
    return chosen


State = Annotated[
    Path,
    typer.Option(
        "--state",
        metavar="DIR",
        envvar="SIAGA_STATE",
        parser=path,
        callback=_innermost,
        help="State directory: where the installation keeps its data. May stand before or behind the command.",
    ),
]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs, instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

_MOST_LISTED: Final = 10_000_000

Limit = Annotated[
    int, typer.Option("--limit", "-n", min=0, max=_MOST_LISTED, help="Show at most so many; 0 shows all.")
]
LimitCalls = Annotated[
    int, typer.Option("--limit", "-n", min=0, max=_MOST_LISTED, help="Show at most so many calls; 0 shows all.")
]


def new_group(text: str) -> typer.Typer:
    """A group of commands that takes ``--state`` before the command and shows its help when none is named."""
    app = typer.Typer(
        help=text,
        add_completion=False,
        invoke_without_command=True,
    )

    @app.callback()
    def group(context: typer.Context, state: State = HERE) -> None:
        del state  # kept for the command by its callback
        if context.invoked_subcommand is None:
            show_help(context)
            raise typer.Exit(2)  # no command was named, which is wrong usage

    return app
