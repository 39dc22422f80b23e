"""A site on loopback, on ports and addresses of its own: for tests and measurements beside each other."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from ari_app.domain.desks import POLDA
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

{polres}
{desks}
[[radio]]
net = "300"
name = "Komando"
gateway = "sip:300@{gateway}:5070"
connect = "on_demand"
"""

_DESK: Final = """\
[[desk]]
extension = "{extension}"
unit = "{unit}"
secret = "{secret}"
login = {login}
"""


_POLRES: Final = """\
[[polres]]
code = "{code}"
name = "Polres Uji {code}"
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """A configuration and what stands in it; ``trunk`` is the callers' address, ``gateway`` the radio gateway's."""

    text: str
    sip: int
    http: int
    mqtt: int
    trunk: str
    accounts: tuple[Account, ...]
    polres: tuple[Account, ...] = ()
    login: tuple[Account, ...] = ()
    gateway: str = ""


def loopback(block: int) -> str:
    """A loopback address that nobody else uses: 127.BLOCK.x.y."""
    return f"127.{block}.{random.randint(1, 254)}.{random.randint(1, 254)}"  # noqa: S311 - any will do


def make_sample(*, desks: int, polres: int = 0, units: int = 1, login: int = 0, rtp_ports: int = 4000) -> Sample:
    """A site with so many Polda desks (1001 and up) and desks with login (1901 ...), and so many at each Polres.

    There are ``units`` of those, from 01 on; their desks are 2011, 2012 ..., 2021 ... Only the Polda's desks
    without login are in ``accounts``. A call takes four of the ``rtp_ports``; there are six for each desk at least.
    """
    codes = [f"{number:02}" for number in range(1, units + 1)]
    accounts = tuple(_account(1001 + n) for n in range(desks))
    guarded = tuple(_account(1901 + n) for n in range(login))
    others = {code: [_account(f"2{code}{n}") for n in range(1, polres + 1)] for code in codes}
    every = [
        *((*account, POLDA, "false") for account in accounts),
        *((*account, code, "false") for code in codes for account in others[code]),
        *((*account, POLDA, "true") for account in guarded),
    ]
    sip, http, mqtt = (free_port(HOST, tcp=True) for _ in range(3))
    rtp_ports = max(rtp_ports, 6 * desks)
    rtp_from = 2 * random.randint(16_500, 30_000 - rtp_ports // 2)  # noqa: S311 - any will do
    trunk, gateway = loopback(77), loopback(79)
    text = _CONFIG.format(
        host=HOST,
        sip=sip,
        http=http,
        mqtt=mqtt,
        trunk=trunk,
        gateway=gateway,
        rtp_from=rtp_from,
        rtp_to=rtp_from + rtp_ports - 1,
        polres="\n".join(_POLRES.format(code=code) for code in codes),
        desks="\n".join(
            _DESK.format(extension=extension, secret=secret, unit=unit, login=login)
            for extension, secret, unit, login in every
        ),
    )
    others_of_all = tuple(account for code in codes for account in others[code])
    return Sample(text, sip, http, mqtt, trunk, accounts, others_of_all, guarded, gateway)


def _account(extension: int | str) -> Account:
    return str(extension), f"rahasia-{extension}"
