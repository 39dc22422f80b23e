"""Simulated phones: SIPp speaks SIP for load, handsets speak it themselves; Python speaks RTP and judges the audio.

Shared by the tests, the demo and the benchmark. ``Phones`` owns everything that is started: desk phones
that register and are rung, callers who dial from the trunk's address, and the audio either side hears.
"""

from __future__ import annotations

from scripts.phones.audio import Audio
from scripts.phones.behaviour import Behaviour
from scripts.phones.caller import Caller, CallResult, Dialling, LoadResult, percentile
from scripts.phones.desk import Desk
from scripts.phones.events import Event, PhoneEndedError, PhoneError, PhoneTimeoutError
from scripts.phones.gateway import RadioGateway
from scripts.phones.handset import Handset
from scripts.phones.handset_call import HandsetCall
from scripts.phones.keys import KeyPress
from scripts.phones.phones import Account, Phones
from scripts.phones.ports import free_port

__all__ = [
    "Account",
    "Audio",
    "Behaviour",
    "CallResult",
    "Caller",
    "Desk",
    "Dialling",
    "Event",
    "Handset",
    "HandsetCall",
    "KeyPress",
    "LoadResult",
    "PhoneEndedError",
    "PhoneError",
    "PhoneTimeoutError",
    "Phones",
    "RadioGateway",
    "free_port",
    "percentile",
]
