"""What is published: the schemas are those of the models, readers pass over what they do not know, and a record's
message is the line that is exported, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from pydantic import ValidationError

from ari_app.bus import topics
from ari_app.bus.board import call_state, desk_state, queue_state
from ari_app.bus.payloads import Alarms, CallState, DeskState, JournalRecord, LastRecord, Payload, QueueState, Status
from ari_app.bus.schemas import MODELS, schemas
from ari_app.bus.stream import LAG_SECONDS, JournalStream, Place
from ari_app.domain.facts import Record
from ari_app.publish import KeptPlace, message
from ari_app.store.chain import body, encode_data, link, record_line
from tests.unit.stories import json_objects
from tests.unit.test_floor import fact, folded, records

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
MADE_BY = "python -m ari_app.bus.schemas docs/schemas"


def test_the_schemas_are_those_of_the_models() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in SCHEMAS.iterdir()} == schemas(), MADE_BY


def test_every_payload_has_one() -> None:
    assert set(MODELS.values()) == set(Payload.__subclasses__())


def floor_payloads() -> list[Payload]:
    told = [
        fact("desk.registered", desk="1002"),
        fact("call.received", "c", caller="+6281234567890", dialled="110"),
        fact("call.queued", "c", priority="emergency"),
    ]
    floor = folded(records(told))
    return [call_state(floor.calls["c"]), desk_state(floor.desks["1002"]), queue_state(floor, "2025-01-31")]


@pytest.mark.parametrize(
    "payload",
    [
        *floor_payloads(),
        Status(state="offline"),
        LastRecord(seq=1, hash="0"),
        Alarms(),
        JournalRecord(seq=1, at="", actor="", action="", call=None, data={}, hash=""),
    ],
    ids=lambda payload: type(payload).__name__,
)
def test_what_a_reader_does_not_know_it_passes_over(payload: Payload) -> None:
    content: dict[str, Any] = json.loads(payload.model_dump_json())
    assert type(payload).model_validate(content | {"new": {"deep": [1]}}) == payload
    assert content["version"] == 1
    with pytest.raises(ValidationError):
        type(payload).model_validate(content | {"version": 2})


def test_no_number_where_a_wallboard_reads() -> None:
    call, desk, queue = floor_payloads()
    assert isinstance(call, CallState)
    assert call.caller == "+6281234567890"
    for payload in (desk, queue):
        assert isinstance(payload, DeskState | QueueState)
        assert "6281234567890" not in payload.model_dump_json()


# ---- a record's message


@given(json_objects)
def test_a_record_goes_out_as_it_is_exported(data: dict[str, Any]) -> None:
    raw = encode_data(data)
    hash_ = link("0" * 64, body(7, "2025-01-31T08:00:00.000+07:00", "system", "uji.fact", "c", raw))
    sent = message((7, "2025-01-31T08:00:00.000+07:00", "system", "uji.fact", "c", raw.decode(), hash_))
    record = Record(
        7, "2025-01-31T08:00:00.000+07:00", "system", "uji.fact", "c", msgspec.json.decode(raw, type=dict), hash_
    )
    assert sent == b'{"version":1,' + record_line(record)[1:]
    found = JournalRecord.model_validate_json(sent)
    assert (found.seq, found.hash, found.data) == (7, hash_, json.loads(raw))


@pytest.mark.parametrize("data", ["{", "", "[1]", "null", '{"a":1}}', "\\xff"])
def test_a_damaged_line_holds_nobody_up(data: str) -> None:
    sent = message((7, "", "system", "uji.fact", None, data, "ff"))
    assert JournalRecord.model_validate_json(sent).data == {"damaged": data}


# ---- topics


def test_topics_there_and_back() -> None:
    assert topics.call_in(topics.call("17.1")) == "17.1"
    assert topics.desk_in(topics.desk("1001")) == "1001"
    assert topics.call_in(topics.desk("1001")) is None
    assert topics.desk_in(topics.QUEUE) is None


@pytest.mark.parametrize("name", ["", "a/b", "+", "#", "a\0"])
def test_an_id_that_is_no_level_of_a_topic(name: str) -> None:
    assert not topics.is_level(name)
    assert topics.is_level("1795561055.2")


# ---- the cursor's file


def test_the_cursor_is_kept(tmp_path: Path) -> None:
    kept = KeptPlace(tmp_path / "published.json")
    assert kept.read() == Place()
    kept.write(Place(7, "ff"))
    assert KeptPlace(tmp_path / "published.json").read() == Place(7, "ff")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"seq":"x"}', b"\xff"])
def test_a_damaged_cursor_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "published.json"
    path.write_bytes(content)
    assert KeptPlace(path).read() == Place()


def test_a_cursor_that_cannot_be_kept_stops_nothing(tmp_path: Path) -> None:
    KeptPlace(tmp_path / "nowhere" / "published.json").write(Place(7, "ff"))


# ---- how old the file's number is


class Memory:
    """A file of the cursor that keeps what was written."""

    def __init__(self) -> None:
        self.written: list[Place] = []

    def read(self) -> Place:
        return self.written[-1] if self.written else Place()

    def write(self, place: Place) -> None:
        self.written.append(place)


def test_the_file_has_the_place_of_a_minute_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that knows of no mark may have been killed before it wrote its first one, and what came before it."""
    now = 1000.0
    monkeypatch.setattr("ari_app.bus.stream.anyio.current_time", lambda: now)
    memory = Memory()
    stream = JournalStream(memory)
    for second in range(200):
        now = 1000.0 + second / 2
        stream._keep(Place(second, ""))
        assert memory.read().seq <= max(0, second - 2 * LAG_SECONDS)
    assert memory.read().seq >= 199 - 2 * LAG_SECONDS - 2
    assert len(stream._recent) <= LAG_SECONDS + 1
