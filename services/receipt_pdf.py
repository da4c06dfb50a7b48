"""A receipt as PDF (F084)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from domain.receipt import Sheet

if TYPE_CHECKING:
    from fpdf import FPDF

_FONTS = Path(__file__).resolve().parent / "fonts"
_FONT = "DejaVu"
_LABEL_WIDTH = 46
# Of every receipt: the same payment gives the same bytes.
_MADE = datetime(2000, 1, 1, tzinfo=UTC)


def render(sheet: Sheet) -> bytes:
    """The sheet on one page of A5. It keeps a core busy for some hundredths of a second: call it in a thread."""
    # It brings all of fontTools along: half a second and 30 MB, which most processes never need.
    from fpdf import FPDF

    pdf = FPDF(format=(148, 210))
    pdf.set_creation_date(_MADE)
    pdf.set_title(f"{sheet.operator}: {sheet.title}")
    pdf.add_font(_FONT, fname=_FONTS / "DejaVuSans.ttf")
    pdf.add_font(_FONT, "B", _FONTS / "DejaVuSans-Bold.ttf")
    pdf.set_margin(16)
    pdf.add_page()
    width = pdf.epw
    pdf.set_font(_FONT, size=11)
    pdf.set_text_color(90)
    pdf.cell(width, 8, sheet.operator, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(_FONT, "B", 18)
    pdf.set_text_color(0)
    pdf.multi_cell(width, 10, sheet.title, new_x="LMARGIN", new_y="NEXT")
    pdf.ln(5)
    for label, value in sheet.lines[:-1]:
        _line(pdf, label, value, "", 10)
    pdf.ln(2)
    pdf.set_draw_color(90)
    pdf.line(pdf.l_margin, pdf.get_y(), pdf.l_margin + width, pdf.get_y())
    pdf.ln(2)
    _line(pdf, *sheet.lines[-1], "B", 13)
    return bytes(pdf.output())


def _line(pdf: FPDF, label: str, value: str, style: str, size: int) -> None:
    pdf.set_font(_FONT, style, size)
    top = pdf.get_y()
    pdf.set_text_color(90 if not style else 0)
    pdf.multi_cell(_LABEL_WIDTH, 8, label, align="L", new_x="LMARGIN", new_y="NEXT")
    below = pdf.get_y()
    pdf.set_xy(pdf.l_margin + _LABEL_WIDTH, top)
    pdf.set_text_color(0)
    pdf.multi_cell(pdf.epw - _LABEL_WIDTH, 8, value, align="R", new_x="LMARGIN", new_y="NEXT")
    pdf.set_y(max(below, pdf.get_y()))
