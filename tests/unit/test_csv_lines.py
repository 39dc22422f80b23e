"""Lines of a CSV file: each by itself, whatever the others hold."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given
from hypothesis import strategies as st

from cli.csv_lines import LONGEST_LINE, csv_lines, open_csv

PIECES = (b"0812", b"+62", b",", b";", b'"', b'""', b" ", b"a", "\u00e9\u2028\x85".encode(), b"\0", b"\xff", b"\x0b")
LONG = (b"x" * (LONGEST_LINE - 1), b"x" * LONGEST_LINE, b"x" * (2 * LONGEST_LINE + 5), b'"' + b"x" * 70_000)
_line = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join) | st.sampled_from(LONG)


def read(content: bytes) -> tuple[dict[int, list[str]], list[int]]:
    """The good lines, and the numbers of the bad ones."""
    bad: list[int] = []
    with TemporaryDirectory() as folder:
        file = Path(folder, "x.csv")
        file.write_bytes(content)
        with open_csv(file) as text:
            good = dict(csv_lines(text, lambda number, _: bad.append(number)))
    return good, bad


def alone(line: bytes, separator: str) -> list[str] | None:
    """What a line means by the standard library; None: nothing."""
    try:
        text = line.decode()
        if len(text) <= LONGEST_LINE and "\0" not in text:
            return next(csv.reader([text], delimiter=separator, strict=True))
    except (UnicodeDecodeError, csv.Error):
        pass
    return None


@given(st.lists(_line, max_size=8), st.sampled_from((b"\n", b"\r\n", b"\r")), st.booleans(), st.booleans())
@example([LONG[0] + b",", LONG[1] + b",", b"a"], b"\n", False, False)
def test_each_line_by_itself(lines: list[bytes], end: bytes, has_mark: bool, ends: bool) -> None:  # noqa: FBT001
    good, bad = read((b"\xef\xbb\xbf" if has_mark else b"") + end.join(lines) + (end if ends else b""))
    shown = {number: line for number, line in enumerate(lines, 1) if line.decode("utf-8", "replace").strip()}
    usable = [line for line in shown.values() if len(line.decode("utf-8", "replace")) <= LONGEST_LINE]
    separator = ";" if usable and b";" in usable[0] and b"," not in usable[0] else ","
    expected = {number: cells for number, line in shown.items() if (cells := alone(line, separator)) is not None}
    assert good == expected
    assert bad == sorted(set(shown) - set(expected))
