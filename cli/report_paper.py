"""Drawing a report's pages: headings, tiles, charts and tables, with the fonts that every PDF reader has.

Those fonts know the letters of Western Europe, and so all of Indonesian. Of other letters the accent goes; what is
still unknown then is a question mark.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10
from typing import Final, TypeAlias

from fpdf import FPDF
from fpdf.enums import XPos, YPos

Colour: TypeAlias = tuple[int, int, int]
BLUE: Final[Colour] = (31, 78, 140)
GREEN: Final[Colour] = (46, 125, 80)
YELLOW: Final[Colour] = (214, 158, 46)
RED: Final[Colour] = (185, 50, 45)
GREY: Final[Colour] = (130, 138, 148)
_INK: Final[Colour] = (33, 37, 41)
_PALE: Final[Colour] = (238, 242, 247)
_LINE: Final[Colour] = (205, 212, 220)

_FONT: Final = "Helvetica"
_LATIN: Final = frozenset((*range(0x20, 0x7F), *range(0xA0, 0x100)))
_MARGIN: Final = 10.0
_WIDTH: Final = 190.0
_PAGE: Final = 250.0
"""Width and height of what is printed on, in mm: A4 without its margins, and with room for a heading."""


COLUMNS_HEIGHT: Final = 48.0
"""Of a chart of standing bars, in mm."""

_LEAD, _ROW, _TABLE_HEAD = 5.2, 5.6, 6.4
"""Heights of a line, of a table's row, and of its head."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure that counts most: what it is, its value, and what goes with it."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart."""

    label: str
    value: float
    colour: Colour | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table; its width in mm."""

    name: str
    width: float
    is_number: bool = False


def latin(text: str) -> str:
    """The text in the letters that there are."""
    return "".join(map(_letter, unicodedata.normalize("NFC", text)))


def _letter(letter: str) -> str:
    if ord(letter) in _LATIN:
        return letter
    bare = unicodedata.normalize("NFKD", letter)
    return "".join(c for c in bare if ord(c) in _LATIN) or "?"


class Paper:
    """A report that is being printed, from top to bottom."""

    def __init__(self, *, site: str, title: str, subtitle: str, printed: str) -> None:
        """Begin it with its first page's head."""
        self._pdf = _Pages(latin(site), latin(subtitle), latin(printed))
        self._pdf.set_title(latin(f"{title}: {subtitle}"))
        self._pdf.set_author(latin(site))
        self._pdf.add_page()
        self._head(latin(site), latin(title), latin(subtitle))

    def finished(self) -> bytes:
        """The whole file."""
        return bytes(self._pdf.output())

    def heading(self, text: str, *, room: float = 20) -> None:
        """A heading; what follows it needs so much room, in mm, to be on the same page."""
        pdf = self._pdf
        self._room(12 + room)
        pdf.ln(3)
        pdf.set_font(_FONT, "B", 11.5)
        pdf.set_text_color(*BLUE)
        pdf.cell(_WIDTH, 7, latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.set_draw_color(*BLUE)
        pdf.set_line_width(0.3)
        pdf.line(_MARGIN, pdf.get_y(), _MARGIN + _WIDTH, pdf.get_y())
        pdf.ln(2)

    def text(self, text: str) -> None:
        """A paragraph."""
        self._pdf.set_font(_FONT, "", 9)
        self._pdf.set_text_color(*_INK)
        self._pdf.multi_cell(_WIDTH, 4.6, latin(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self._pdf.ln(1.5)

    def tiles(self, tiles: Sequence[Tile]) -> None:
        """Four in a row."""
        pdf, gap = self._pdf, 3.0
        width, height = (_WIDTH - 3 * gap) / 4, 21.0
        top = pdf.get_y()
        for number, tile in enumerate(tiles):
            if number and number % 4 == 0:
                top += height + gap
            left = _MARGIN + number % 4 * (width + gap)
            pdf.set_fill_color(*_PALE)
            pdf.rect(left, top, width, height, style="F")
            pdf.set_fill_color(*BLUE)
            pdf.rect(left, top, 1.2, height, style="F")
            self._put(left + 4, top + 2, tile.label, 8, _INK)
            self._put(left + 4, top + 7.5, tile.value, 15, BLUE, "B")
            self._put(left + 4, top + 15.5, tile.note, 7.5, GREY)
        pdf.set_y(top + height + gap)

    def columns(self, bars: Sequence[Bar], colour: Colour) -> None:
        """A chart of standing bars, with a scale beside it."""
        pdf, height, left = self._pdf, COLUMNS_HEIGHT - 10, _MARGIN + 12
        top = pdf.get_y() + 3
        steps, most = _scale(max((bar.value for bar in bars), default=0))
        pdf.set_line_width(0.15)
        for step in steps:
            y = top + height * (1 - step / most)
            pdf.set_draw_color(*_LINE)
            pdf.line(left, y, _MARGIN + _WIDTH, y)
            self._put(_MARGIN, y - 1.8, _thousands(step), 7, GREY, width=10.5, align="R")
        slot = (_WIDTH - 12) / max(1, len(bars))
        for number, bar in enumerate(bars):
            x, tall = left + number * slot, height * bar.value / most
            pdf.set_fill_color(*(bar.colour or colour))
            if bar.value:
                pdf.rect(x + slot * 0.15, top + height - tall, slot * 0.7, tall, style="F")
            if len(bars) <= 12 and bar.value:  # noqa: PLR2004 - as many as have room for their figure
                self._put(x, top + height - tall - 4, _thousands(bar.value), 7.5, _INK, width=slot, align="C")
            self._put(x, top + height + 1, bar.label, 7, GREY, width=slot, align="C")
        pdf.set_y(top + height + 7)

    def bars(self, bars: Sequence[Bar]) -> None:
        """A chart of lying bars, each with its figure and its share of all."""
        pdf, height = self._pdf, 6.0
        whole = sum(bar.value for bar in bars)
        most = max((bar.value for bar in bars), default=0) or 1
        for bar in bars:
            y, long = pdf.get_y(), 90 * bar.value / most
            self._put(_MARGIN, y + 1, bar.label, 9, _INK, width=64)
            pdf.set_fill_color(*(bar.colour or BLUE))
            if bar.value:
                pdf.rect(_MARGIN + 66, y + 1, max(long, 0.3), height - 2, style="F")
            part = f" ({100 * bar.value / whole:.1f}%)".replace(".", ",") if whole else ""
            self._put(_MARGIN + 67.5 + long, y + 1, f"{_thousands(bar.value)}{part}", 8.5, _INK)
            pdf.set_y(y + height)
        pdf.ln(1)

    def blocks(self, blocks: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> None:
        """Two beside each other: each a heading, and lines of a name and its value."""
        pdf, gap = self._pdf, 8.0
        width = (_WIDTH - gap) / 2
        for first in range(0, len(blocks), 2):
            pair = blocks[first : first + 2]
            height = 10 + _LEAD * max(len(lines) for _, lines in pair)
            self._room(height)
            top = pdf.get_y()
            for place, (heading, lines) in enumerate(pair):
                left = _MARGIN + place * (width + gap)
                self._put(left, top + 3, heading, 10, BLUE, "B")
                pdf.set_draw_color(*_LINE)
                pdf.line(left, top + 8.6, left + width, top + 8.6)
                for number, (name, value) in enumerate(lines):
                    y = top + 10 + number * _LEAD
                    self._put(left, y, name, 9, _INK)
                    self._put(left, y, value, 9, _INK, "B", width=width, align="R")
            pdf.set_y(top + height)

    def table(self, heading: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, empty: str) -> None:
        """A table under a heading; ``empty`` is said where it has no rows.

        One that fits on a page stays on one; of a longer one each page has the head.
        """
        whole = _TABLE_HEAD + _ROW * len(rows)
        self.heading(heading, room=whole if whole < _PAGE else _ROW * 5)
        if not rows:
            self.text(empty)
            return
        pdf, height = self._pdf, _ROW
        self._table_head(columns)
        for number, row in enumerate(rows):
            if self._room(height):
                self._table_head(columns)
            pdf.set_font(_FONT, "", 8.5)
            pdf.set_text_color(*_INK)
            pdf.set_fill_color(*_PALE)
            for column, cell in zip(columns, row, strict=True):
                text = _fitting(pdf, latin(cell), column.width - 2)
                pdf.cell(column.width, height, text, align="R" if column.is_number else "L", fill=number % 2 == 1)
            pdf.ln(height)
        pdf.ln(2)

    # ---- how it is drawn ---------------------------------------------------------------------------

    def _head(self, site: str, title: str, subtitle: str) -> None:
        pdf = self._pdf
        pdf.set_fill_color(*BLUE)
        pdf.rect(0, 0, 210, 36, style="F")
        pdf.set_fill_color(*YELLOW)
        pdf.rect(0, 36, 210, 1.2, style="F")
        white = (255, 255, 255)
        for y, text, size, style in ((7.0, site, 11, "B"), (14.0, title, 18, "B"), (24.5, subtitle, 11, "")):
            pdf.set_font(_FONT, style, size)
            self._put(_MARGIN, y, _fitting(pdf, text, _WIDTH), size, white, style)
        pdf.set_y(39)

    def _table_head(self, columns: Sequence[Column]) -> None:
        pdf = self._pdf
        pdf.set_font(_FONT, "B", 8.5)
        pdf.set_text_color(255, 255, 255)
        pdf.set_fill_color(*BLUE)
        for column in columns:
            pdf.cell(column.width, _TABLE_HEAD, latin(column.name), align="R" if column.is_number else "L", fill=True)
        pdf.ln(_TABLE_HEAD)

    def _put(  # noqa: PLR0913, PLR0917 - what, where, and how it looks
        self, x: float, y: float, text: str, size: float, colour: Colour, style: str = "", *,
        width: float | None = None, align: str = "L",
    ) -> None:  # fmt: skip
        """A text at a place, which changes nothing of where the next one goes."""
        if not text:
            return
        pdf = self._pdf
        before = pdf.get_x(), pdf.get_y()
        pdf.set_font(_FONT, style, size)
        pdf.set_text_color(*colour)
        pdf.set_xy(x, y)
        pdf.cell(width, size * 0.45, latin(text), align=align)
        pdf.set_xy(*before)

    def _room(self, height: float) -> bool:
        """Begin a new page where there is no room for something so tall; whether one was begun."""
        if self._pdf.will_page_break(height):
            self._pdf.add_page()
            return True
        return False


class _Pages(FPDF):
    """The pages' own head and foot."""

    def __init__(self, site: str, title: str, printed: str) -> None:
        super().__init__(orientation="portrait", unit="mm", format="A4")
        self._site, self._heading, self._printed = site, title, printed
        self.set_margins(_MARGIN, 14)
        self.set_auto_page_break(auto=True, margin=16)

    def header(self) -> None:
        """From the second page on: whose report it is."""
        if self.page_no() == 1:
            return
        self.set_y(7)
        self.set_font(_FONT, "", 8)
        self.set_text_color(*GREY)
        self.cell(
            _WIDTH, 4, _fitting(self, f"{self._site} - {self._heading}", _WIDTH), new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )
        self.set_y(14)

    def footer(self) -> None:
        """When it was printed, and which page it is."""
        self.set_y(-12)
        self.set_font(_FONT, "", 8)
        self.set_text_color(*GREY)
        self.cell(_WIDTH / 2, 4, self._printed)
        wider = self.get_string_width("{nb}") - self.get_string_width("0")  # what stands there is narrower in the end
        self.cell(_WIDTH / 2 + wider, 4, f"Halaman {self.page_no()} dari {{nb}}", align="R")


def _fitting(pdf: FPDF, text: str, width: float) -> str:
    """The text in the font that is chosen, cut off where it is too wide."""
    if pdf.get_string_width(text) <= width:
        return text
    while text and pdf.get_string_width(f"{text}...") > width:
        text = text[:-1]
    return f"{text}..."


def _scale(most: float) -> tuple[list[float], float]:
    """Round steps of a scale up to at least ``most``, and the last of them."""
    if most <= 0:
        return [0, 1], 1
    size = 10 ** int(log10(most / 4)) if most >= 4 else 1  # noqa: PLR2004 - so many steps
    step = next(size * times for times in (1, 2, 5, 10) if most / (size * times) <= 5)  # noqa: PLR2004
    count = ceil(most / step)
    return [step * number for number in range(count + 1)], step * count


def _thousands(value: float) -> str:
    return f"{value:,.0f}".replace(",", ".")
