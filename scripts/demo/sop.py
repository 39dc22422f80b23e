"""SOP section V "Alur Layanan Call Center 110", word for word, by its steps."""

from __future__ import annotations

from typing import Final

STEPS: Final = {
    "V.1": "Masyarakat menelepon ke 110 melalui telepon rumah atau handphone.",
    "V.2": "Operator akan menerima telepon",
    "V.3": "Operator akan menginput data penelepon",
    "V.4": "Operator akan memfilter jenis telepon apakah pengaduan yang valid atau pengaduan tidak valid",
    "V.5": "Jika pengaduan tidak valid, maka telepon akan diproses di Polda sampai closing",
    "V.6": "Jika pengaduan valid, telepon akan ditransfer ke Polres",
    "V.7": "Operator Polres akan menerima telepon",
    "V.8": "Operator akan menindaklanjuti laporan dari telepon",
    "V.9": "Operator akan menclosing pengaduan",
    "V.10": "Jika operator sedang sibuk, maka telepon akan kembali diambil alih operator Polda "
    "(lama waktu tunggu misal 3-5 detik)",
    "V.11": "Operator akan terhubung kembali dengan penelepon untuk closing pengaduan dan akan memberitahukan "
    "bahwa pengaduan akan segera diproses dengan Polres terkait.",
}
"""What the screen shows above what is done. Scenes on other sections add their steps here."""
