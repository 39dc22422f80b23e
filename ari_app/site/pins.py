"""Operators' PINs: only their hashes, in a file of the state directory that only its owner may read.

A PIN has four to eight digits, so whoever has its hash soon has the PIN: the hashes are never in the journal and
never in a log. Argon2id takes 19 MiB and some 20 ms a time, for whoever guesses as for us.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from ari_app.domain.operators import PIN_HASH, PinNotKept
from ari_app.site.state import StateDir, StateError, write_private

_HASH: Final = re.compile(PIN_HASH)
_hasher: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, hash_len=32, salt_len=16, type=Type.ID)


def hash_pin(pin: str) -> str:
    """The hash of a PIN, with a salt of its own; takes some 20 ms."""
    return _hasher.hash(pin)


def pins_file(state: StateDir) -> Path:
    """Where the hashes lie in a state directory."""
    return state.root / "pins.json"


class Pins:
    """The hashes by NRP. ``verify`` may be called from any thread, ``keep`` and ``forget`` from one at a time.

    A file that cannot be read must not keep the application from its calls: ``trouble`` says what is wrong with it
    in one sentence, nobody's PIN is right then, and nothing is written over it.
    """

    def __init__(self, path: Path) -> None:
        """Read them; there being no file is no trouble."""
        self.trouble: str | None = None
        self._path = path
        self._hashes: Mapping[str, str] = {}
        try:
            self._hashes = _read(path)
        except StateError as error:
            self.trouble = str(error)

    @cached_property
    def _nobodys(self) -> str:
        # Made when it is first needed: no caller of a start waits for it.
        return hash_pin(secrets.token_hex())

    def verify(self, nrp: str, pin: str) -> bool:
        """Whether this is the operator's PIN; takes as long for somebody who has none."""
        known = self._hashes.get(nrp)
        try:
            _hasher.verify(known or self._nobodys, pin)
        except (VerificationError, InvalidHashError, UnicodeError):
            return False
        return known is not None

    def known(self) -> frozenset[str]:
        """The NRPs of those who have a PIN; nobody's while the file cannot be read."""
        return frozenset(nrp for nrp, pin_hash in self._hashes.items() if _HASH.fullmatch(pin_hash))

    def keep(self, nrp: str, pin_hash: str) -> None:
        """Keep an operator's hash, in place of a former one; on return it is on disk.

        Raises:
            PinNotKept: the file cannot be read or written, or it is no hash as ``hash_pin`` makes them.
        """
        if not _HASH.fullmatch(pin_hash):
            raise PinNotKept("that is not the hash of a PIN")
        self._write({**self._hashes, nrp: pin_hash})

    def forget(self, nrp: str) -> None:
        """Keep an operator's hash no longer; on return it is gone from disk.

        Raises:
            PinNotKept: the file cannot be read or written.
        """
        if self.trouble or nrp in self._hashes:
            self._write({known: pin_hash for known, pin_hash in self._hashes.items() if known != nrp})

    def _write(self, hashes: dict[str, str]) -> None:
        if self.trouble is not None:
            raise PinNotKept(self.trouble)
        try:
            write_private(self._path, json.dumps(hashes, indent=1, sort_keys=True) + "\n")
        except StateError as error:
            raise PinNotKept(str(error)) from None
        self._hashes = hashes


def _read(path: Path) -> dict[str, str]:
    damaged = StateError(f"{path} is damaged: put back a copy, or move it away and give every operator a new PIN")
    try:
        kept: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise damaged from None
    if not isinstance(kept, dict) or not all(isinstance(pin_hash, str) for pin_hash in kept.values()):
        raise damaged
    return kept
