"""``siaga.toml``: read, checked and frozen. What each key means stands in ``siaga.example.toml``."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from ari_app.domain.blocklist import MOST_MARKS
from ari_app.domain.desks import POLDA, POLRES_PREFIX
from ari_app.domain.radio import endpoint_of_net
from ari_app.site.basics import REGION, TIMEZONE
from ari_app.site.radio_section import Emergency, Radio, radio_problems
from ari_app.site.shifts import USUAL, Shift
from ari_app.site.values import (
    Address,
    AreaCode,
    Days,
    EmergencyNumber,
    Extension,
    Flag,
    LoopbackAddress,
    MediaPort,
    Name,
    Network,
    PolresCode,
    Region,
    Seconds,
    Secret,
    Section,
    SipUri,
    Where,
    WholePath,
    Words,
    Zone,
)


class ConfigError(Exception):
    """The configuration cannot be used; the text is one line: file, key and reason."""


def _room_for_a_call(rtp: tuple[int, int]) -> tuple[int, int]:
    first, last = rtp
    if last - first < 3:  # noqa: PLR2004 - a call has two legs, each takes two ports
        msg = f"[{first}, {last}] leaves no room for one call"
        raise ValueError(msg)
    return rtp


class Site(Section):
    """``[site]``: who and where."""

    name: Words
    timezone: Zone = TIMEZONE
    region: Region = REGION
    area_code: AreaCode = ""
    emergency_numbers: Annotated[tuple[EmergencyNumber, ...], Field(min_length=1)] = ("110",)


class Asterisk(Section):
    """``[asterisk]``: where it listens. ``rtp`` is the first and the last port of the media."""

    sip: Where = Address(host="127.0.0.1", port=5060)
    http: LoopbackAddress = Address(host="127.0.0.1", port=8088)
    rtp: Annotated[tuple[MediaPort, MediaPort], AfterValidator(_room_for_a_call)] = (10000, 14999)


_MQTT_PORT, _MQTTS_PORT = 1883, 8883


class Mqtt(Section):
    """``[mqtt]``: ``listen`` starts a broker of our own there; ``url`` names another one instead.

    For mqtts, in PEM files: ``ca`` is whom we trust (None: whom the system does), ``certificate`` and ``key`` who we
    are. Whether they are there is not checked here: calls are served without a broker, too.
    """

    listen: Where | None = None
    url: Annotated[str, StringConstraints(pattern=r"^mqtts?://[^\s]+$")] | None = None
    ca: WholePath | None = None
    certificate: WholePath | None = None
    key: WholePath | None = None

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if self.listen is not None and self.url is not None:
            msg = "listen and url exclude each other: our own broker, or another one"
            raise ValueError(msg)
        if (self.ca or self.certificate or self.key) and not self.is_tls:
            msg = "ca, certificate and key are for a broker whose url begins with mqtts:"
            raise ValueError(msg)
        if self.key is not None and self.certificate is None:
            msg = "key goes with a certificate"
            raise ValueError(msg)
        return self

    @property
    def own_broker(self) -> Address | None:
        """Where our own broker listens; None when another one is used."""
        if self.url is not None:
            return None
        return self.listen or Address(host="127.0.0.1", port=_MQTT_PORT)

    @property
    def address(self) -> Address:
        """Where the broker is reached, our own or another one."""
        if self.own_broker is not None:
            return self.own_broker
        url = urlsplit(self.url or "")
        return Address(host=url.hostname or "localhost", port=url.port or (_MQTTS_PORT if self.is_tls else _MQTT_PORT))

    @property
    def is_tls(self) -> bool:
        """Whether the broker is reached by TLS."""
        return (self.url or "").startswith("mqtts:")


class Database(Section):
    """``[database]``: an SQLAlchemy address; empty: SQLite under the state directory."""

    url: str = ""


class Queue(Section):
    """``[queue]``: SOP V.2, in seconds."""

    ring_seconds: Seconds = 12
    announce_seconds: Seconds = 8
    overflow_seconds: Seconds = 30
    wrapup_seconds: Annotated[int, Field(ge=0, le=3600, strict=True)] = 15
    dead_phone_seconds: Annotated[int, Field(ge=0, le=3600, strict=True)] = 6
    unheard_phone_seconds: Annotated[int, Field(ge=0, le=3600, strict=True)] = 0


class Transfer(Section):
    """``[transfer]``: SOP V.10, in seconds."""

    answer_seconds: Seconds = 5


class Prompts(Section):
    """``[prompts]``: what callers hear; ``greeting``: SOP VI "Salam Pembuka" before the operator is connected."""

    greeting: Flag = False


class Block(Section):
    """``[block]``: SOP VIII. A mark counts for ``window_days``, a block lasts ``expire_days``; 0: for ever.

    ``verification_max`` is how many blocked callers wait for an operator at most.
    """

    pranks: Annotated[int, Field(ge=1, le=MOST_MARKS, strict=True)] = 5
    window_days: Days = 0
    expire_days: Days = 0
    verification_max: Annotated[int, Field(ge=1, le=1000, strict=True)] = 20


class Trunk(Section):
    """``[[trunk]]``: only the addresses in ``match`` are it.

    ``identity``: callers' numbers are those of P-Asserted-Identity, where there is one, or of From only.
    """

    name: Name
    match: Annotated[tuple[Network, ...], Field(min_length=1)]
    contact: SipUri
    identity: Literal["pai", "from"] = "pai"


class Polres(Section):
    """``[[polres]]``: a district police; the coordinates are its seat's, in degrees."""

    code: PolresCode
    name: Words
    latitude: Annotated[float, Field(ge=-90, le=90, strict=True)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, strict=True)] | None = None

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            msg = "latitude and longitude go together"
            raise ValueError(msg)
        return self


class Desk(Section):
    """``[[desk]]``: a place with a phone, at the Polda or at a Polres."""

    extension: Extension
    unit: Name = POLDA
    secret: Secret | None = None
    login: Flag = True


class Settings(Section):
    """All of ``siaga.toml``."""

    site: Site
    asterisk: Asterisk = Asterisk()
    mqtt: Mqtt = Mqtt()
    database: Database = Database()
    queue: Queue = Queue()
    transfer: Transfer = Transfer()
    prompts: Prompts = Prompts()
    block: Block = Block()
    trunk: Annotated[tuple[Trunk, ...], Field(min_length=1)]
    polres: tuple[Polres, ...] = ()
    desk: Annotated[tuple[Desk, ...], Field(min_length=1)]
    emergency: Emergency = Emergency()
    radio: tuple[Radio, ...] = ()
    shift: Annotated[tuple[Shift, ...], Field(min_length=1)] = USUAL

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
        yield from _twice("shift.name", (shift.name for shift in self.shift))
        yield from _twice("site.emergency_numbers", self.site.emergency_numbers)
        units = {POLDA, *(polres.code for polres in self.polres)}
        for desk in self.desk:
            if desk.unit not in units:
                yield f"desk.unit: desk {desk.extension} is of the unknown unit {desk.unit!r}"
        if not self.polda_desks:
            yield 'desk.unit: no desk has unit = "polda", so nobody would answer 110'
        yield from self._dialled_twice()
        yield from self._ports_twice()
        yield from radio_problems(self.radio, self.emergency)

    def _ports_twice(self) -> Iterator[str]:
        """Two of ours cannot listen at the same place. Everything but the audio uses TCP."""
        sip, (first, last) = self.asterisk.sip, self.asterisk.rtp
        if first <= sip.port <= last:
            yield f"asterisk.rtp: [{first}, {last}] takes in the SIP port {sip.port}"
        places = [("asterisk.sip", sip), ("asterisk.http", self.asterisk.http), ("mqtt.listen", self.mqtt.own_broker)]
        taken: dict[int, list[tuple[str, Address]]] = {}
        for key, place in places:
            if place is None:
                continue
            for other, there in taken.setdefault(place.port, []):
                if place.host == there.host or "0.0.0.0" in {place.host, there.host}:  # noqa: S104 - only compared
                    yield f"{key}: {place} is {other} already"
            taken[place.port].append((key, place))

    def _dialled_twice(self) -> Iterator[str]:
        """Whatever can be dialled at a desk must mean one thing only."""
        meanings: dict[str, str] = {}
        everything = [
            *((number, "site.emergency_numbers") for number in self.site.emergency_numbers),
            *((desk.extension, "desk.extension") for desk in self.desk),
            *((radio.net, "radio.net") for radio in self.radio),
            *((f"{POLRES_PREFIX}{polres.code}", "polres.code") for polres in self.polres),
        ]
        for number, key in everything:
            if meanings.setdefault(number, key) != key:
                yield f"{key}: {number} is dialled for {meanings[number]} already"
        names = {trunk.name for trunk in self.trunk}
        for number in meanings:
            if number in names:
                yield f"trunk.name: {number} is a number that can be dialled"
        for name in names & {endpoint_of_net(radio.net) for radio in self.radio}:
            yield f"trunk.name: {name} is what the gateway of a radio net is called"


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
        # utf-8-sig: some editors begin a file with a mark that TOML does not know.
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # also a number of 5000 digits and a list in a list in a list ...
        raise ConfigError(f"{path}: not TOML: {error}") from None
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first(error, content)}") from None


def _first(error: ValidationError, content: dict[str, Any]) -> str:
    """The first problem as ``key: reason``; how many more there are is said, not listed."""
    everything = error.errors(include_url=False)
    # A list whose only entry is wrong also counts as too short: that is no second problem.
    problems = [each for each in everything if each["type"] != "too_short"] or everything
    first = problems[0]
    key = _key(first["loc"], content)
    reason = _REASONS.get(first["type"], first["msg"].removeprefix("Value error, "))
    if key.endswith("secret"):
        reason = "1 to 128 printable characters without blanks, ';', '[', ']' or '\\'"
    elif key.endswith("url"):  # it may have a password in it
        reason = (
            "mqtt://HOST:PORT or mqtts://HOST:PORT" if key.startswith("mqtt") else "an SQLAlchemy address, or empty"
        )
    elif first["type"] == "string_pattern_mismatch":
        allowed = _ALLOWED.get(key.rpartition(".")[2].partition("[")[0], "other characters")
        reason = f"{first['input']!r} is not allowed here, only {allowed}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return (f"{key}: {reason}" if key else reason) + more


_ALLOWED: Final = {
    "extension": "2 to 8 digits",
    "net": "2 to 8 digits",
    "code": "2 digits",
    "emergency_numbers": "2 to 15 digits",
    "area_code": "up to 4 digits, without the 0 before them",
    "name": "plain text without quotes, brackets and semicolons",
    "unit": '"polda" or a Polres code',
    "contact": "sip:HOST:PORT",
    "gateway": "sip:NET@HOST:PORT",
    "key_down": "1 to 8 of the keys 0-9, *, # and A-D",
    "key_up": "1 to 8 of the keys 0-9, *, # and A-D",
    "call_code": "2 to 8 of the keys 0-9, *, # and A-D",
    "announce_net": "2 to 8 digits",
}

_REASONS: Final = {
    "extra_forbidden": "unknown key",
    "missing": "is missing",
    "tuple_type": "is not a list",
    "model_type": "is not a table",
}
_NAMES: Final = ("extension", "code", "net", "name")
"""What a table is known by. Never simply its first value, which may be its secret."""


def _key(location: tuple[int | str, ...], content: dict[str, Any]) -> str:
    """``desk[2] (1003).unit``: tables of which there are several are named by their place and what they are called."""
    parts: list[str] = []
    node: Any = content
    for step in location:
        node = node[step] if _has(node, step) else None
        if isinstance(step, int):
            name = next((node[key] for key in _NAMES if key in node), "") if isinstance(node, dict) else ""
            shown = f" ({name})" if isinstance(name, str) and name and name.isprintable() else ""
            parts[-1] += f"[{step + 1}]{shown}"
        else:
            parts.append(step if step.isprintable() else repr(step))
    return ".".join(parts)


def _has(node: object, step: int | str) -> bool:
    if isinstance(node, dict):
        return step in node
    return isinstance(node, list) and isinstance(step, int) and step < len(node)
