"""``[[radio]]`` and ``[emergency]`` in ``siaga.toml`` (SOP VII.d). What each key does: docs/radio.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from ari_app.site.values import Digits, Extension, Network, Seconds, Section, SipUri, Words

CallCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-D*#]{2,8}$")]


class Radio(Section):
    """``[[radio]]``: a net that is reached through the SIP-HT gateway.

    ``match``: the addresses from which the gateway calls us; empty: its own. ``lead_in_ms`` left out: 300 with
    ``ptt = "dtmf"``, else none. ``call_code`` left out: officers cannot have an operator rung.
    """

    net: Extension
    name: Words
    gateway: SipUri
    match: tuple[Network, ...] = ()
    connect: Literal["always", "on_demand"] = "always"
    ptt: Literal["vox", "dtmf"] = "vox"
    key_down: Digits = "*"
    key_up: Digits = "#"
    lead_in_ms: Annotated[int, Field(ge=0, le=1000, strict=True)] | None = None
    operator_ptt: Literal["key", "vox"] = "key"
    call_code: CallCode | None = None
    attack_ms: Annotated[int, Field(ge=0, le=1000, strict=True)] = 100
    hang_ms: Annotated[int, Field(ge=0, le=5000, strict=True)] = 400
    talk_level: Annotated[int, Field(ge=1, le=32767, strict=True)] = 256
    timeout_seconds: Seconds = 60


class Emergency(Section):
    """``[emergency]``: ``announce_net`` is the radio net on which emergencies are announced; None: nowhere."""

    announce_net: Extension | None = None


def radio_problems(radios: Iterable[Radio], emergency: Emergency) -> Iterator[str]:
    """What is wrong between the nets' keys and with what points at a net, each beginning with its key."""
    known = list(radios)
    for radio in known:
        # What we press is heard by the gateway, and may be heard of it again: that must never be an officer's call.
        ours = (radio.key_down + radio.key_up) * 9
        if radio.ptt == "dtmf" and radio.call_code is not None and radio.call_code in ours:
            yield (
                f"radio.call_code: {radio.call_code} of net {radio.net} is in what we press for the transmitter, "
                f"{radio.key_down} and {radio.key_up}"
            )
    if emergency.announce_net not in {None, *(radio.net for radio in known)}:
        yield f"emergency.announce_net: there is no radio net {emergency.announce_net}"
