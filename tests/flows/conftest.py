"""Fixtures of the flows' tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from tests.flows.fake_asterisk import Lags
from tests.flows.virtual_time import BACKEND

T = TypeVar("T")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Every asynchronous test here runs in virtual time."""
    return BACKEND


async def _at_once(function: Callable[..., T], *arguments: object, limiter: object = None) -> T:
    await anyio.lowlevel.checkpoint()
    assert limiter is None or isinstance(limiter, anyio.CapacityLimiter)
    return function(*arguments)


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread knows nothing of virtual time; what would run in one runs at once."""
    monkeypatch.setattr(anyio.to_thread, "run_sync", _at_once)


@pytest.fixture(params=["event first", "answer first"])
def lags(request: pytest.FixtureRequest) -> Lags:
    """Whether a command's events come before its answer, or after."""
    event = 0.0005 if request.param == "event first" else 0.004
    return Lags(event=lambda: event)
