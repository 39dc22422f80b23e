"""The kinds of values in ``siaga.toml``: none of them can do harm in one of Asterisk's files."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


class Section(BaseModel):
    """A table of ``siaga.toml``: a key that it does not have is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Address(BaseModel):
    """Where something listens or is reached: an IPv4 address or host name, and a port."""

    model_config = ConfigDict(frozen=True)
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_SIP_URI: Final = re.compile(r"sip:(?:[A-Za-z0-9_.+-]+@)?([^@:]+)(?::([^@:]+))?")


def _is_host(text: str) -> bool:
    if not re.search(r"[^0-9.]", text):
        return _ipv4(text) is not None
    return _HOST.fullmatch(text) is not None


def _ipv4(text: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        return None


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,5}", text) is not None and 1 <= int(text) <= 65535  # noqa: PLR2004 - ports


def _address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    host, _, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    if not _is_host(host) or not _is_port(port):
        msg = f"{value!r} is not HOST:PORT"
        raise ValueError(msg)
    return Address(host=host, port=int(port))


def _loopback(address: Address) -> Address:
    number = _ipv4(address.host)
    if address.host != "localhost" and not (number and number.is_loopback):
        msg = f"{address} is not a loopback address: whoever reaches ARI controls every call"
        raise ValueError(msg)
    return address


def _sip_uri(text: str) -> str:
    if text.lower().startswith("sips:"):
        msg = "begins with sips:, and SIP is spoken without TLS here: sip:HOST:PORT"
        raise ValueError(msg)
    found = _SIP_URI.fullmatch(text)
    if found is None or not _is_host(found[1]) or not (found[2] is None or _is_port(found[2])):
        # Not repeated: what somebody wrote before the @ may be a password.
        msg = "is not sip:HOST, sip:HOST:PORT or sip:USER@HOST:PORT"
        raise ValueError(msg)
    return text


def host_of(uri: str) -> str:
    """The host of a SIP address that was found good."""
    found = _SIP_URI.fullmatch(uri)
    return found[1] if found else ""


def port_of(uri: str) -> int:
    """The port of a SIP address that was found good; without one, SIP's own."""
    found = _SIP_URI.fullmatch(uri)
    return int(found[2]) if found and found[2] else 5060


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = f"there is no time zone {name!r}"
        raise ValueError(msg) from None
    return name


def _region(name: str) -> str:
    if name not in SUPPORTED_REGIONS:
        msg = f"there is no region {name!r}; Indonesia is 'ID'"
        raise ValueError(msg)
    return name


def _network(text: str) -> str:
    """The network as ADDRESS or ADDRESS/BITS: other spellings of it mean something else to Asterisk."""
    try:
        network = IPv4Network(text, strict=False)
    except ValueError:
        msg = f"{text!r} is not an IPv4 address or network"
        raise ValueError(msg) from None
    if network.prefixlen == 0:
        msg = "the whole world cannot be the trunk"
        raise ValueError(msg)
    return str(network).removesuffix("/32")


def _whole_path(text: object) -> Path:
    path = Path(text) if isinstance(text, str) else Path()
    if not path.is_absolute():
        msg = f"{text!r} must begin with /: the configuration is copied to the state directory"
        raise ValueError(msg)
    return path


# Whatever reaches one of Asterisk's files must not be able to end its line or begin a comment there.
_Plain = StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
_Text = StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029;\[\]\"\\]{1,120}$")
Name = Annotated[str, _Plain]
Words = Annotated[str, _Text]
Extension = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,8}$")]
AreaCode = Annotated[str, StringConstraints(pattern=r"^(?:[1-9][0-9]{0,3})?$")]
EmergencyNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,15}$")]
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9A-D*#]{1,8}$")]
"""Keys of a telephone, as they are sent to a radio gateway."""
PolresCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")]
ONE_WORD: Final = r"^[!-:<-Z^-~]{1,128}$"
"""What a password may be: printable, without blanks and what has a meaning of its own in Asterisk's files."""
Secret = Annotated[str, StringConstraints(pattern=ONE_WORD)]
SipUri = Annotated[str, AfterValidator(_sip_uri)]
Where = Annotated[Address, BeforeValidator(_address)]
LoopbackAddress = Annotated[Where, AfterValidator(_loopback)]
WholePath = Annotated[Path, BeforeValidator(_whole_path)]
Network = Annotated[str, AfterValidator(_network)]
Zone = Annotated[str, AfterValidator(_zone)]
Region = Annotated[str, AfterValidator(_region)]
Seconds = Annotated[int, Field(ge=1, le=3600, strict=True)]
Days = Annotated[int, Field(ge=0, le=36500, strict=True)]
MediaPort = Annotated[int, Field(ge=1024, le=65535, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
