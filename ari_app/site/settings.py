"""``siaga.toml``: read, checked and frozen. What each key means stands in ``siaga.example.toml``."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from phonenumbers import SUPPORTED_REGIONS
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

POLDA: Final = "polda"
"""The unit of the desks that take every 110 call; all other units are Polres codes."""


class ConfigError(Exception):
    """The configuration cannot be used; the text is one line: file, key and reason."""


class Address(BaseModel):
    """Where something listens or is reached: an IPv4 address or host name, and a port."""

    model_config = ConfigDict(frozen=True)
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def _address(value: object) -> object:
    if not isinstance(value, str):
        return value
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:  # noqa: PLR2004 - ports
        msg = f"{value!r} is not HOST:PORT"
        raise ValueError(msg)
    return Address(host=host, port=int(port))


def _loopback(address: Address) -> Address:
    if not (address.host == "localhost" or address.host.startswith("127.")):
        msg = f"{address} is not a loopback address: whoever reaches ARI controls every call"
        raise ValueError(msg)
    return address


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
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        msg = f"{text!r} is not an IP address or network"
        raise ValueError(msg) from None
    if network.prefixlen == 0:
        msg = "the whole world cannot be the trunk"
        raise ValueError(msg)
    return text


# Whatever reaches one of Asterisk's files must not be able to end its line or begin a comment there.
_Plain = StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")
_Text = StringConstraints(pattern=r"^[^\x00-\x1f;\[\]\"\\]{1,120}$")
Name = Annotated[str, _Plain]
Words = Annotated[str, _Text]
Extension = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,8}$")]
EmergencyNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,15}$")]
PolresCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{2}$")]
Secret = Annotated[str, StringConstraints(pattern=r"^[!-:<-Z^-~]{4,128}$")]
SipUri = Annotated[str, StringConstraints(pattern=r"^sips?:([A-Za-z0-9_.+-]+@)?[A-Za-z0-9_.-]+(:[0-9]{1,5})?$")]
Where = Annotated[Address, BeforeValidator(_address)]
Seconds = Annotated[int, Field(ge=1, le=3600, strict=True)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Site(_Section):
    """``[site]``: who and where."""

    name: Words
    timezone: Annotated[str, AfterValidator(_zone)] = "Asia/Jakarta"
    region: Annotated[str, AfterValidator(_region)] = "ID"
    emergency_numbers: Annotated[tuple[EmergencyNumber, ...], Field(min_length=1)] = ("110",)


class Asterisk(_Section):
    """``[asterisk]``: where it listens. ``rtp`` is the first and the last port of the media."""

    sip: Where = Address(host="127.0.0.1", port=5060)
    http: Annotated[Where, AfterValidator(_loopback)] = Address(host="127.0.0.1", port=8088)
    rtp: tuple[Annotated[int, Field(ge=1024, le=65535)], Annotated[int, Field(ge=1024, le=65535)]] = (10000, 14999)

    @model_validator(mode="after")
    def _check_rtp(self) -> Self:
        first, last = self.rtp
        if last - first < 3:  # noqa: PLR2004 - a call has two legs, each takes two ports
            msg = f"rtp: [{first}, {last}] leaves no room for one call"
            raise ValueError(msg)
        if first <= self.sip.port <= last:
            msg = f"rtp: [{first}, {last}] takes in the SIP port {self.sip.port}"
            raise ValueError(msg)
        return self


class Mqtt(_Section):
    """``[mqtt]``: ``listen`` starts a broker of our own there; ``url`` names another one instead."""

    listen: Where | None = None
    url: Annotated[str, StringConstraints(pattern=r"^mqtts?://[^\s]+$")] | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if self.listen is not None and self.url is not None:
            msg = "listen and url exclude each other: our own broker, or another one"
            raise ValueError(msg)
        return self

    @property
    def own_broker(self) -> Address | None:
        """Where our own broker listens; None when another one is used."""
        if self.url is not None:
            return None
        return self.listen or Address(host="127.0.0.1", port=1883)


class Database(_Section):
    """``[database]``: an SQLAlchemy address; empty: SQLite under the state directory."""

    url: str = ""


class Queue(_Section):
    """``[queue]``: SOP V.2, in seconds."""

    ring_seconds: Seconds = 12
    overflow_seconds: Seconds = 30
    wrapup_seconds: Annotated[int, Field(ge=0, le=3600, strict=True)] = 15


class Transfer(_Section):
    """``[transfer]``: SOP V.10, in seconds."""

    answer_seconds: Seconds = 5


class Block(_Section):
    """``[block]``: SOP VIII."""

    pranks: Annotated[int, Field(ge=1, le=1000, strict=True)] = 5


class Trunk(_Section):
    """``[[trunk]]``: only the addresses in ``match`` are it."""

    name: Name
    match: Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], Field(min_length=1)]
    contact: SipUri


class Polres(_Section):
    """``[[polres]]``: a district police; the coordinates are its seat's, in degrees."""

    code: PolresCode
    name: Words
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None


class Desk(_Section):
    """``[[desk]]``: a place with a phone, at the Polda or at a Polres."""

    extension: Extension
    unit: Name = POLDA
    secret: Secret | None = None
    login: bool = True


class Radio(_Section):
    """``[[radio]]``: a net that is reached through the SIP-HT gateway."""

    net: Extension
    name: Words
    gateway: SipUri
    ptt: Literal["vox", "dtmf"] = "vox"
    timeout_seconds: Seconds = 60


class Settings(_Section):
    """All of ``siaga.toml``."""

    site: Site
    asterisk: Asterisk = Asterisk()
    mqtt: Mqtt = Mqtt()
    database: Database = Database()
    queue: Queue = Queue()
    transfer: Transfer = Transfer()
    block: Block = Block()
    trunk: Annotated[tuple[Trunk, ...], Field(min_length=1)]
    polres: tuple[Polres, ...] = ()
    desk: Annotated[tuple[Desk, ...], Field(min_length=1)]
    radio: tuple[Radio, ...] = ()

    @property
    def polda_desks(self) -> tuple[Desk, ...]:
        """The desks that take 110 calls, in the order of the file."""
        return tuple(desk for desk in self.desk if desk.unit == POLDA)

    @model_validator(mode="after")
    def _check_whole(self) -> Self:
        problem = next(self._problems(), None)
        if problem is not None:
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        """What is wrong between sections, each beginning with the key that it is about."""
        yield from _twice("desk.extension", (desk.extension for desk in self.desk))
        yield from _twice("polres.code", (polres.code for polres in self.polres))
        yield from _twice("trunk.name", (trunk.name for trunk in self.trunk))
        yield from _twice("trunk.match", (match for trunk in self.trunk for match in trunk.match))
        yield from _twice("radio.net", (radio.net for radio in self.radio))
        yield from _twice("site.emergency_numbers", self.site.emergency_numbers)
        units = {POLDA, *(polres.code for polres in self.polres)}
        for desk in self.desk:
            if desk.unit not in units:
                yield f"desk.unit: desk {desk.extension} is of the unknown unit {desk.unit!r}"
        if not self.polda_desks:
            yield 'desk.unit: no desk has unit = "polda", so nobody would answer 110'
        yield from self._dialled_twice()

    def _dialled_twice(self) -> Iterator[str]:
        """Whatever can be dialled at a desk must mean one thing only."""
        meanings: dict[str, str] = {}
        everything = [
            *((number, "site.emergency_numbers") for number in self.site.emergency_numbers),
            *((desk.extension, "desk.extension") for desk in self.desk),
            *((radio.net, "radio.net") for radio in self.radio),
            *((f"2{polres.code}", "polres.code") for polres in self.polres),
        ]
        for number, key in everything:
            if meanings.setdefault(number, key) != key:
                yield f"{key}: {number} is dialled for {meanings[number]} already"
        names = {trunk.name for trunk in self.trunk}
        for number in meanings:
            if number in names:
                yield f"trunk.name: {number} is a number that can be dialled"


def _twice(key: str, values: Iterable[str]) -> Iterator[str]:
    for value, count in Counter(values).items():
        if count > 1:
            yield f"{key}: {value} is there {'twice' if count == 2 else f'{count} times'}"  # noqa: PLR2004 - two is twice


def load_settings(path: Path) -> Settings:
    """Read and check the configuration in ``path``.

    Raises:
        ConfigError: it is missing, not TOML, or something in it cannot be; the text names file and key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first(error, content)}") from None


def _first(error: ValidationError, content: dict[str, Any]) -> str:
    """The first problem as ``key: reason``; how many more there are is said, not listed."""
    problems = error.errors(include_url=False)
    first = problems[0]
    key = _key(first["loc"], content)
    reasons = {"extra_forbidden": "unknown key", "missing": "is missing"}
    reason = reasons.get(first["type"], first["msg"].removeprefix("Value error, "))
    if first["type"] == "string_pattern_mismatch":
        reason = f"{first['input']!r} is not allowed here"
    if key.endswith("secret"):
        reason = "4 to 128 printable characters without blanks, ';' or '['"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return (f"{key}: {reason}" if key else reason) + more


def _key(location: tuple[int | str, ...], content: dict[str, Any]) -> str:
    """``desk[2] (1003).unit``: tables of which there are several are named by their place and first value."""
    parts: list[str] = []
    node: Any = content
    for step in location:
        node = node[step] if _has(node, step) else None
        if isinstance(step, int):
            name = next((value for value in node.values() if isinstance(value, str)), "") if _is_table(node) else ""
            parts[-1] += f"[{step + 1}]" + (f" ({name})" if name else "")
        else:
            parts.append(step)
    return ".".join(parts)


def _is_table(node: object) -> bool:
    return isinstance(node, dict)


def _has(node: object, step: int | str) -> bool:
    if isinstance(node, dict):
        return step in node
    return isinstance(node, list) and isinstance(step, int) and step < len(node)
