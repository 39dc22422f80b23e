"""The file of the PINs' hashes."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from time import process_time

import pytest

from ari_app.domain.operators import PIN_HASH, PinNotKept
from ari_app.site.pins import Pins, hash_pin, pins_file
from ari_app.site.state import StateDir


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return pins_file(StateDir(tmp_path))


def test_kept_and_found_again(file: Path) -> None:
    pins = Pins(file)
    assert not pins.verify("11111", "1234")
    pins.keep("11111", hash_pin("1234"))
    for each in (pins, Pins(file)):
        assert each.trouble is None
        assert each.verify("11111", "1234")
        assert not each.verify("11111", "1235")
        assert not each.verify("22222", "1234")
        assert not each.verify("11111", "")
        assert not each.verify("11111", "\ud800")
    pins.keep("11111", hash_pin("9999"))
    assert not pins.verify("11111", "1234")
    pins.forget("11111")
    pins.forget("11111")
    assert not Pins(file).verify("11111", "9999")


def test_only_its_owner_reads_it_and_no_pin_is_in_it(file: Path) -> None:
    Pins(file).keep("11111", hash_pin("87654321"))
    assert file.stat().st_mode & 0o077 == 0
    assert "87654321" not in file.read_text()


def test_the_hash_is_as_strong_as_it_should_be() -> None:
    made = hash_pin("1234")
    assert re.fullmatch(PIN_HASH, made)
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$"), "19 MiB, 2 passes, 1 lane"
    assert hash_pin("1234") != made, "a salt of its own"


def test_an_unknown_nrp_takes_as_long_as_a_wrong_pin(file: Path) -> None:
    pins = Pins(file)
    pins.keep("11111", hash_pin("1234"))

    def cost(nrp: str) -> float:
        taken = []
        for _ in range(5):
            began = process_time()
            pins.verify(nrp, "0000")
            taken.append(process_time() - began)
        return min(taken)

    assert 0.5 < cost("11111") / cost("22222") < 2


WELL_MADE = hash_pin("1234")


@pytest.mark.parametrize(
    "pin_hash",
    ["", "1234", "$argon2id$v=19$m=4194304,t=2,p=1$YWFhYWFhYWFhYWFhYWFhYQ$" + "a" * 43, "x\n", WELL_MADE + "\n"],
    ids=["empty", "the PIN", "4 GiB", "x", "with a line's end"],
)
def test_what_is_no_hash_is_not_kept(file: Path, pin_hash: str) -> None:
    """One that wants 4 GiB would stop the whole program at the next login."""
    with pytest.raises(PinNotKept, match="not the hash of a PIN"):
        Pins(file).keep("11111", pin_hash)
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"11111": 5}', b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_no_reason_to_stop_and_is_not_written_over(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    pins = Pins(file)
    assert pins.trouble is not None
    assert "pins.json is damaged" in pins.trouble
    assert not pins.verify("11111", "1234")
    with pytest.raises(PinNotKept, match="damaged"):
        pins.keep("11111", hash_pin("1234"))
    with pytest.raises(PinNotKept, match="damaged"):
        pins.forget("11111")
    assert file.read_bytes() == content


def test_a_damaged_hash_is_nobodys_pin(file: Path) -> None:
    file.write_text(json.dumps({"11111": "$argon2id$"}))
    assert not Pins(file).verify("11111", "1234")


def test_what_cannot_be_written_changes_nothing(file: Path) -> None:
    pins = Pins(file)
    pins.keep("11111", hash_pin("1234"))
    file.with_name(".pins.json.new").mkdir()
    with pytest.raises(PinNotKept, match="cannot be written"):
        pins.keep("22222", hash_pin("1234"))
    with pytest.raises(PinNotKept, match="cannot be written"):
        pins.forget("11111")
    assert pins.verify("11111", "1234")
    assert not pins.verify("22222", "1234")


def test_checked_in_several_threads_while_others_change(file: Path) -> None:
    pins = Pins(file)
    pins.keep("11111", hash_pin("1234"))
    right: list[bool] = []
    threads = [threading.Thread(target=lambda: right.append(pins.verify("11111", "1234"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for number in range(5):
        pins.keep(f"2222{number}", hash_pin("1"))
    for thread in threads:
        thread.join()
    assert right == [True] * 6
