"""The topics: what is published where. ``docs/mqtt.md`` describes them for readers."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "siaga110"

COMMANDS: Final = f"{PREFIX}/command/"
REPLIES: Final = f"{PREFIX}/reply/"

JOURNAL: Final = f"{PREFIX}/journal"
"""Every record, in order."""

JOURNAL_LAST: Final = f"{PREFIX}/journal/last"
"""Retained: the last record that the broker has confirmed. From there the publisher goes on."""

STATUS: Final = f"{PREFIX}/status"
"""Retained, last will: the application."""

PUBLISHER_STATUS: Final = f"{PREFIX}/status/publisher"
"""Retained, last will: the process that publishes journal and live state."""

ALARMS: Final = f"{PREFIX}/alarms"
QUEUE: Final = f"{PREFIX}/queue"

_CALLS: Final = f"{PREFIX}/calls/"
_DESKS: Final = f"{PREFIX}/desks/"
EVERY_CALL: Final = f"{_CALLS}+"
EVERY_DESK: Final = f"{_DESKS}+"
_NETS: Final = f"{PREFIX}/radio/"
EVERY_NET: Final = f"{_NETS}+"


def is_level(name: str) -> bool:
    """Whether it can be one level of a topic: what is told of a call with another id is in the journal only."""
    return bool(name) and not _NOT_IN_A_LEVEL & set(name)


_NOT_IN_A_LEVEL: Final = frozenset("+#/\0")


def call(id_: str) -> str:
    """Retained while the call lives."""
    return _CALLS + id_


def desk(extension: str) -> str:
    """Retained."""
    return _DESKS + extension


def net(number: str) -> str:
    """Retained."""
    return _NETS + number


def net_in(topic: str) -> str | None:
    """The radio net that a topic is of; None: of none."""
    return topic.removeprefix(_NETS) if topic.startswith(_NETS) else None


def call_in(topic: str) -> str | None:
    """The call that a topic is of; None: of none."""
    return topic.removeprefix(_CALLS) if topic.startswith(_CALLS) else None


def desk_in(topic: str) -> str | None:
    """The desk that a topic is of; None: of none."""
    return topic.removeprefix(_DESKS) if topic.startswith(_DESKS) else None
