"""What is printed: JSON for programs; tables and lines for people, harmless whatever a caller sent.

On a terminal a table fits its width; into a pipe it is as wide as its contents, without colour, nothing cut off.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from cli.language import is_indonesian, tr

_WIDEST: Final = 10_000
_BARE: Final = frozenset("+-_.:/@")


def print_json(value: object) -> None:
    """A value as indented JSON, always in UTF-8."""
    print_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2))


def print_json_list(values: Iterable[object]) -> None:
    """What ``print_json`` makes of a list of these; of many, only one is in memory at a time."""
    is_first = True
    for value in values:
        lines = msgspec.json.format(msgspec.json.encode(value), indent=2).replace(b"\n", b"\n  ")
        sys.stdout.buffer.write((b"[\n  " if is_first else b",\n  ") + lines)
        is_first = False
    print_bytes(b"[]" if is_first else b"\n]")


def print_done(result: object, text: str, *, as_json: bool) -> None:
    """What an order came to: for programs what was answered, as over MQTT; for people a sentence."""
    if as_json:
        print_json({} if result is None else result)
    else:
        print_line(text)


def print_bytes(line: bytes) -> None:
    """One line of bytes."""
    sys.stdout.buffer.write(line + b"\n")


def print_line(text: str) -> None:
    """One line of text."""
    sys.stdout.write(plain(text) + "\n")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str | None]], *, empty: str) -> None:
    """A table, or the sentence ``empty`` when it has no rows. A column named ``>X`` is aligned to the right.

    The headings are translated here, the sentence is as it was given.
    """
    # A program that wants JSON, and `journal tail`, need none of rich.
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        table.add_column(
            tr(name.removeprefix(">")), justify="right" if name.startswith(">") else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(plain(cell or "-")) for cell in row))
    console = Console(highlight=False)
    if not table.row_count:
        print_line(empty)
        return
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDEST)
    console.print(table, crop=False)


def plain(text: str) -> str:
    """The text without anything that a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)


def pairs(data: object) -> str:
    """A record's data as ``key=value ...``."""
    if not isinstance(data, Mapping):
        return value_text(data)
    return " ".join(f"{key}={value_text(value)}" for key, value in data.items())


def value_text(value: object) -> str:
    """A value as short as it stays clear: bare words, JSON for the rest."""
    if isinstance(value, str) and value and all(c.isalnum() or c in _BARE for c in value):
        return value
    return msgspec.json.encode(value).decode()


def moment(at: str | None) -> str | None:
    """``2025-01-31 08:00:00`` of an ISO 8601 time; the site's own time, as the journal has it."""
    return at[:19].replace("T", " ") if at else None


def minute(at: str) -> str:
    """``2025-01-31 08:00`` of an ISO 8601 time, where there is little room."""
    return (moment(at) or "")[:16]


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 desk``, ``3 desks``; in the chosen language: Indonesian has no plural."""
    if is_indonesian():
        return f"{number} {tr(one)}"
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"
