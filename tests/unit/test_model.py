"""Events as Asterisk sends them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.ari import model
from ari_app.ari.errors import AriConflict, AriError, AriNotFound, AriProtocolError, AriRefused, refusal
from ari_app.ari.model import CallerID, Channel, DialplanCEP, decode_message

CHANNEL: dict[str, Any] = {
    "id": "1700000000.1",
    "name": "PJSIP/pstn-00000001",
    "state": "Ring",
    "protocol_id": "x",
    "caller": {"name": "", "number": "081234567890"},
    "connected": {"name": "", "number": ""},
    "accountcode": "",
    "dialplan": {"context": "emergency", "exten": "110", "priority": 5, "app_name": "StasisBroadcast"},
    "creationtime": "2026-01-01T00:00:00.000+0000",
    "language": "en",
}
DECODED = Channel(
    CHANNEL["id"],
    CHANNEL["name"],
    "Ring",
    CallerID("", "081234567890"),
    DialplanCEP("emergency", "110", "StasisBroadcast"),
    CHANNEL["creationtime"],
)
ENDPOINT = {"technology": "PJSIP", "resource": "1001", "state": "online", "channel_ids": []}


def _event(kind: str, **fields: object) -> bytes:
    return json.dumps({"type": kind, "timestamp": "t", "application": "siaga110", **fields}).encode()


EVENTS: list[tuple[bytes, model.Message]] = [
    (
        _event("CallBroadcast", channel=CHANNEL, caller="0812", called="110"),
        model.CallBroadcast(DECODED, "0812", "110"),
    ),
    (_event("CallBroadcast", channel=CHANNEL), model.CallBroadcast(DECODED)),
    (_event("StasisStart", channel=CHANNEL, args=["call"]), model.StasisStart(DECODED, ["call"])),
    (_event("StasisEnd", channel=CHANNEL), model.StasisEnd(DECODED, "t")),
    (_event("ChannelStateChange", channel=CHANNEL), model.ChannelStateChange(DECODED)),
    (
        _event("ChannelDestroyed", channel=CHANNEL, cause=16, cause_txt="Normal"),
        model.ChannelDestroyed(DECODED, 16, "Normal", "t"),
    ),
    (
        _event("ChannelDtmfReceived", channel=CHANNEL, digit="#", duration_ms=80),
        model.ChannelDtmfReceived(DECODED, "#", 80, "t"),
    ),
    (_event("ChannelHold", channel=CHANNEL, musicclass="x"), model.ChannelHold(DECODED)),
    (_event("ChannelUnhold", channel=CHANNEL), model.ChannelUnhold(DECODED)),
    (_event("ChannelTalkingStarted", channel=CHANNEL), model.ChannelTalkingStarted(DECODED)),
    (_event("ChannelTalkingFinished", channel=CHANNEL, duration=900), model.ChannelTalkingFinished(DECODED)),
    (
        _event("PlaybackFinished", playback={"id": "p", "target_uri": "channel:c", "state": "done", "media_uri": "m"}),
        model.PlaybackFinished(model.Playback("p", "channel:c", "done")),
    ),
    (
        _event("BridgeBlindTransfer", channel=CHANNEL, exten="201", result="Success", replace_channel=CHANNEL),
        model.BridgeBlindTransfer(DECODED, "201", "Success", DECODED),
    ),
    (
        _event(
            "BridgeAttendedTransfer",
            transferer_first_leg=CHANNEL,
            transferer_second_leg=CHANNEL,
            result="Success",
            transfer_target=CHANNEL,
            destination_type="link",
        ),
        model.BridgeAttendedTransfer(DECODED, "Success", DECODED, transferer_second_leg=DECODED),
    ),
    (
        _event("PeerStatusChange", endpoint=ENDPOINT),
        model.PeerStatusChange(model.Endpoint("PJSIP", "1001", [], "online")),
    ),
    (_event("ApplicationReplaced"), model.ApplicationReplaced()),
    (
        _event("ChannelUserevent", eventname="beat-1", userevent={"eventname": "beat-1"}),
        model.ChannelUserevent("beat-1"),
    ),
    (
        _event("RESTResponse", request_id="7", status_code=204, reason_phrase="No Content", uri="x"),
        model.RESTResponse("7", 204, "No Content"),
    ),
]


@pytest.mark.parametrize(("message", "expected"), EVENTS, ids=[type(event).__name__ for _, event in EVENTS])
def test_events(message: bytes, expected: model.Message) -> None:
    assert decode_message(message) == expected
    assert decode_message(message.decode()) == expected


def test_every_event_that_we_ask_for_is_tried_here() -> None:
    assert {type(event) for _, event in EVENTS} >= set(model.EVENT_TYPES)


@pytest.mark.parametrize("kind", ["ChannelVarset", "PlaybackStarted", ""])
def test_other_events_are_none(kind: str) -> None:
    assert decode_message(_event(kind, channel=CHANNEL)) is None


@pytest.mark.parametrize(
    "message",
    [
        _event("StasisStart"),
        _event("ChannelDestroyed", channel=CHANNEL, cause="16", cause_txt=""),
        _event("ChannelDestroyed", channel={**CHANNEL, "id": None}, cause=16, cause_txt=""),
    ],
)
def test_our_events_with_other_fields_are_an_error(message: bytes) -> None:
    """Not silently skipped: Asterisk would have changed."""
    with pytest.raises(msgspec.DecodeError):
        decode_message(message)


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_rubbish_is_an_error_of_decoding_and_no_other(message: bytes | str) -> None:
    try:
        found = decode_message(message)
    except msgspec.DecodeError:
        return
    assert found is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AriProtocolError),
        (403, AriProtocolError),
        (404, AriNotFound),
        (409, AriConflict),
        (412, AriConflict),
        (422, AriRefused),
        (500, AriRefused),
    ],
)
def test_refusals(status: int, kind: type[AriError]) -> None:
    error = refusal(status, "the reason")
    assert type(error) is kind
    assert "the reason" in str(error)
    assert str(status) in str(error)
