"""Values that are taken as typed, and what is Typer's to judge as ever."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
import typer
import typer.main

from cli.help import prepare

seen: list[object] = []


def even(text: str) -> int:
    number = int(text)
    if number % 2:
        raise ValueError(f"{text} is odd")
    return number


def app(
    name: Annotated[str, typer.Argument()] = "nobody",
    count: Annotated[int, typer.Option(min=1, max=500)] = 50,
    pair: Annotated[int | None, typer.Option(parser=even)] = None,
    each: Annotated[list[str] | None, typer.Option()] = None,
    share: Annotated[float, typer.Option()] = 0.5,
    *,
    plain: Annotated[bool, typer.Option("--plain")] = False,
) -> None:
    """Take one of each kind."""
    seen.append((name, count, pair, each, share, plain))


@pytest.fixture(scope="module")
def command() -> Any:
    made = typer.Typer(add_completion=False)
    made.command()(app)
    return prepare(typer.main.get_command(made))


def run(command: Any, *arguments: str) -> object:
    with command.make_context("try", list(arguments)) as context:
        command.invoke(context)
    return seen.pop()


@pytest.mark.parametrize(
    ("arguments", "taken"),
    [
        ((), ("nobody", 50, None, None, 0.5, False)),
        (("siti", "--count", "7", "--plain"), ("siti", 7, None, None, 0.5, True)),
        (("--count", "007"), ("nobody", 7, None, None, 0.5, False)),
        (("--count", "500"), ("nobody", 500, None, None, 0.5, False)),
        (("--pair", "8"), ("nobody", 50, 8, None, 0.5, False)),
        (("--each", "a", "--each", "b"), ("nobody", 50, None, ["a", "b"], 0.5, False)),
        (("--share", "0.25"), ("nobody", 50, None, None, 0.25, False)),
    ],
)
def test_taken(command: Any, arguments: tuple[str, ...], taken: tuple[object, ...]) -> None:
    assert run(command, *arguments) == taken


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--count", "0"), "greater than or equal to 1"),
        (("--count", "501"), "less than or equal to 500"),
        (("--count", "99999999999999999999"), "less than or equal to 500"),
        (("--count", "7x"), "integer"),
        (("--pair", "7"), "7 is odd"),
        (("--share", "x"), "number"),
    ],
)
def test_refused(command: Any, arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(typer.TyperException) as error:
        run(command, *arguments)
    assert why in error.value.format_message()
    assert arguments[0] in error.value.format_message()
