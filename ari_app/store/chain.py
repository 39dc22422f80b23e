"""The journal's line and the chain of hashes through all lines (docs/journal.md).

A line is compact JSON with its fields in a fixed order. Its hash is SHA-256 over the hash of the line
before it (64 hexadecimal characters) followed by the line without its ``hash`` field. Whoever changes,
removes, adds or moves a line breaks the chain there.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ari_app.domain.facts import Json, Record

GENESIS: Final = "0" * 64
"""Stands for the hash of the line before the first one."""


class _Body(msgspec.Struct):
    """The hashed part of a line, in the order in which its fields are written."""

    seq: int
    at: str
    actor: str
    action: str
    call: str | None
    data: msgspec.Raw


def _plain(value: object) -> object:
    """What the encoder does not know: another kind of mapping as an object, anything else as text."""
    from collections.abc import Mapping  # noqa: PLC0415 - reached only for odd values

    return dict(value) if isinstance(value, Mapping) else str(value)


_data = msgspec.json.Encoder(order="sorted", enc_hook=_plain)
_body = msgspec.json.Encoder()


def encode_data(data: Mapping[str, Json]) -> bytes:
    """A fact's data as compact JSON with sorted keys in UTF-8; the same data give the same bytes.

    Never raises: what JSON has no form for is kept as text, because a fact is never lost over its form.
    """
    try:
        return _data.encode(data)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return _data.encode(_cleaned(data))


def clean_text(text: str) -> str:
    """The text without lone surrogates, which UTF-8 cannot carry; they are kept as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


_DEEPEST: Final = 20


def _cleaned(value: object, depth: int = 0) -> object:
    """The value made only of what JSON can hold; what lies deeper than 20 levels becomes text."""
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if depth < _DEEPEST and hasattr(value, "items"):
        return {clean_text(str(key)): _cleaned(item, depth + 1) for key, item in value.items()}
    if depth < _DEEPEST and isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(item, depth + 1) for item in value]
    if depth >= _DEEPEST and not isinstance(value, str):
        return "..."
    return clean_text(str(value))


def body(  # noqa: PLR0913, PLR0917 - a line's six fields, in their order
    seq: int, at: str, actor: str, action: str, call: str | None, data: bytes
) -> bytes:
    """The hashed part of a line; ``data`` is its JSON text."""
    return _body.encode(_Body(seq, at, actor, action, call, msgspec.Raw(data)))


def link(before: str, hashed: bytes) -> str:
    """The hash of a line whose predecessor has the hash ``before``."""
    return sha256(before.encode() + hashed).hexdigest()


def line(hashed: bytes, hash_: str) -> bytes:
    """The whole line as it is exported, without a line end."""
    return hashed[:-1] + b',"hash":"' + hash_.encode() + b'"}'


def record_line(record: Record) -> bytes:
    """A record as the line that is exported."""
    data = encode_data(record.data)
    hashed = body(record.seq, record.at, record.actor, record.action, record.call, data)
    return line(hashed, record.hash)
