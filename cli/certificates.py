"""Until when a certificate is good, as its file says."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _UTC_TIME = 0xA0, 0x17
_BEFORE_VALIDITY: Final = 3
"""Serial number, algorithm and issuer come first (RFC 5280, 4.1)."""


def valid_until(file: Path) -> datetime:
    """When the first of the certificates in a PEM file ends.

    Raises:
        OSError: it cannot be read, or there is no certificate in it.
    """
    try:
        ends = [_end(ssl.PEM_cert_to_DER_cert(found)) for found in _PEM.findall(file.read_text(encoding="ascii"))]
    except (ValueError, IndexError) as error:  # no text, no base64, no certificate
        raise OSError(f"{file}: {error}") from None
    if not ends:
        raise OSError(f"{file}: no certificate")
    return min(ends)


def _end(der: bytes) -> datetime:
    _, certificate, _ = _element(der)
    _, signed, _ = _element(certificate)
    tag, _, rest = _element(signed)
    if tag != _VERSION:  # of version 1: the serial number comes first
        rest = signed
    for _ in range(_BEFORE_VALIDITY):
        _, _, rest = _element(rest)
    _, validity, _ = _element(rest)
    _, _, rest = _element(validity)
    tag, value, _ = _element(rest)
    form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(value.decode("ascii"), form).replace(tzinfo=UTC)


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """The first element of DER: its tag, its content, and what comes after it."""
    tag, length, begin = data[0], data[1], 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(data[2:begin], "big")
    return tag, data[begin : begin + length], data[begin + length :]
