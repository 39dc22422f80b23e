"""Logs: one JSON line for each event, and nobody's number, PIN or password in it."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from ari_app import logs, tables
from ari_app.ari.errors import AriUnreachable

SECRETS = ("+6281234567890", "1357902", "rahasia-1001")


SetUp = Callable[[Callable[[], object]], io.StringIO]


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Iterator[SetUp]:
    """Sets up logs, in the way that it is given, in a process with the standard error that it returns."""
    stream = io.StringIO()

    def by(set_up: Callable[[], object]) -> io.StringIO:
        monkeypatch.setattr(sys, "stderr", stream)
        set_up()
        return stream

    yield by
    structlog.reset_defaults()


def begin_tables(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other process on a state directory; here it finds none."""
    monkeypatch.setattr(sys, "argv", ["ari_app.tables", "--state", str(folder / "none")])
    assert tables.main() == 1


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines() if not line.startswith("siaga110: ")]


class _Pad:
    """Something that has been dialled."""

    def __init__(self, pin: str) -> None:
        self.pin = pin


def fail(number: str, pin: str) -> None:
    dialled = {"number": number, "pad": _Pad(pin), "pins": [pin]}
    password = "rahasia-1001"
    if dialled and password:
        msg = "the desk's phone is gone"
        raise AriUnreachable(msg)


def fail_in_a_group(number: str, pin: str) -> None:
    try:
        fail(number, pin)
    except AriUnreachable as error:
        inner = ExceptionGroup("a flow", [error])
        msg = "flows"
        raise ExceptionGroup(msg, [inner]) from error


@pytest.mark.parametrize("how", [fail, fail_in_a_group])
@pytest.mark.parametrize("process", ["application", "tables"])
def test_no_value_of_a_variable_is_logged(
    begin: SetUp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: Callable[[str, str], None], process: str
) -> None:
    """Where it failed is, and why; of groups as well, which is what tasks end with."""
    stream = begin(logs.set_up if process == "application" else lambda: begin_tables(tmp_path, monkeypatch))
    log = structlog.get_logger("test")
    try:
        how(*SECRETS[:2])
    except Exception:
        log.exception("call.flow_failed", call="1.1")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["call"]) == ("call.flow_failed", "error", "1.1")
    text = stream.getvalue()
    assert "the desk's phone is gone" in text
    assert '"name": "fail"' in text
    assert "locals" not in text
    for secret in SECRETS:
        assert secret not in text


def test_what_is_below_the_level_is_left_out(begin: SetUp) -> None:
    stream = begin(lambda: logs.set_up("error"))
    log = structlog.get_logger("test")
    log.info("app.ready")
    log.error("app.failed")
    assert [line["event"] for line in lines(stream)] == ["app.failed"]


def test_a_full_disk_costs_the_line_only(monkeypatch: pytest.MonkeyPatch, begin: SetUp) -> None:
    stream = begin(logs.set_up)

    def full(_: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stream, "write", full)
    structlog.get_logger("test").error("app.failed")


def test_each_line_has_its_moment_with_the_offset(begin: SetUp, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two machines, or one that was moved, can be laid beside each other."""
    monkeypatch.setenv("TZ", "WIB-7")
    time.tzset()
    try:
        stream = begin(logs.set_up)
        structlog.get_logger("test").info("app.ready")
    finally:
        monkeypatch.undo()
        time.tzset()
    (line,) = lines(stream)
    at = datetime.fromisoformat(line["timestamp"])
    assert at.utcoffset() == timedelta(hours=7)
    assert abs(datetime.now(UTC) - at) < timedelta(seconds=30)
