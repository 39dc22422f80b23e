"""The journal's line and the chain of hashes through all lines (docs/journal.md).

A line is compact JSON with its fields in a fixed order. Its hash is SHA-256 over the hash of the line
before it (64 hexadecimal characters) followed by the line without its ``hash`` field. Whoever changes,
removes, adds or moves a line breaks the chain there.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from ari_app.domain.facts import Json, Record

GENESIS: Final = "0" * 64
"""Stands for the hash of the line before the first one."""

Row: TypeAlias = tuple[int, str, str, str, "str | None", str, str]
"""A line as it is stored: seq, at, actor, action, call, data (JSON text), hash."""

Content: TypeAlias = tuple[str, str, str, "str | None", str]
"""A line without number and hash."""


class _Body(msgspec.Struct):
    """The hashed part of a line, in the order in which its fields are written."""

    seq: int
    at: str
    actor: str
    action: str
    call: str | None
    data: msgspec.Raw


class _Line(msgspec.Struct):
    """A whole line, as it is exported."""

    seq: int
    at: str
    actor: str
    action: str
    call: str | None
    data: msgspec.Raw
    hash: str


def _plain(value: object) -> object:
    """What the encoder does not know: another kind of mapping as an object, anything else as text."""
    from collections.abc import Mapping  # noqa: PLC0415 - reached only for odd values

    return dict(value) if isinstance(value, Mapping) else str(value)


_data = msgspec.json.Encoder(order="sorted", enc_hook=_plain)
_body = msgspec.json.Encoder()
_line = msgspec.json.Decoder(_Line)


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


def row_line(row: Row) -> bytes:
    """A stored line as it is exported."""
    seq, at, actor, action, call, data, hash_ = row
    return line(body(seq, at, actor, action, call, data.encode()), hash_)


def behind(before: tuple[int, str], content: Content) -> Row:
    """The line behind the one with this number and hash, as it is stored."""
    seq, (at, actor, action, call, data) = before[0] + 1, content
    try:
        hashed = body(seq, at, actor, action, call, data.encode())
    except UnicodeEncodeError:
        actor, action, call = clean_text(actor), clean_text(action), call and clean_text(call)
        hashed = body(seq, at, actor, action, call, data.encode())
    return seq, at, actor, action, call, data, link(before[1], hashed)


def moment(at: datetime | None, told: float, zone: ZoneInfo) -> str:
    """A line's moment in the site's time: the fact's own, or the one at which it was told (seconds since 1970)."""
    if at is None:
        at = datetime.fromtimestamp(told, UTC)
    elif at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    try:
        return at.astimezone(zone).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError):  # beyond the calendar's ends: a fact is never lost over its form
        return moment(None, told, zone)


def follows(row: Row, before: str) -> bool:
    """Whether a line is the one after the line with the hash ``before``."""
    seq, at, actor, action, call, data, hash_ = row
    return link(before, body(seq, at, actor, action, call, data.encode())) == hash_


def parse_line(text: bytes) -> Row:
    """What ``line`` has made, as it is stored.

    Raises:
        msgspec.MsgspecError, UnicodeDecodeError: it is not a line of a journal.
    """
    each = _line.decode(text)
    return each.seq, each.at, each.actor, each.action, each.call, bytes(each.data).decode(), each.hash


def record_line(record: Record) -> bytes:
    """A record as the line that is exported."""
    data = encode_data(record.data)
    hashed = body(record.seq, record.at, record.actor, record.action, record.call, data)
    return line(hashed, record.hash)
