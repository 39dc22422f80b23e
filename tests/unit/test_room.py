"""The disk's last space is not for recordings: who sets the mark, and when it counts."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import structlog.testing

from ari_app.site import room as module
from ari_app.site.room import BELIEVED_SECONDS, ENOUGH_FREE, LEAST_FREE, RENEW_SECONDS, Room, RoomKeeper, keep, rooms
from ari_app.site.state import StateDir
from tests.unit.trouble import until

PLENTY = 10 * ENOUGH_FREE


class Disks:
    """What is free on the disk of each folder; an error is raised in its place."""

    def __init__(self) -> None:
        self.free: dict[Path, int | OSError] = {}

    def usage(self, folder: Path) -> SimpleNamespace:
        found = self.free.get(folder, PLENTY)
        if isinstance(found, OSError):
            raise found
        return SimpleNamespace(free=found)


@pytest.fixture
def disks(monkeypatch: pytest.MonkeyPatch) -> Disks:
    made = Disks()
    monkeypatch.setattr(shutil, "disk_usage", made.usage)
    return made


@pytest.fixture
def room(state: StateDir) -> Room:
    return rooms(state)[0]


def renewed_ago(room: Room, seconds: float) -> None:
    at = time.time() - seconds
    os.utime(room.mark, (at, at))


def test_where_recordings_go_and_what_the_dialplan_reads(state: StateDir) -> None:
    calls, radio = rooms(state)
    assert (calls.folder, calls.mark) == (state.recordings, state.calls_unrecorded)
    assert (radio.folder, radio.mark) == (state.transmissions, state.radio_unrecorded)


def test_no_recording_begins_below_the_limit_until_there_is_more_room_again(disks: Disks, room: Room) -> None:
    steps = [
        (PLENTY, False), (LEAST_FREE, False), (LEAST_FREE - 1, True), (LEAST_FREE, True), (ENOUGH_FREE - 1, True),
        (ENOUGH_FREE, False), (LEAST_FREE, False), (0, True), (PLENTY, False),
    ]  # fmt: skip
    for free, is_closed in steps:
        disks.free[room.folder] = free
        keep(room)
        assert room.is_closed() == is_closed, free


def test_each_disk_by_itself(disks: Disks, state: StateDir) -> None:
    calls, radio = rooms(state)
    disks.free[radio.folder] = 0
    for each in (calls, radio):
        keep(each)
    assert (calls.is_closed(), radio.is_closed()) == (False, True)


def test_nothing_is_written_while_there_is_room(disks: Disks, room: Room) -> None:
    before = room.mark.parent.stat().st_mtime_ns
    for _ in range(3):
        keep(room)
    assert room.mark.parent.stat().st_mtime_ns == before


def test_it_is_renewed_now_and_then(disks: Disks, room: Room) -> None:
    disks.free[room.folder] = 0
    keep(room)
    for ago, is_renewed in ((RENEW_SECONDS / 2, False), (RENEW_SECONDS + 1, True), (-RENEW_SECONDS - 1, True)):
        renewed_ago(room, ago)
        keep(room)
        assert (abs(time.time() - room.mark.stat().st_mtime) < RENEW_SECONDS / 4) == is_renewed, ago


def test_a_mark_whose_keeper_is_dead_counts_no_more(disks: Disks, room: Room) -> None:
    """A keeper that comes later goes on where there is still little room."""
    disks.free[room.folder] = 0
    keep(room)
    renewed_ago(room, BELIEVED_SECONDS - 5)
    assert room.is_closed()
    renewed_ago(room, BELIEVED_SECONDS + 1)
    assert not room.is_closed()
    disks.free[room.folder] = LEAST_FREE
    keep(room)
    assert room.is_closed()


def test_the_keeper_keeps_both_and_says_what_it_does(
    disks: Disks, state: StateDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    calls, radio = rooms(state)
    disks.free = {calls.folder: 0, radio.folder: 0}
    with structlog.testing.capture_logs() as said:
        keeper = RoomKeeper(rooms(state))
        try:
            until(lambda: calls.is_closed() and radio.is_closed(), "both are closed")
            disks.free = {radio.folder: 0}
            until(lambda: not calls.is_closed(), "one is open again")
            assert radio.is_closed()
        finally:
            keeper.close()
    told = [(each["event"], each["what"]) for each in said]
    assert sorted(told[:2]) == [("recordings.suspended", "calls"), ("recordings.suspended", "radio")]
    assert told[2:] == [("recordings.resumed", "calls")]
    assert radio.mark.exists(), "as it was: the next one goes on with it"


def test_a_disk_that_cannot_be_asked_closes_nothing_and_is_said_once(
    disks: Disks, state: StateDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    calls, radio = rooms(state)
    disks.free = {calls.folder: OSError(5, "Input/output error"), radio.folder: 0}
    with structlog.testing.capture_logs() as said:
        keeper = RoomKeeper(rooms(state))
        try:
            until(radio.is_closed, "the other one is looked at")
            disks.free[radio.folder] = PLENTY
            until(lambda: not radio.is_closed(), "and again")
        finally:
            keeper.close()
    assert not calls.is_closed()
    troubles = [each["reason"] for each in said if each["event"] == "recordings.room_not_kept"]
    assert troubles == ["Input/output error"]
