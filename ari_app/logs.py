"""Logs: one JSON line for each event, with the call's id on it.

Personal data (numbers, names) is never logged; it stands in the journal, where it can be guarded. So are the values
of a failed function's variables, which may be numbers, PINs or passwords.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict


class _Patient:
    """A stream whose failures are swallowed: a full disk may cost the log's lines, never a call."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return


def say_little() -> None:
    """Log on standard error what is critical only: for a command, which says itself what is wrong, in one sentence."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger("critical"),
        logger_factory=structlog.WriteLoggerFactory(file=_Patient(sys.stderr)),  # type: ignore[arg-type]  # all it uses is there
    )


def set_up(level: str = "info") -> None:
    """Send logs from ``level`` on to standard error, which the launcher keeps under the state directory."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _stamp,
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=_Patient(sys.stderr)),  # type: ignore[arg-type]  # all it uses is there
        cache_logger_on_first_use=True,
    )


def _stamp(_logger: object, _level: str, event: EventDict) -> EventDict:
    """The moment in the machine's time with its offset from UTC, which need not be the site's (structlog has none)."""
    event["timestamp"] = datetime.now(UTC).astimezone().isoformat(timespec="milliseconds")
    return event
