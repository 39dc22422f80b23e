"""Every case there is, in the order of the table."""

from __future__ import annotations

from typing import Final

from scripts.faults import (
    case_application,
    case_asterisk,
    case_broker,
    case_clock,
    case_kills,
    case_link,
    case_network,
    case_phones,
    case_store,
    case_stream,
)
from scripts.faults.experiment import Case

CASES: Final[tuple[Case, ...]] = (
    *case_application.CASES,
    *case_kills.CASES,
    *case_asterisk.CASES,
    *case_link.CASES,
    *case_store.CASES,
    *case_broker.CASES,
    *case_stream.CASES,
    *case_phones.CASES,
    *case_network.CASES,
    *case_clock.CASES,
)
