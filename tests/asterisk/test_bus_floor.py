"""The live floor on a real broker, and who is there: retained, right after every death, cleared when it is over."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from aiomqtt import Client, ProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from ari_app.bus.broker import connect
from ari_app.bus.payloads import CallState, DeskState, NetState, QueueState, Status
from ari_app.bus.presence import Presence
from scripts.phones import Behaviour, Phones
from scripts.stack.sample import HOST
from tests.asterisk.newsroom import Newsroom, begin_call, retained, settled
from tests.asterisk.site import Site, eventually
from tests.asterisk.talk import OTHER_HZ, begin_talk

pytestmark = pytest.mark.anyio


async def test_calls_desks_and_queue(newsroom: Newsroom) -> None:
    newsroom.start_publisher()
    newsroom.tell("desk.registered", actor="asterisk", desk="1001")
    begin_call(newsroom, "17.1")
    begin_call(newsroom, "17.2")
    newsroom.tell("call.offered", "17.1", desk="1001")
    newsroom.tell("call.answered", "17.1", actor="operator:11111", desk="1001", operator="11111", waited_ms=100)
    newsroom.tell("call.classified", "17.1", actor="operator:11111", kind="valid")
    found = await settled(
        newsroom, lambda found: found.get("calls/17.1", {}).get("kind") == "valid" and "queue" in found, "all told"
    )
    call, other = CallState.model_validate(found["calls/17.1"]), CallState.model_validate(found["calls/17.2"])
    assert (call.state, call.desk, call.operator, call.kind) == ("talking", "1001", "11111", "valid")
    assert call.caller == "+6281234567890"
    assert call.waiting_since is None
    assert (other.state, other.waiting_since) == ("waiting", other.received_at)
    desk = DeskState.model_validate(found["desks/1001"])
    assert (desk.state, desk.call, desk.since) == ("talking", "17.1", call.since)
    assert DeskState.model_validate(found["desks/1002"]).state == "unregistered"
    queue = QueueState.model_validate(found["queue"])
    assert [each.call for each in queue.waiting] == ["17.2"]
    assert (queue.today.received, queue.today.answered, queue.today.answered_within_10s) == (2, 1, 1)
    newsroom.tell("call.ended", "17.1", actor="caller", by="caller", outcome="answered")
    found = await settled(newsroom, lambda found: "calls/17.1" not in found, "the call is cleared")
    assert found["desks/1001"]["state"] == "ready"
    assert "calls/17.2" in found


async def test_what_ended_while_nobody_published_is_cleared(newsroom: Newsroom) -> None:
    newsroom.start_publisher()
    begin_call(newsroom, "17.1")
    begin_call(newsroom, "17.2")
    await settled(newsroom, lambda found: {"calls/17.1", "calls/17.2"} <= found.keys(), "both told")
    newsroom.kill_publisher()
    newsroom.tell("call.ended", "17.1", actor="caller", by="caller", outcome="abandoned")
    found = await settled(newsroom, lambda found: found["status/publisher"]["state"] == "offline", "the last will")
    assert "calls/17.1" in found
    newsroom.start_publisher()
    found = await settled(newsroom, lambda found: "calls/17.1" not in found, "cleared")
    assert "calls/17.2" in found
    assert Status.model_validate(found["status/publisher"]).state == "online"


async def test_a_radio_net(newsroom: Newsroom) -> None:
    """Its line, who has the floor and since when, and which desks are there; also of what was told long ago."""
    (net,) = [radio.net for radio in newsroom.settings.radio]
    newsroom.tell("radio.gateway_up", actor="asterisk", net=net)
    newsroom.tell("radio.joined", actor="desk:1001", net=net, desk="1001")
    newsroom.write(21_000)
    newsroom.start_publisher()
    found = await settled(newsroom, lambda found: found.get(f"radio/{net}", {}).get("line") == "up", "its line")
    state = NetState.model_validate(found[f"radio/{net}"])
    assert (state.name, state.floor, state.desk, state.desks) == ("Komando", "idle", None, ("1001",))
    newsroom.tell("radio.keyed", "17.1", actor="desk:1001", net=net, by="desk", desk="1001", transmission="x")
    found = await settled(newsroom, lambda found: found[f"radio/{net}"]["floor"] == "desk", "who has the floor")
    state = NetState.model_validate(found[f"radio/{net}"])
    assert (state.desk, state.call) == ("1001", "17.1")
    newsroom.tell("radio.released", "17.1", actor="desk:1001", net=net, by="desk", desk="1001", transmission="x")
    newsroom.tell("radio.gateway_down", actor="asterisk", net=net, cause=0)
    found = await settled(newsroom, lambda found: found[f"radio/{net}"]["line"] == "down", "the line is lost")
    assert found[f"radio/{net}"]["floor"] == "idle"


def everything_but_calls(newsroom: Newsroom) -> set[str]:
    """The topics of the configured desks and radio nets."""
    settings = newsroom.settings
    return {f"desks/{desk.extension}" for desk in settings.desk} | {f"radio/{radio.net}" for radio in settings.radio}


async def test_a_call_a_desk_and_a_net_that_nobody_knows_are_cleared(newsroom: Newsroom) -> None:
    """One that ended so long ago that nobody looks there, and what the configuration has no more."""
    async with connect(newsroom.broker("application"), timeout=5) as client:
        for topic in ("calls/1.1", "desks/9999", "radio/999"):
            await client.send(f"siaga110/{topic}", '{"version":1}', retain=True)
    newsroom.start_publisher()
    begin_call(newsroom, "17.1")
    known = {"calls/17.1", "journal/last", "queue", "status/publisher"}
    known |= everything_but_calls(newsroom)
    await settled(newsroom, lambda found: found.keys() == known, "only what is there")


async def test_screens_are_right_at_once_however_far_the_stream_is_behind(newsroom: Newsroom) -> None:
    newsroom.write(20_000)
    begin_call(newsroom, "17.1")
    async with newsroom.subscriber("uji") as client:
        await client.subscribe(
            [("siaga110/journal", SubscribeOptions(qos=1)), ("siaga110/calls/+", SubscribeOptions(qos=1))]
        )
        newsroom.start_publisher()
        seq = 0
        with anyio.fail_after(60):
            async for message in client.messages:
                if message.topic.value == "siaga110/calls/17.1":
                    break
                seq = json.loads(message.payload)["seq"]
    assert seq < 20_000


async def test_a_wallboard_sees_no_call_and_no_record(newsroom: Newsroom) -> None:
    newsroom.start_publisher()
    begin_call(newsroom, "17.1")
    await settled(newsroom, lambda found: "calls/17.1" in found, "told")
    found = await retained(newsroom.broker("wallboard"))
    assert found.keys() == {"status/publisher", "queue"} | everything_but_calls(newsroom)
    assert "6281234567890" not in json.dumps(found)


# ---- the application


async def test_what_is_wrong_with_the_application(newsroom: Newsroom) -> None:
    """An alarm is told while it lasts, also to who comes later and after the broker's death; goodbye is said."""
    wrong: list[str | None] = [None]
    presence = Presence(newsroom.broker("application"), now=lambda: "now", alarms={"journal": lambda: wrong[0]})
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(presence.run)
        found = await settled(newsroom, lambda found: {"status", "alarms"} <= found.keys(), "it is there")
        assert (found["status"]["state"], found["alarms"]["alarms"]) == ("online", [])
        wrong[0] = "the journal cannot be written: disk full"
        alarm = {"name": "journal", "text": wrong[0], "since": "now"}
        await settled(newsroom, lambda found: found["alarms"]["alarms"] == [alarm], "the alarm")
        newsroom.kill_broker()
        shutil.rmtree(newsroom.state.broker)
        newsroom.state.broker.mkdir(0o700)
        newsroom.start_broker()
        await settled(newsroom, lambda found: found.get("alarms", {}).get("alarms") == [alarm], "told anew")
        wrong[0] = None
        await settled(newsroom, lambda found: found["alarms"]["alarms"] == [], "it is over")
        tasks.cancel_scope.cancel()
    assert (await retained(newsroom.broker("supervisor")))["status"]["state"] == "offline"


# ---- the whole of it


async def test_a_real_call_on_the_floor(site: Site, phones: Phones) -> None:
    """Each step is told within half a second of the moment at which it was told to the journal."""
    seen: list[tuple[datetime, str, dict[str, Any]]] = []
    async with watching(site, "siaga110/#", seen) as client:
        assert client is not None
        desk = await phones.desk(site.accounts[0], Behaviour.answers(100))
        caller = await phones.call()
        await desk.answered()
        call = await site.new_call(0, number=len([r for r in site.records() if r.action == "call.received"]))
        await eventually(lambda: states(seen, f"calls/{call}")[-1:] == ["talking"], seconds=5, what="it talks")
        await caller.hang_up()
        await site.story(call)
        await eventually(lambda: states(seen, f"calls/{call}")[-1:] == ["cleared"], seconds=5, what="it is cleared")
        extension, _ = site.accounts[0]
        await eventually(lambda: states(seen, f"desks/{extension}")[-1:] == ["ready"], seconds=5, what="free again")
    told = states(seen, f"calls/{call}")
    assert told[-2:] == ["talking", "cleared"]
    assert "talking" in states(seen, f"desks/{extension}")
    for came, topic, payload in seen:
        if topic == f"calls/{call}" and payload:
            assert came - datetime.fromisoformat(payload["since"]) < timedelta(seconds=5)


async def test_a_desk_without_a_call(sop_site: Site, sop_phones: Phones) -> None:
    """Wrap-up after a call, which ends by itself, and a talk with another desk: `desks/{extension}` says so of both."""
    site, phones = sop_site, sop_phones
    seen: list[tuple[datetime, str, dict[str, Any]]] = []
    (mine, _), (other, _) = site.accounts[:2]

    def both() -> list[str]:
        return [states(seen, f"desks/{desk}")[-1] for desk in (mine, other)]

    async with watching(site, "siaga110/desks/+", seen):
        there = {f"desks/{desk}" for desk in (mine, other)}
        await eventually(lambda: there <= {topic for _, topic, _ in seen}, seconds=10, what="the floor is published")
        now = await begin_talk(site, phones)
        await now.caller.hang_up()
        await eventually(lambda: "wrapup" in states(seen, f"desks/{mine}"), seconds=2, what="wrap-up")
        await eventually(lambda: states(seen, f"desks/{mine}")[-1] == "ready", seconds=3, what="ready again")
        colleague = await phones.handset(site.accounts[1], hz=OTHER_HZ, answers=0.1)
        line = await now.desk.dial(other)
        await line.answered()
        await eventually(lambda: both() == ["talking", "talking"], seconds=2, what="they talk")
        for desk, to in ((mine, other), (other, mine)):
            assert [each["colleague"] for _, topic, each in seen if topic == f"desks/{desk}"][-1] == to
        shown = {desk["extension"]: desk for desk in site.siaga_json("desks", "list")}
        assert (shown[mine]["state"], shown[mine]["colleague"]) == ("talking", other)
        await colleague.calls[-1].hang_up()
        await eventually(lambda: both() == ["ready", "ready"], seconds=2, what="both are free")
    wrapup = next(each for _, topic, each in seen if topic == f"desks/{mine}" and each["state"] == "wrapup")
    assert wrapup["wrapup_until"] > wrapup["since"]


async def test_the_application_dies(fragile_site: Site) -> None:
    """The broker itself says so, and the new one says that it is there."""
    seen: list[tuple[datetime, str, dict[str, Any]]] = []
    async with watching(fragile_site, "siaga110/status", seen):
        await eventually(lambda: states(seen, "status") == ["online"], seconds=10, what="it is there")
        application = fragile_site.application()
        assert application is not None
        os.kill(application, signal.SIGKILL)
        await eventually(
            lambda: states(seen, "status")[:3] == ["online", "offline", "online"], seconds=15, what="it is back"
        )


def states(seen: list[tuple[datetime, str, dict[str, Any]]], topic: str) -> list[str]:
    return [payload.get("state", "cleared") for _, each, payload in seen if each == topic]


@asynccontextmanager
async def watching(site: Site, pattern: str, seen: list[tuple[datetime, str, dict[str, Any]]]) -> AsyncIterator[Client]:
    password = json.loads((site.state / "secrets.json").read_text())["mqtt"]["supervisor"]
    async with (
        Client(
            HOST, site.mqtt, username="supervisor", password=password, protocol=ProtocolVersion.V5, timeout=5
        ) as client,
        anyio.create_task_group() as tasks,
    ):
        await client.subscribe(pattern, qos=1)

        async def read() -> None:
            async for message in client.messages:
                topic = message.topic.value.removeprefix("siaga110/")
                seen.append((datetime.now(UTC), topic, json.loads(message.payload or "{}")))

        tasks.start_soon(read)
        yield client
        tasks.cancel_scope.cancel()
