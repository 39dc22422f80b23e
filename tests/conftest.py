"""What all tests share."""

from __future__ import annotations

import sys

import pytest
import structlog


class _StandardError:
    """Whatever that is at the moment: it may be captured by now."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


@pytest.fixture(autouse=True)
def _logs_beside_the_output() -> None:
    """Logs go where the application's go: a thread's line would stand among what a command prints."""
    structlog.reset_defaults()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=_StandardError()))  # type: ignore[arg-type]  # all it uses is there


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the application does."""
    return "asyncio"
