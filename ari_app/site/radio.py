"""The radio nets of a site: which gateways there are, and what each net's rules are (SOP VII.d)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Final

from ari_app.domain.radio import FloorRules, NetRules, Ptt, endpoint_of_net
from ari_app.site.values import host_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ari_app.site.radio_section import Radio
    from ari_app.site.settings import Settings

DTMF_LEAD_MS: Final = 300
"""How long a transmitter takes to come up, where the site says nothing else."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway with all its nets. ``name`` is its endpoint's; ``match`` are the addresses that it calls from.

    An address that is the trunk's as well is the trunk, and one that is our own is the desks': nobody can tell the two
    apart, and 110 goes first. Such a gateway can be called, and cannot call us.
    """

    name: str
    uris: tuple[str, ...]
    match: tuple[str, ...]
    nets: tuple[str, ...]


def gateways(settings: Settings) -> list[Gateway]:
    """The site's gateways, each known by its host."""
    by_host: dict[str, list[Radio]] = {}
    for radio in settings.radio:
        by_host.setdefault(host_of(radio.gateway), []).append(radio)
    others = [settings.asterisk.sip.host, *(match for trunk in settings.trunk for match in trunk.match)]
    taken: set[str] = set()
    found = []
    for host, radios in by_host.items():
        wanted = dict.fromkeys(match for radio in radios for match in radio.match or (host,))
        match = tuple(each for each in wanted if each not in taken and not _is_within(each, others))
        taken.update(match)
        uris = dict.fromkeys(f"sip:{radio.gateway.partition(':')[2].rpartition('@')[2]}" for radio in radios)
        nets = tuple(radio.net for radio in radios)
        found.append(Gateway(endpoint_of_net(nets[0]), tuple(uris), match, nets))
    return found


def _is_within(match: str, networks: Iterable[str]) -> bool:
    for network in networks:
        try:
            if IPv4Network(match).overlaps(IPv4Network(network)):
                return True
        except ValueError:  # a host's name
            if match == network:
                return True
    return False


def net_rules(settings: Settings) -> list[NetRules]:
    """What the flows must know of each net."""
    endpoint = {net: gateway.name for gateway in gateways(settings) for net in gateway.nets}
    return [_rules(radio, endpoint[radio.net]) for radio in settings.radio]


def _rules(radio: Radio, endpoint: str) -> NetRules:
    ptt = Ptt(radio.key_down, radio.key_up) if radio.ptt == "dtmf" else None
    lead = radio.lead_in_ms
    if lead is None:
        lead = DTMF_LEAD_MS if ptt is not None else 0
    return NetRules(
        radio.net,
        radio.name,
        f"PJSIP/{endpoint}/{radio.gateway}",
        is_always_up=radio.connect == "always",
        ptt=ptt,
        talk_level=radio.talk_level,
        by_voice=radio.operator_ptt == "vox",
        call_code=radio.call_code or "",
        floor=FloorRules(
            attack=radio.attack_ms / 1000,
            hang=radio.hang_ms / 1000,
            lead=lead / 1000 + (ptt.seconds if ptt else 0.0),
            longest=float(radio.timeout_seconds),
        ),
    )
