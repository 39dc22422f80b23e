"""Requests as the command server takes them: each is carried out once, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import anyio
import msgspec
import pytest
from aiomqtt import Message

from ari_app.bus.ask import ask_each
from ari_app.bus.broker import Broker, publishing
from ari_app.bus.commands import ANSWER_SECONDS, AT_ONCE, CommandServer
from ari_app.bus.topics import COMMANDS, REPLIES
from ari_app.domain.facts import Json
from cli.errors import Refused

REQUEST = msgspec.json.encode({"version": 1, "supervisor": "budi"})
BROKER = Broker("127.83.11.83", 1883, "siaga", "rahasia")


def message(correlation: bytes) -> Message:
    properties = publishing(correlation=correlation, expiry=5, response_topic=f"{REPLIES}x")
    return Message(f"{COMMANDS}test.slow", REQUEST, 1, retain=False, mid=1, properties=properties)


@pytest.mark.anyio
async def test_what_was_refused_as_too_many_is_not_done_later() -> None:
    """Who asks again has perhaps shown the refusal already."""
    release, done = anyio.Event(), 0

    async def slow(_: Mapping[str, Json], __: str) -> Json:
        nonlocal done
        done += 1
        await release.wait()
        return None

    server = CommandServer(BROKER, {"test.slow": slow}, flush=lambda _: True)
    async with anyio.create_task_group() as tasks:
        for number in range(AT_ONCE):
            server._take(message(b"%d" % number), tasks)
        server._take(message(b"late"), tasks)
        release.set()
    async with anyio.create_task_group() as tasks:
        server._take(message(b"late"), tasks)
    assert done == AT_ONCE
    answer = server._asked[b"late"].answer
    assert answer is not None
    assert b"too many" in answer


@pytest.mark.anyio
@pytest.mark.parametrize("is_written", [True, False])
async def test_it_is_said_to_be_done_once_it_is_written(*, is_written: bool) -> None:
    """Whoever was told so may rely on it, whatever dies next."""
    order: list[str] = []

    async def slow(_: Mapping[str, Json], __: str) -> Json:
        order.append("done")
        return None

    def flush(seconds: float) -> bool:
        order.append("written")
        assert 0 < seconds < ANSWER_SECONDS + 0.1
        return is_written

    server = CommandServer(BROKER, {"test.slow": slow}, flush=flush)
    async with anyio.create_task_group() as tasks:
        server._take(message(b"1"), tasks)
    assert order == ["done", "written"]
    answer = server._asked[b"1"].answer
    assert answer is not None
    assert msgspec.json.decode(answer)["done"] is is_written
    assert is_written or b"not yet written down" in answer


def test_trouble_with_a_result_is_raised_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in a group of exceptions, of which nobody would make a sentence."""

    async def series(*given: Any) -> None:
        given[-1](0, None)

    def told(*_: object) -> None:
        raise Refused("the file cannot be removed")

    monkeypatch.setattr("ari_app.bus.ask._series", series)
    monkeypatch.setattr("ari_app.bus.ask.broker_of", lambda *_: BROKER)
    nothing: Any = SimpleNamespace(mqtt=None)
    with pytest.raises(Refused, match="the file cannot be removed"):
        ask_each(nothing, nothing, "recordings.delete", iter(()), supervisor="budi", on_result=told)
