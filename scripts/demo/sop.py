"""The SOP's own words, by its steps: section V "Alur Layanan Call Center 110", VII.d, VII.f, VIII "BLOKIR CALL"."""

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
    "VII.d": "Apabila ada informasi pelaporan/pengaduan darurat atau pelaporan cepat agar meneruskannya dengan HT yang "
    "sudah tersedia di Command Center dan segera menyampaikan ke SPKT Polres/polsek yang terdekat dan SPKT "
    "Polres/polsek meneruskan ke piket fungsi terkait untuk segera mendatangi TKP dan membuat administrasi sebagai "
    "laporan.",
    "VII.f": "Apabila ada informasi pelaporan/pengaduan palsu (PRANK) agar menerimanya dengan sabar dan sopan jangan "
    "terpancing emosi, langsung tutup telepon dengan salam penutup, jika penelpon berulang kali melakukan panggilan "
    "PRANK, memblokir nomor panggilan tersebut agar tidak mengganggu pelaksanaan tugas operator call center 110.",
    "VIII.1": "SOP blokir nomor telepon adalah Apabila 5 (lima) kali penelpon melakukan panggilan Iseng/Prank maka "
    "nomor akan otomatis terblokir dengan cara menginput dan menyimpan nomor sebanyak 5 (lima) kali kedalam Aplikasi "
    "pada Dashboard Call Center 110.",
    "VIII.2": "Untuk melakukan buka blokir harus menelpon kembali ke 110 setelah melalui proses verifikasi oleh "
    "Operator Call Center 110.",
}
"""What the screen shows above what is done. VIII has no steps: .1 and .2 are its two sentences."""
