"""A report on paper, in Indonesian, for the Pimpinan (SOP VII.h). There is no caller's number in it.

The drawing is ``report_paper``'s; here is what is said, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ari_app.domain.periods import Period
from ari_app.domain.report import Figure, Line, Report
from cli.report_paper import BLUE, COLUMNS_HEIGHT, GREEN, GREY, RED, YELLOW, Bar, Column, Paper, Tile
from cli.report_screen import Names, share

_DAYS: Final = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
_MONTHS: Final = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November",
    "Desember",
)  # fmt: skip
_KINDS: Final = {"day": "Laporan Harian", "shift": "Laporan Regu Jaga", "month": "Laporan Bulanan"}


def make_pdf(report: Report, period: Period, until: datetime | None, names: Names) -> bytes:
    """The report as a PDF file; ``until``: the period is not over, and this is how far the report goes."""
    now = datetime.now(period.begins.tzinfo)
    paper = Paper(
        site=names.site,
        title=f"{_KINDS[period.kind]} Call Center 110",
        subtitle=_span(period, until),
        printed=f"Dicetak {date(now)} pukul {_time(now)}",
    )
    _summary(paper, report)
    _charts(paper, report, period)
    _outcomes(paper, report)
    _details(paper, report)
    _polres(paper, report.polres, names)
    _operators(paper, report.operators, names)
    _explain(paper, period)
    return paper.finished()


def date(day: datetime) -> str:
    """``Jumat, 31 Januari 2025``."""
    return f"{_DAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


def _time(moment: datetime) -> str:
    return f"{moment:%H.%M}"


def _span(period: Period, until: datetime | None) -> str:
    if period.kind == "month":
        text = f"Bulan {_MONTHS[period.day.month - 1]} {period.day.year}"
    elif period.kind == "day":
        text = date(period.begins)
    else:
        text = f"Regu {period.shift}, {date(period.begins)}, pukul {_time(period.begins)} - {_time(period.ends)}"
    if until is None:
        return text
    day = f"{until.day} {_MONTHS[until.month - 1]} " if period.kind == "month" else ""
    return f"{text} (sementara, sampai {day}pukul {_time(until)})"


# ---- figures as they are written in Indonesian -------------------------------------------------------


def number(value: float) -> str:
    """``12.345``."""
    return f"{value:,.0f}".replace(",", ".")


def seconds(value: float | None) -> str:
    """``7,3 dtk``, or ``2 mnt 05 dtk``; ``-``: there is nothing to say."""
    if value is None:
        return "-"
    if value >= 60:  # noqa: PLR2004 - a minute
        return f"{int(value // 60)} mnt {int(value % 60):02d} dtk"
    return f"{value:.1f} dtk".replace(".", ",")


def _value(figure: Figure) -> str:
    return seconds(figure.value) if figure.unit == "seconds" else number(figure.value or 0)


def _percent(report: Report, name: str) -> str:
    return (share(report.summary[name], report) or "-").replace(".", ",")


def _with_share(report: Report, name: str) -> str:
    return f"{_value(report.summary[name])} ({_percent(report, name)})"


# ---- the parts ---------------------------------------------------------------------------------------


def _summary(paper: Paper, report: Report) -> None:
    paper.heading("Ringkasan")
    of = report.summary
    paper.tiles(
        [
            Tile("Panggilan masuk", _value(of["offered"]), ""),
            Tile("Terjawab", _value(of["answered"]), _percent(report, "answered")),
            Tile("Terjawab dalam 10 detik", _percent(report, "answered_10"), f"{_value(of['answered_10'])} panggilan"),
            Tile("Waktu jawab rata-rata", _value(of["wait_mean"]), ""),
            Tile("Ditutup sebelum dijawab", _value(of["abandoned"]), _percent(report, "abandoned")),
            Tile("Darurat", _value(of["emergencies"]), f"diteruskan: {_value(of['emergencies_told'])}"),
            Tile("Diteruskan ke Polres", _value(of["transfers"]), f"dijawab: {_percent(report, 'transfers_answered')}"),
            Tile("Panggilan iseng", _value(of["prank"]), f"nomor diblokir: {_value(of['numbers_blocked'])}"),
        ]
    )


def _charts(paper: Paper, report: Report, period: Period) -> None:
    if period.kind == "month":
        paper.heading("Panggilan masuk per hari", room=COLUMNS_HEIGHT)
        counts = {figure.name.removeprefix("day."): figure.value or 0 for figure in report.days}
        days = range(1, (period.ends.date() - period.begins.date()).days + 1)
        paper.columns([Bar(f"{day}", counts.get(f"{period.day:%Y-%m}-{day:02d}", 0)) for day in days], BLUE)
    paper.heading("Panggilan masuk per jam", room=COLUMNS_HEIGHT)
    paper.columns([Bar(figure.name.removeprefix("hour."), figure.value or 0) for figure in report.hours], BLUE)
    paper.heading("Waktu sampai dijawab (detik)", room=COLUMNS_HEIGHT)
    colours = (GREEN, GREEN, YELLOW, YELLOW, RED, RED)
    bars = [
        Bar(f"{figure.name.removeprefix('answer_time.').replace('30+', '> 30')}", figure.value or 0, colour)
        for figure, colour in zip(report.answer_times, colours, strict=True)
    ]
    paper.columns(bars, GREEN)


def _outcomes(paper: Paper, report: Report) -> None:
    of = report.summary
    outcomes = [
        Bar("Terjawab", of["answered"].value or 0, GREEN),
        Bar("Ditutup sebelum dijawab", of["abandoned"].value or 0, YELLOW),
        Bar("Nomor terblokir, diminta menelepon lagi", of["turned_away"].value or 0, GREY),
        Bar("Terputus sebelum dijawab", of["lost"].value or 0, RED),
    ]
    if waiting := of["waiting"].value:  # without them the parts would not be all that came
        outcomes.append(Bar("Sedang menunggu", waiting, BLUE))
    paper.heading("Hasil panggilan", room=31)
    paper.bars(outcomes)


def _details(paper: Paper, report: Report) -> None:
    of = report.summary
    paper.heading("Jenis panggilan yang dijawab", room=25)
    paper.bars(
        [
            Bar("Pengaduan valid", of["valid"].value or 0, GREEN),
            Bar("Tidak valid", of["not_valid"].value or 0, YELLOW),
            Bar("Iseng (prank)", of["prank"].value or 0, RED),
            Bar("Belum digolongkan", of["not_classified"].value or 0, GREY),
        ]
    )
    paper.blocks(
        [
            ("Menjawab (SOP VI.4)", [
                ("dalam 10 detik", _with_share(report, "answered_10")),
                ("dalam 15 detik", _with_share(report, "answered_15")),
                ("dalam 20 detik", _with_share(report, "answered_20")),
                ("waktu jawab rata-rata", _value(of["wait_mean"])),
                ("rata-rata sepersepuluh terlama", _value(of["wait_longest_tenth"])),
                ("dijawab tanpa aplikasi (cadangan)", _value(of["fallback"])),
            ]),
            ("Darurat (SOP VII.d)", [
                ("ditandai darurat", _value(of["emergencies"])),
                ("diteruskan lewat HT atau ke Polres", _value(of["emergencies_told"])),
                ("tidak diteruskan", _value(of["emergencies_not_told"])),
                ("waktu sampai diteruskan, rata-rata", _value(of["emergency_mean"])),
                ("yang terlama", _value(of["emergency_longest"])),
            ]),
            ("Penerusan ke Polres (SOP V.6 - V.10)", [
                ("diteruskan", _value(of["transfers"])),
                ("dijawab Polres", _with_share(report, "transfers_answered")),
                ("diambil kembali", _with_share(report, "transfers_taken_back")),
                ("lainnya", _with_share(report, "transfers_other")),
                ("waktu sampai Polres menjawab, rata-rata", _value(of["transfer_mean"])),
            ]),
            ("Iseng dan blokir (SOP VII.f, VIII)", [
                ("panggilan dengan tanda iseng", _value(of["prank_marks"])),
                ("panggilan dari nomor terblokir", _value(of["blocked_calls"])),
                ("nomor diblokir", _value(of["numbers_blocked"])),
                ("di antaranya karena tanda iseng", _value(of["numbers_blocked_by_pranks"])),
                ("nomor dibuka blokirnya", _value(of["numbers_unblocked"])),
            ]),
        ]
    )  # fmt: skip


def _polres(paper: Paper, lines: Sequence[Line], names: Names) -> None:
    columns = [
        Column("Kode", 12), Column("Polres", 68), Column("Diteruskan", 24, is_number=True),
        Column("Dijawab", 20, is_number=True), Column("Diambil kembali", 29, is_number=True),
        Column("Lainnya", 17, is_number=True), Column("Rata-rata", 20, is_number=True),
    ]  # fmt: skip
    wanted = ("transfers", "transfers_answered", "transfers_taken_back", "transfers_other", "transfer_mean")
    rows = [(line.key, names.of(line.key), *(_value(line.figures[name]) for name in wanted)) for line in lines]
    if lines:
        paper.heading("Penerusan per Polres, menurut kode", room=COLUMNS_HEIGHT)
        paper.columns([Bar(line.key, line.figures["transfers"].value or 0) for line in lines], BLUE)
    paper.table("Penerusan per Polres", columns, rows, empty="Tidak ada panggilan yang diteruskan.")


def _operators(paper: Paper, lines: Sequence[Line], names: Names) -> None:
    columns = [
        Column("NRP / meja", 24), Column("Nama", 50), Column("Dijawab", 17, is_number=True),
        Column("<= 10 dtk", 18, is_number=True), Column("Rata-rata", 19, is_number=True),
        Column("Valid", 14, is_number=True), Column("Tdk valid", 18, is_number=True),
        Column("Iseng", 14, is_number=True), Column("Darurat", 16, is_number=True),
    ]  # fmt: skip
    wanted = ("answered", "answered_10", "wait_mean", "valid", "not_valid", "prank", "emergencies")
    rows = [
        (line.key.partition(".")[2], _who(line, names), *(_value(line.figures[name]) for name in wanted))
        for line in lines
    ]
    paper.table("Per operator", columns, rows, empty="Tidak ada panggilan yang dijawab.")


def _who(line: Line, names: Names) -> str:
    return "(tanpa operator)" if line.key.startswith("desk.") else names.of(line.key)


def _explain(paper: Paper, period: Period) -> None:
    paper.heading("Keterangan")
    command = {
        "day": f"report day {period.day}",
        "shift": f"report shift {period.day} {period.shift}",
        "month": f"report month {period.day:%Y-%m}",
    }[period.kind]
    paper.text(
        "Sebuah panggilan masuk ke laporan pada waktu panggilan itu diterima, berikut semua yang terjadi di dalamnya. "
        "Waktu jawab dihitung dari dering pertama sampai operator mengangkat; sepersepuluh terlama adalah rata-rata "
        "dari sepuluh persen waktu jawab yang paling lama. Darurat diteruskan: meja berbicara di jaring HT, darurat "
        "diumumkan di sana, atau Polres menjawab; yang sudah diteruskan sebelum ditandai dihitung 0 detik. Diambil "
        "kembali: Polres sibuk, tidak menjawab, atau tidak terjangkau (SOP V.10)."
    )
    paper.text(
        "Setiap angka dihitung dari jurnal, yang tidak dapat diubah tanpa ketahuan. Panggilan di balik setiap angka "
        f"ditunjukkan oleh perintah: siaga {command} --calls NAMA. Nama-nama angka: siaga {command} --csv -"
    )
