"""Our picture of ARI (ari_app/ari/model.py, client.py) against the running Asterisk's own description of it."""

from __future__ import annotations

import inspect
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from aiohttp import web

from ari_app.ari import client as client_module
from ari_app.ari import model, transport
from ari_app.ari.client import AsteriskClient
from ari_app.ari.commands import Mark
from ari_app.ari.model import EVENT_TYPES, LegEvent, RESTResponse
from ari_app.domain.display import Shown
from scripts.phones import free_port
from scripts.stack.sample import HOST
from tests.asterisk.site import Site

pytestmark = pytest.mark.anyio

Operation = Mapping[str, Any]


@dataclass(frozen=True)
class Docs:
    """All of ``/ari/api-docs``: the models by name, the operations by (method, path with {names})."""

    models: Mapping[str, Any]
    operations: Mapping[tuple[str, str], Operation]


@pytest.fixture(scope="module")
def docs(site: Site) -> Docs:
    models: dict[str, Any] = {}
    operations: dict[tuple[str, str], Operation] = {}
    for resource in site.ari("api-docs/resources.json")["apis"]:
        described = site.ari(resource["path"].removeprefix("/").format(format="json"))
        models |= described["models"]
        for api in described["apis"]:
            operations |= {(operation["httpMethod"], api["path"]): operation for operation in api["operations"]}
    return Docs(models, operations)


def test_the_docs_are_there(docs: Docs) -> None:
    """So that the tests below cannot pass for want of anything to compare with."""
    assert len(docs.models) > 60
    assert len(docs.operations) > 80


# ---- what Asterisk sends


STRUCTS = [
    kind
    for name, kind in inspect.getmembers(model, inspect.isclass)
    if issubclass(kind, msgspec.Struct) and kind.__module__ == model.__name__ and not name.startswith("_")
]


def fits(ours: Any, theirs: str) -> bool:
    """Whether every value of the documented type is one of our annotation."""
    if isinstance(ours, types.UnionType):
        kinds = [kind for kind in typing.get_args(ours) if kind is not types.NoneType]
        return len(kinds) == 1 and fits(kinds[0], theirs)
    if typing.get_origin(ours) is list:
        return theirs.startswith("List[") and fits(typing.get_args(ours)[0], theirs[5:-1])
    if inspect.isclass(ours) and issubclass(ours, msgspec.Struct):
        return ours.__name__ == theirs
    return theirs in {str: {"string", "Date"}, int: {"int", "long"}, bool: {"boolean"}}.get(ours, set())


@pytest.mark.parametrize(
    ("ours", "theirs", "fit"),
    [
        (str, "string", True), (str | None, "string", True), (list[str], "List[string]", True),
        (model.Channel, "Channel", True), (int, "int", True), (str, "int", False), (int, "string", False),
        (str, "List[string]", False), (list[int], "List[string]", False), (model.Channel, "Bridge", False),
        (int | str, "int", False), (float, "double", False),
    ],
)  # fmt: skip
def test_fits_itself(ours: Any, theirs: str, *, fit: bool) -> None:
    assert fits(ours, theirs) is fit


def test_all_structs_are_looked_at() -> None:
    assert set(EVENT_TYPES) | {model.Channel, model.Bridge, model.Endpoint, model.Application} < set(STRUCTS)


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_model(docs: Docs, kind: type[msgspec.Struct]) -> None:
    """Each field exists, with our type, and one that we cannot do without is always sent."""
    theirs = docs.models[kind.__name__]["properties"]
    if kind.__name__ in docs.models["Event"]["subTypes"]:
        theirs = docs.models["Event"]["properties"] | theirs
    hints = typing.get_type_hints(kind)
    for field in msgspec.structs.fields(kind):
        assert field.encode_name in theirs, f"{kind.__name__} has no {field.encode_name}"
        described = theirs[field.encode_name]
        assert fits(hints[field.name], described["type"]), f"{kind.__name__}.{field.name}: {described['type']}"
        assert described.get("required") or not field.required, f"{kind.__name__}.{field.name} may be left out"


@pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.__name__)
def test_event(docs: Docs, kind: type[msgspec.Struct]) -> None:
    """Each is an event by its own name; an answer to an order is a message beside them."""
    assert kind.__struct_config__.tag == kind.__name__
    assert kind.__struct_config__.tag_field == docs.models["Message"]["discriminator"]
    if kind is RESTResponse:
        assert {"request_id", "status_code", "transaction_id"} <= set(docs.models["RESTResponse"]["properties"])
    else:
        assert kind.__name__ in docs.models["Event"]["subTypes"]
        assert "Event" in docs.models["Message"]["subTypes"]


def test_states_and_leg_events(docs: Docs) -> None:
    """The words that the flows compare with."""
    states = docs.models["Channel"]["properties"]["state"]["allowableValues"]["values"]
    assert {"Down", "Ring", "Ringing", "Up"} <= set(states)
    states = docs.models["Endpoint"]["properties"]["state"]["allowableValues"]["values"]
    assert {"online", "offline", "unknown"} <= set(states)
    for kind in typing.get_args(LegEvent):
        theirs = docs.models[kind.__name__]["properties"]
        if kind is model.PlaybackFinished:
            assert docs.models["Playback"]["properties"]["target_uri"]["type"] == "string"
        else:
            leg = "transferer_first_leg" if kind is model.BridgeAttendedTransfer else "channel"
            assert theirs[leg]["type"] == "Channel"


def test_an_order_over_the_websocket(docs: Docs) -> None:
    """What we send is a RESTRequest with all that it must have and nothing that it has not."""
    request = transport._Request("1", "1", "POST", "channels/1/answer", [transport._Parameter("a", "b")])
    sent = json.loads(transport._encoder.encode(request))
    theirs = docs.models["RESTRequest"]["properties"]
    assert sent.pop("type") == "RESTRequest"
    assert set(sent) <= set(theirs)
    assert {name for name, described in theirs.items() if described.get("required")} <= {*sent, "type"}
    assert set(sent["query_strings"][0]) == set(docs.models["RESTQueryStringParameter"]["properties"])


# ---- what we ask of it


ARGUMENTS: Mapping[str, Any] = {
    "channel": "17.1", "leg": "siaga-1", "bridge": "siaga-b1", "legs": ["siaga-1", "17.1"], "endpoint": "PJSIP/1001",
    "name": "siaga-e1", "word": "siaga-w1", "originator": "17.1",
    "caller": "+62812", "shown": Shown("0812 P3", "+62812"), "seconds": 12,
    "playback": "siaga-p1", "media": ["sound:/a/b", "tone:ring"],
    "dial": "PJSIP/radio-300/sip:300@127.0.0.4:5060", "silence_ms": 60, "level": 256, "ms": 300,
    "keep": True, "keys": "*99", "down_ms": 80, "pause_ms": 60, "snoop": "siaga-s1", "whispers": True,
    "mark": Mark.EMERGENCY, "on": True, "net": "300",
    "sources": ["channel:17.1", "endpoint:PJSIP/1001"],
}  # fmt: skip
"""An example of everything that a method of the client takes, by its name."""

REASONS = ("normal", "answered_elsewhere", "busy", "failure")
"""Those that ``Commands.hangup`` names."""


@dataclass(frozen=True)
class Request:
    """One request as it came over HTTP."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any


async def requests_of_every_method() -> dict[str, list[Request]]:
    """What each public method of the client asks of a stand-in for Asterisk that says yes to everything."""
    came: list[Request] = []

    async def answer(request: web.Request) -> web.Response:
        body = await request.json() if request.can_read_body else None
        came.append(Request(request.method, request.path.removeprefix("/ari"), dict(request.query), body))
        special = {"rtp_statistics": {"rxcount": 0}, "variable": {"value": ""}, "info": {}}
        return web.json_response(special.get(request.path.rpartition("/")[2], []))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port(HOST, udp=False, tcp=True)
    await web.TCPSite(runner, HOST, port).start()
    found: dict[str, list[Request]] = {}
    try:
        async with AsteriskClient(f"http://{HOST}:{port}/ari", "user", "password") as client:
            for name, method in inspect.getmembers(AsteriskClient, inspect.iscoroutinefunction):
                if name.startswith("_"):
                    continue
                arguments = {key: ARGUMENTS[key] for key in inspect.signature(method).parameters if key in ARGUMENTS}
                came.clear()
                await method(client, **arguments)
                found[name] = list(came)
            came.clear()
            for reason in REASONS:
                await client.hangup("17.1", reason=reason)
            found["hangup"] += came
            events = urlsplit(client.events_url)
    finally:
        await runner.cleanup()
    query = dict(part.split("=") for part in events.query.split("&"))
    return found | {"events": [Request("GET", events.path.removeprefix("/ari"), query, None)]}


def described(docs: Docs, request: Request) -> Operation:
    """The documented operation that a request is."""
    parts = request.path.split("/")
    fitting = [
        (sum(part.startswith("{") for part in path.split("/")), operation)
        for (method, path), operation in docs.operations.items()
        if method == request.method
        and len(parts) == len(path.split("/"))
        and all(theirs == ours or theirs.startswith("{") for theirs, ours in zip(path.split("/"), parts, strict=True))
    ]
    assert fitting, f"there is no {request.method} {request.path}"
    return min(fitting, key=lambda each: each[0])[1]


def check_value(parameter: Mapping[str, Any], value: str) -> None:
    """A value is of its parameter's type and, where only some are allowed, one of them."""
    if parameter["dataType"] == "int":
        int(value)
    elif parameter["dataType"] == "boolean":
        assert value in {"true", "false"}
    if "allowableValues" in parameter and parameter["allowableValues"]["valueType"] == "LIST":
        assert value in parameter["allowableValues"]["values"], (parameter["name"], value)


async def test_every_operation_that_is_used(docs: Docs) -> None:
    """Method, path and query are as documented, and nothing that must be said is left out."""
    asked = await requests_of_every_method()
    assert len(asked) >= 12
    for name, requests in asked.items():
        assert requests, f"{name} asks for nothing"
        for request in requests:
            parameters = {each["name"]: each for each in described(docs, request).get("parameters", [])}
            query = {each: about for each, about in parameters.items() if about["paramType"] == "query"}
            assert set(request.query) <= set(query), f"{name}: {request}"
            needed = {each for each, about in query.items() if about.get("required")}
            assert needed <= set(request.query), f"{name}: {request}"
            for each, value in request.query.items():
                check_value(query[each], value)
            has_body = any(about["paramType"] == "body" for about in parameters.values())
            assert request.body is None or has_body, f"{name}: {request}"


async def test_the_event_filter_names_events(docs: Docs) -> None:
    """Every kind that we know is let through to one of our two names, and nothing else is asked for."""
    asked = (await requests_of_every_method())["filter_events"]
    wanted = [each["type"] for request in asked for each in request.body["allowed"]]
    assert sorted(wanted) == sorted(kind.__name__ for kind in EVENT_TYPES)
    assert set(wanted) <= {*docs.models["Event"]["subTypes"], "RESTResponse"}


async def test_real_answers_are_read(site: Site) -> None:
    """The listings of the running Asterisk."""
    await site.quiet()
    async with AsteriskClient(f"http://{HOST}:{site.http}/ari", "siaga110", site.ari_password()) as client:
        names = {endpoint.resource for endpoint in await client.endpoints()}
        assert names == {"pstn", "radio-300", *(extension for extension, _ in site.accounts)}
        assert {client_module.APPLICATION, client_module.PHONES} <= {each.name for each in await client.applications()}
        assert await client.channels() == []
        assert await client.bridges() == []
