"""Where the phones are registered, as Asterisk keeps it in its own database."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from ari_app.store.contacts import Contact, contacts

KEPT = {
    "via_addr": "127.0.0.5", "qualify_timeout": "3.0", "endpoint": "1001", "via_port": "5062", "qualify_frequency": "0",
    "uri": "sip:1001@127.0.0.5:5062^3Btransport=UDP", "user_agent": "MicroSIP/3.21", "expiration_time": "1795720407",
}  # fmt: skip


def astdb(file: Path, *rows: tuple[str, str]) -> Path:
    """A database like Asterisk's, with these keys and values."""
    with sqlite3.connect(file) as database:
        database.execute("CREATE TABLE astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
        database.executemany("INSERT INTO astdb VALUES (?, ?)", rows)
    return file


def test_phones_by_their_desks(tmp_path: Path) -> None:
    second = {**KEPT, "uri": "sip:1001@10.0.0.7", "user_agent": ""}
    file = astdb(
        tmp_path / "a", ("/registrar/contact/1001;@1", json.dumps(KEPT)),
        ("/registrar/contact/1001;@2", json.dumps(second)), ("/registrar/other", "{}"), ("/pbx/UNIQUEID", "x"),
    )  # fmt: skip
    assert contacts(file) == {
        "1001": [Contact("127.0.0.5:5062", "MicroSIP/3.21", 1795720407), Contact("10.0.0.7", "", 1795720407)]
    }


@pytest.mark.parametrize("value", ["", "{}", "[]", '{"endpoint": 1}', json.dumps({**KEPT, "expiration_time": "x"})])
def test_what_cannot_be_read_is_not_known(tmp_path: Path, value: str) -> None:
    assert contacts(astdb(tmp_path / "a", ("/registrar/contact/1001;@1", value))) is None


def test_no_database(tmp_path: Path) -> None:
    assert contacts(tmp_path / "none") is None
    (tmp_path / "other").write_bytes(b"x" * 4096)
    assert contacts(tmp_path / "other") is None
