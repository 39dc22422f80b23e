"""Where the desks' phones are registered, as Asterisk keeps it (``res_pjsip_registrar`` in its own database)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

_QUERY: Final = "SELECT value FROM astdb WHERE key GLOB '/registrar/contact/*'"
_WAIT_SECONDS: Final = 1.0


class _Kept(msgspec.Struct):
    endpoint: str
    uri: str
    user_agent: str = ""
    expiration_time: str = "0"


@dataclass(frozen=True, slots=True)
class Contact:
    """One phone of a desk: its address, what it calls itself, and until when it is registered (s since 1970)."""

    address: str
    user_agent: str
    expires: int


def contacts(file: Path) -> Mapping[str, list[Contact]] | None:
    """The phones of each desk; None: Asterisk's database cannot be read, or is not there yet."""
    if not file.exists():
        return None
    found: dict[str, list[Contact]] = {}
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True, timeout=_WAIT_SECONDS)) as database:
            rows = database.execute(_QUERY).fetchall()
        for (value,) in rows:
            kept = msgspec.json.decode(value, type=_Kept)
            contact = Contact(_address(kept.uri), kept.user_agent, int(kept.expiration_time))
            found.setdefault(kept.endpoint, []).append(contact)
    except (sqlite3.Error, msgspec.DecodeError, ValueError, TypeError):
        return None
    return found


def _address(uri: str) -> str:
    """``127.0.0.1:5062`` of ``sip:1001@127.0.0.1:5062;ob``: Asterisk keeps ``^3B`` for a semicolon."""
    return uri.replace("^3B", ";").partition(":")[2].rpartition("@")[2].partition(";")[0]
