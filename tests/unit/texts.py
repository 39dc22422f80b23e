"""Collects what people are told: the texts of the `siaga` command, and the sentences that the application says."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer
import typer.main

from cli import app as root
from cli.help import EXAMPLES, paragraphs, prepare
from cli.language import choose
from tests.unit.cli_site import REPO

SPOKEN: Final = {
    "CommandRefused", "BlockRefused", "ComplaintRefused", "RosterRefused", "StateError", "StoreError", "JournalError",
    "DatabaseError", "DatabaseNewer", "ConfigError", "AskRefused", "NobodyAnswered", "NotReached", "MqttError",
}  # fmt: skip
"""Whose text reaches a person at the terminal."""

SENTENCES: Final = {"msg", "sentence", "hint", "alarm", "trouble"}
"""What such a sentence is called on its way."""

REASONS: Final = {"_REASONS", "_ALLOWED"}
"""Tables of reasons."""

WORDS: Final = re.compile(r"[a-z]+ [a-z]+ [a-z]+")
"""Three words in a row are a sentence, or a part of one."""

VALUES: Final = re.compile(r"\{\w*\}")


def commands() -> Iterator[tuple[list[str], Any]]:
    """Every command's words and its command, groups too, as it is before anything is translated."""
    choose([])
    yield [], prepare(typer.main.get_command(root.build()))
    for name in root.GROUPS:
        module = importlib.import_module(f"cli.{name}")
        yield from _below([name], prepare(typer.main.get_command(module.app)))


def _below(words: list[str], command: Any) -> Iterator[tuple[list[str], Any]]:
    yield words, command
    for name, each in getattr(command, "commands", {}).items():
        yield from _below([*words, name], each)


def help_texts() -> set[str]:
    """All paragraphs of all helps, without the examples."""
    found: set[str] = set()
    for _, command in commands():
        texts = [command.help, *(getattr(each, "help", None) for each in command.params)]
        found.update(part for text in texts if text for part in paragraphs(text))
    return found | set(root.GROUPS.values()) | {EXAMPLES}


def words_of_typer() -> set[str]:
    """How a usage names what it leaves open."""
    return {
        text
        for _, command in commands()
        for text in (command.options_metavar, getattr(command, "subcommand_metavar", None))
        if text
    }


def said_by_cli() -> set[str]:
    """What is in ``tr()`` and ``counted()``, and the headings of tables."""
    return {text for file in sorted((REPO / "cli").glob("*.py")) for text in _in_file(file)}


def _in_file(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    named = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "tr" and node.args:
                yield from _constants(named.get(ast.unparse(node.args[0]), node.args[0]))
            elif node.func.id == "counted":
                yield from _constants(node.args[1])
            elif node.func.id == "print_table":
                yield from _headings(node.args[0])
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "columns":
            yield from _headings(node.value)


def _constants(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)


def _headings(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Tuple):
        for each in node.elts:
            yield from (text.removeprefix(">") for text in _constants(each))


def said_by_application() -> set[str]:
    """The sentences of the application that end at the terminal, with ``{}`` for each value."""
    return {text for tree, folder in _application() for node in ast.walk(tree) for text in _sentences(node, folder)}


def everything_in_application() -> set[str]:
    """Every text that there is in the application, with ``{}`` for each value."""
    trees = (node for tree, _ in _application() for node in ast.walk(tree) if isinstance(node, ast.expr))
    return {text for node in trees for text in templates(node)}


def sentences_in_application() -> set[str]:
    """What looks like a sentence there, and is neither a docstring, a line of the log nor a schema's description."""
    return {
        text
        for tree, _ in _application()
        for node in _spoken(tree, ("log.", "Field"))
        for text in templates(node)
        if WORDS.search(text) and not text.lstrip().startswith(("CREATE ", "SELECT "))
    }


def past_translation() -> set[str]:
    """What looks like a sentence in the command, and neither ``tr()`` nor the help has. A PDF is Indonesian always."""
    silent = ("tr", "counted", "examples", "new_group", "typer.Option", "typer.Argument", "re.compile")
    files = (file for file in (REPO / "cli").glob("*.py") if file.name != "report_pdf.py")
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in files)
    return {text for tree in trees for node in _spoken(tree, silent) for text in templates(node) if WORDS.search(text)}


def _spoken(node: ast.AST, silent: tuple[str, ...]) -> Iterator[ast.expr]:
    """The texts below a node, without docstrings and what goes to functions whose names begin so."""
    if isinstance(node, ast.Constant | ast.JoinedStr):
        yield node
        return
    is_silent = isinstance(node, ast.Call) and ast.unparse(node.func).startswith(silent)
    if is_silent or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return
    for child in ast.iter_child_nodes(node):
        yield from _spoken(child, silent)


def _application() -> Iterator[tuple[ast.Module, str]]:
    for file in sorted((REPO / "ari_app").rglob("*.py")):
        if file.parent.name != "ari":
            yield ast.parse(file.read_text(encoding="utf-8")), file.parent.name


def _sentences(node: ast.AST, folder: str) -> Iterator[str]:
    match node:
        case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)]) if name in SENTENCES:
            yield from templates(node.value)
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(values=values)) if name in REASONS:
            for value in values:
                yield from templates(value)
        case ast.Yield(value=ast.expr() as value) if folder == "site":
            yield from templates(value)
        case ast.FunctionDef(name="why_not" | "alarm" | "sentence"):
            yield from (text for each in ast.walk(node) for text in _told(each))
        case ast.Call():
            yield from _raised(node)


def _told(node: ast.AST) -> Iterator[str]:
    """What a function returns, or puts together first."""
    if isinstance(node, ast.Return | ast.Assign) and node.value is not None:
        yield from templates(node.value)


def _raised(node: ast.Call) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in SPOKEN:
            yield from templates(first)
        case ast.Call(func=ast.Name(id="Problem"), args=[_, what]):
            yield from templates(what)
        case ast.Call(func=ast.Attribute(attr="differs"), args=[_, _, what]):
            yield from templates(what)


def templates(node: ast.expr) -> Iterator[str]:
    """A text with ``{}`` for each value; both of ``a if x else b``."""
    if isinstance(node, ast.IfExp):
        yield from templates(node.body)
        yield from templates(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        text = "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
        if text.strip("{} "):
            yield text


def bare(text: str) -> str:
    """A text with ``{}`` for each named value."""
    return VALUES.sub("{}", text)
