"""A site on loopback, on ports and addresses of its own: for tests and measurements beside each other."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from scripts.phones import Account, free_port

HOST: Final = "127.0.0.1"

_CONFIG: Final = """\
[site]
name = "Polda Uji"
timezone = "Asia/Jakarta"
region = "ID"
emergency_numbers = ["110"]

[asterisk]
sip = "{host}:{sip}"
http = "{host}:{http}"
rtp = [{rtp_from}, {rtp_to}]

[mqtt]
listen = "{host}:{mqtt}"

[queue]
ring_seconds = 2
overflow_seconds = 30
wrapup_seconds = 0

[[trunk]]
name = "pstn"
match = ["{trunk}"]
contact = "sip:{trunk}:5060"

[[polres]]
code = "01"
name = "Polres Uji"

{desks}
[[radio]]
net = "300"
name = "Komando"
gateway = "sip:300@{trunk}:5070"
"""

_DESK: Final = """\
[[desk]]
extension = "{extension}"
unit = "polda"
secret = "{secret}"
login = false
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """A configuration and what stands in it; ``trunk`` is the address that callers dial from."""

    text: str
    sip: int
    http: int
    mqtt: int
    trunk: str
    accounts: tuple[Account, ...]


def loopback(block: int) -> str:
    """A loopback address that nobody else uses: 127.BLOCK.x.y."""
    return f"127.{block}.{random.randint(1, 254)}.{random.randint(1, 254)}"  # noqa: S311 - any will do


def make_sample(*, desks: int) -> Sample:
    """A site with so many Polda desks, 1001 and up."""
    accounts = tuple((str(1001 + n), f"rahasia-{1001 + n}") for n in range(desks))
    sip, http, mqtt = (free_port(HOST, tcp=True) for _ in range(3))
    rtp_from = 2 * random.randint(16_500, 29_000)  # noqa: S311 - any will do
    trunk = loopback(77)
    text = _CONFIG.format(
        host=HOST,
        sip=sip,
        http=http,
        mqtt=mqtt,
        trunk=trunk,
        rtp_from=rtp_from,
        rtp_to=rtp_from + 1999,
        desks="\n".join(_DESK.format(extension=extension, secret=secret) for extension, secret in accounts),
    )
    return Sample(text, sip, http, mqtt, trunk, accounts)
