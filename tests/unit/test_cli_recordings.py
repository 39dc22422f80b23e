"""``siaga recordings`` and the radio's: shown only once the journal knows it, verified, and deleted for good."""

from __future__ import annotations

import io
import os
import struct
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ari_app.domain.facts import Fact, Json
from ari_app.site.settings import load_settings
from ari_app.store.journal import read
from ari_app.store.journal_file import JournalFile
from ari_app.store.recordings import Recordings, digest
from cli import recordings_delete
from cli.asking import order
from cli.errors import Refused
from tests.unit.cli_site import CliSite

CALLS = tuple(f"1795000000.{number}" for number in range(1, 6))
BEFORE = ("--before", "2025-03-01", "--yes")


def wav(sound: bytes) -> bytes:
    form = struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(sound))
        + b"WAVEfmt "
        + form
        + b"data"
        + struct.pack("<I", len(sound))
        + sound
    )


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    """Five calls, one a month; the second one's complaint is open, the fifth lives."""
    monkeypatch.setenv("SIAGA_SUPERVISOR", "budi")
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    for number, call in enumerate(CALLS, 1):
        at = datetime(2025, number, 10, 3, tzinfo=UTC)
        file = site.state.recordings / f"{call}.wav"
        file.write_bytes(wav(bytes([number]) * 16_000 * number))
        recorded = digest(file)
        assert recorded is not None
        about = {"ticket": f"110-20250{number}10-0001"}
        story = [
            Fact("caller", "call.received", call, {"caller": "+6281234567890", "dialled": "110"}, at),
            Fact("desk:1001", "call.answered", call, {"desk": "1001"}, at),
            Fact("desk:1001", "complaint.opened", call, about, at),
            Fact("desk:1001", "complaint.closed", call, about, at),
            Fact("asterisk", "call.recorded", call, recorded.data(), at),
            Fact("caller", "call.ended", call, {"outcome": "answered"}, at),
        ]
        left_out = {2: ("complaint.closed",), 5: ("call.recorded", "call.ended")}.get(number, ())
        site.tell(fact for fact in story if fact.action not in left_out)
    return site


def done(site: CliSite) -> list[tuple[str, str | None, str]]:
    return [(each.action, each.call, each.actor) for each in read(site.state.journal) if each.action[:9] == "recording"]


def names(site: CliSite) -> list[str]:
    return sorted(file.stem for file in site.state.recordings.iterdir())


def standing(site: CliSite) -> dict[str, str]:
    return {each["call"]: each["state"] for each in site.run("recordings", "list", "--json").json()}


def test_list(site: CliSite) -> None:
    (site.state.recordings / f"{CALLS[3]}.wav").unlink()
    assert standing(site) == {
        CALLS[4]: "recording", CALLS[3]: "missing", CALLS[2]: "complete", CALLS[1]: "complete", CALLS[0]: "complete",
    }  # fmt: skip
    (third,) = site.run("recordings", "list", "--from", "2025-03-10", "--to", "2025-03-10", "--json").json()
    assert (third["call"], third["seconds"], third["bytes"], len(third["sha256"])) == (CALLS[2], 3.0, 48_044, 64)
    assert site.run("recordings", "list", "--desk", "1002").out == "There are no such calls.\n"


def test_who_is_shown_a_recording_is_in_the_journal_before(site: CliSite) -> None:
    file = site.state.recordings / f"{CALLS[0]}.wav"
    assert site.run("recordings", "path", CALLS[0]).out == f"{file}\n"
    assert done(site) == [("recording.opened", CALLS[0], "supervisor:budi")]
    (first,) = site.run("recordings", "list", "--to", "2025-01-31", "--json").json()
    assert [each["by"] for each in first["opened"]] == ["supervisor:budi"]
    assert "budi" in site.run("recordings", "list").out
    assert "recording.opened" in site.run("calls", "show", CALLS[0]).out


def test_a_path_for_programs(site: CliSite) -> None:
    file = site.state.recordings / f"{CALLS[0]}.wav"
    assert site.run("recordings", "path", CALLS[0], "--json").json() == {
        "call": CALLS[0], "transmission": None, "path": str(file), "bytes": 16_044,
    }  # fmt: skip
    assert done(site) == [("recording.opened", CALLS[0], "supervisor:budi")]
    site.run("recordings", "path", "no-such-call", "--json").refused()


def test_without_the_journal_nobody_is_shown_anything(site: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(JournalFile, "write", full)
    monkeypatch.setattr("ari_app.store.reserve.Reserve.append", full)
    shown = site.run("recordings", "path", CALLS[0])
    assert shown.out == "", "nothing of a log either"
    assert "could not be written" in shown.refused()


@pytest.mark.parametrize("call", ["", "no-such-call", "../siaga", f"../recordings/{CALLS[0]}", "\x1b[31m", "."])
def test_nothing_outside_the_folder_is_shown(site: CliSite, call: str) -> None:
    (site.state.root / "siaga.wav").touch()
    assert "\x1b" not in site.run("recordings", "path", call).refused()
    assert done(site) == []


def test_a_transmission_is_shown_in_the_same_way(site: CliSite) -> None:
    about = {"net": "300", "transmission": "300-1", "by": "desk", "desk": "1001"}
    site.tell([Fact("desk:1001", "radio.keyed", CALLS[0], {**about})])
    site.state.transmissions.mkdir(parents=True, exist_ok=True)
    file = site.state.transmissions / "300-1.wav"
    file.touch()
    assert site.run("radio", "play-path", "300-1").out == f"{file}\n"
    assert done(site) == [("recording.opened", CALLS[0], "supervisor:budi")]
    (first,) = site.run("recordings", "list", "--to", "2025-01-31", "--json").json()
    assert first["opened"] == [], "it is not the call's own recording"
    assert site.run("radio", "play-path", "300-1", "--json").json() == {
        "call": CALLS[0], "transmission": "300-1", "path": str(file), "bytes": 0,
    }  # fmt: skip


def test_verify(site: CliSite) -> None:
    assert site.run("recordings", "verify", CALLS[0]).out == "1 recording unchanged, 0 deleted\n"
    assert site.run("recordings", "verify", "--all").out == "4 recordings unchanged, 0 deleted\n"
    paths = [site.state.recordings / f"{call}.wav" for call in CALLS]
    paths[0].unlink()
    paths[1].write_bytes(wav(b"\7" * 32_000))
    paths[2].write_bytes(paths[2].read_bytes()[:1000])
    wrong = site.run("recordings", "verify", "--all")
    assert wrong.out.splitlines() == [
        f"{CALLS[0]}: file missing", f"{CALLS[1]}: changed", f"{CALLS[2]}: changed", "1 recording unchanged, 0 deleted",
    ]  # fmt: skip
    assert "3 recordings" in wrong.refused()
    found = site.run("recordings", "verify", "--all", "--from", "2025-03-01", "--json")
    assert (found.code, '"problem": "changed"' in found.out) == (1, True)
    assert site.run("recordings", "verify", "--all", "--to", "2024-12-31").code == 0
    for wrong_usage in ((), (CALLS[0], "--all")):
        site.run("recordings", "verify", *wrong_usage).refused(2)
    assert "lives" in site.run("recordings", "verify", CALLS[4]).refused()
    site.run("recordings", "verify", "no-such-call").refused()


def test_a_recording_that_asterisk_did_not_finish(site: CliSite) -> None:
    site.tell([Fact("system", "call.ended", CALLS[4], {"outcome": "lost"})])
    file = site.state.recordings / f"{CALLS[4]}.wav"
    assert f"{CALLS[4]}: not in the journal" in site.run("recordings", "verify", "--all").out
    file.write_bytes(b"RIFF\0\0\0\0WAVE")
    assert f"{CALLS[4]}: unfinished" in site.run("recordings", "verify", CALLS[4]).out
    assert standing(site)[CALLS[4]] == "unfinished"


def test_delete(site: CliSite) -> None:
    """Those of open complaints are kept and named, those of living calls and of nobody are not touched."""
    for other in ("of-nobody.wav", "notes.txt"):
        (site.state.recordings / other).touch()
    outside = site.state.root / "outside.wav"
    outside.touch()
    (site.state.recordings / "1795000000.99.wav").symlink_to(outside)
    deleted = site.run("recordings", "delete", "--before", "2025-12-01", "--yes")
    assert deleted.out.splitlines() == [
        f"{CALLS[1]} is kept: its complaint 110-20250210-0001 is open",
        "3 recordings deleted, 1 kept for open complaints",
    ]
    assert names(site) == [CALLS[1], CALLS[4], "1795000000.99", "notes", "of-nobody"]
    assert outside.exists()
    assert done(site) == [("recording.deleted", CALLS[n], "supervisor:budi") for n in (0, 2, 3)]
    assert site.run("recordings", "verify", "--all").out == "1 recording unchanged, 3 deleted\n"
    assert standing(site)[CALLS[0]] == "deleted"
    assert "was deleted at" in site.run("recordings", "path", CALLS[0]).refused()
    assert "0 recordings deleted" in site.run("recordings", "delete", *BEFORE).out


def keyed(site: CliSite, transmission: str, by: str, call: str | None = None, net: str = "300") -> None:
    site.tell([Fact(by, "radio.keyed", call, {"net": net, "transmission": transmission, "by": by})])


@pytest.fixture
def said(site: CliSite) -> CliSite:
    """Four transmissions: in a call whose complaint is closed, in one whose is open, in none, and one that goes on."""
    site.state.transmissions.mkdir(parents=True, exist_ok=True)
    file = site.state.transmissions
    for number, call in enumerate((CALLS[0], CALLS[1], None, None), 1):
        keyed(site, f"300-{number}", "desk" if call else "officer", call)
        file = site.state.transmissions / f"300-{number}.wav"
        file.write_bytes(wav(bytes(16_000)))
        if number < 4:
            os.utime(file, times=(0, datetime(2025, number, 10, tzinfo=UTC).timestamp()))
    with file.open("ab") as growing:  # which the header will know when it is closed
        growing.write(bytes(160))
    return site


def said_names(site: CliSite) -> list[str]:
    return sorted(file.stem for file in site.state.transmissions.iterdir())


def test_what_was_said_on_the_nets_is_deleted(said: CliSite) -> None:
    """As with calls: open complaints keep theirs, what goes on and what is not ours is not touched."""
    (said.state.transmissions / "menu.wav").write_bytes(wav(b""))
    os.utime(said.state.transmissions / "menu.wav", times=(0, 0))
    assert said.run("radio", "delete", "--before", "2025-02-01", "--yes").out == (
        "1 recording deleted, 0 kept for open complaints\n"
    )
    assert said_names(said) == ["300-2", "300-3", "300-4", "menu"]
    assert done(said) == [("recording.deleted", None, "supervisor:budi")]
    deleted = said.run("radio", "delete", "--before", "2999-01-01", "--yes", "--json").json()
    assert deleted == {"deleted": ["300-3"], "kept": {"300-2": "110-20250210-0001"}}
    assert said_names(said) == ["300-2", "300-4", "menu"]
    assert "deleted at" in said.run("radio", "play-path", "300-1").refused()
    assert "supervisor:budi" in said.run("radio", "play-path", "300-3").refused()
    assert said.run("recordings", "verify", "--all").out == "4 recordings unchanged, 0 deleted\n", "calls have theirs"


def test_what_belongs_to_an_open_complaint(site: CliSite) -> None:
    """Whoever spoke while the net was in the call, and the announcement; not what came before, after, or elsewhere."""
    call, net = CALLS[1], {"net": "300", "desk": "1001"}
    said = ("300-1", "300-2", "300-3", "300-4", "300-5", "301-1", "300-6", "300-7", "300-8")
    site.state.transmissions.mkdir(parents=True, exist_ok=True)
    for name in said:
        file = site.state.transmissions / f"{name}.wav"
        file.write_bytes(wav(bytes(160)))
        os.utime(file, times=(0, 0))
    keyed(site, "300-1", "officer")
    keyed(site, "300-2", "system")
    site.tell([Fact("system", "radio.announced", call, {"net": "300", "said": True})])
    site.tell([Fact("desk:1001", "radio.patched", call, {**net})])
    keyed(site, "300-3", "desk", call)
    keyed(site, "300-4", "officer")
    keyed(site, "300-5", "system")
    keyed(site, "301-1", "officer", net="301")
    site.tell([Fact("desk:1001", "radio.unpatched", call, {**net, "reason": "left"})])
    keyed(site, "300-6", "officer")
    site.tell([Fact("desk:1001", "radio.patched", call, {**net})])
    keyed(site, "300-7", "officer")
    keyed(site, "300-8", "officer")
    found = site.run("radio", "delete", "--before", "2025-01-01", "--yes", "--json").json()
    assert found["deleted"] == ["300-1", "300-6", "301-1"]
    assert sorted(found["kept"]) == ["300-2", "300-3", "300-4", "300-5", "300-7", "300-8"]


def test_a_complaint_is_opened_again_while_somebody_is_asked(said: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def reopened(*_: object) -> bool:
        said.tell([Fact("supervisor:ani", "complaint.reopened", CALLS[0], {"ticket": "110-20250110-0001"})])
        return True

    monkeypatch.setattr(recordings_delete, "_confirmed", reopened)
    assert "1 recording deleted, 2 kept" in said.run("radio", "delete", "--before", "2999-01-01").out
    assert said_names(said) == ["300-1", "300-2", "300-4"]


def test_what_ends_while_somebody_is_asked_was_not_asked_for(said: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object) -> bool:
        (said.state.transmissions / "300-4.wav").write_bytes(wav(bytes(16_000)))
        return True

    monkeypatch.setattr(recordings_delete, "_confirmed", ended)
    assert "2 recordings deleted" in said.run("radio", "delete", "--before", "2999-01-01").out
    assert said_names(said) == ["300-2", "300-4"]


def test_nothing_is_removed_before_it_is_on_disk(said: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = names(said), said_names(said)
    monkeypatch.setattr(JournalFile, "write", full)
    monkeypatch.setattr("ari_app.store.reserve.Reserve.append", full)
    for what in ("recordings", "radio"):
        assert "could not be written" in said.run(what, "delete", "--before", "2999-01-01", "--yes").refused()
    assert (names(said), said_names(said)) == before


def test_talk_that_was_no_transmission_goes_meanwhile(said: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk removes its recording at any moment."""
    there = Recordings.names
    monkeypatch.setattr(Recordings, "names", lambda tapes: [*there(tapes), "300-f"])
    assert "2 recordings deleted" in said.run("radio", "delete", "--before", "2999-01-01", "--yes").out


def test_a_transmission_that_asterisk_never_finished_is_deleted_an_hour_later(said: CliSite) -> None:
    file = said.state.transmissions / "300-4.wav"
    os.utime(file, times=(0, time.time() - 3700))
    assert "300-4" in said.run("radio", "delete", "--before", "2999-01-01", "--yes", "--json").json()["deleted"]
    assert not file.exists()


@pytest.mark.parametrize("arguments", [{}, {"transmissions": [CALLS[0]]}, {"transmissions": ["../siaga-1"]}])
def test_an_order_that_names_no_recording(site: CliSite, arguments: dict[str, Json]) -> None:
    """A call's id is none of a transmission: its recording would be taken for deleted."""
    with pytest.raises(Refused):
        order(site.state, load_settings(site.state.config), "recordings.delete", arguments)
    assert done(site) == []


def test_nothing_was_ever_said(site: CliSite) -> None:
    assert "0 recordings deleted" in site.run("radio", "delete", "--before", "2999-01-01", "--yes").out
    site.run("radio", "delete", "--before", "2999-01-01", "--json").refused(2)


@pytest.mark.parametrize(("answer", "left"), [("y\n", 4), ("ya\n", 4), ("n\n", 5), ("\n", 5), ("", 5)])
def test_it_asks(site: CliSite, monkeypatch: pytest.MonkeyPatch, answer: str, left: int) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    asked = site.run("recordings", "delete", "--before", "2025-02-01")
    assert "1 recording will be deleted for good" in asked.out
    assert len(names(site)) == left
    if left == len(CALLS):
        assert "nothing was deleted" in asked.refused()


def test_a_deletion_that_was_interrupted_is_finished(site: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the fact and the removal: the journal says deleted, the file is there."""
    with monkeypatch.context() as patch:

        def killed(*_: object) -> None:
            raise Refused("killed")

        patch.setattr(recordings_delete, "_remove", killed)
        site.run("recordings", "delete", *BEFORE).refused()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: killed())
        site.run("recordings", "delete", *BEFORE).refused()
    assert len(names(site)) == 5
    assert standing(site)[CALLS[0]] == "deleted"
    before = len(done(site))
    assert site.run("recordings", "delete", "--before", "2024-01-01", "--yes").out == (
        "1 recording deleted, 0 kept for open complaints\n"
    )
    assert names(site) == list(CALLS[1:])
    assert len(done(site)) == before, "it is told once"


def test_a_complaint_that_is_opened_again_at_the_last_moment(site: CliSite) -> None:
    """Somebody stands before the question, and another opens the complaint again."""

    def reopened(*_: object) -> bool:
        site.tell([Fact("supervisor:ani", "complaint.reopened", CALLS[0], {"ticket": "110-20250110-0001"})])
        return True

    before = round(datetime(2025, 3, 1, tzinfo=UTC).timestamp() * 1000)
    with pytest.raises(Refused, match=rf"open complaints: {CALLS[0]} \(110-20250110-0001\)"):
        recordings_delete.delete_before(site.state, load_settings(site.state.config), before, may=reopened)
    assert names(site) == list(CALLS)
    assert done(site) == []


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("recordings.delete", {"calls": ["x"]}),
        ("recordings.delete", {"calls": [CALLS[0], CALLS[4]]}),
        ("recordings.open", {"call": "x"}),
        ("recordings.open", {"call": "x", "transmission": "300-1"}),
    ],
)
def test_an_order_for_what_is_not_there(site: CliSite, command: str, arguments: dict[str, Json]) -> None:
    """A program of one's own may ask for anything."""
    with pytest.raises(Refused, match=r"no such call has ended|there is no call"):
        order(site.state, load_settings(site.state.config), command, arguments)
    assert done(site) == []
    assert len(site.run("calls", "list", "--json").json()) == len(CALLS)


def test_a_file_that_cannot_be_removed(site: CliSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, and the next run removes it."""

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", denied)
        for _ in range(2):
            refused = site.run("recordings", "delete", *BEFORE).refused()
            assert f"{CALLS[0]}.wav cannot be removed: Permission denied" in refused
    assert done(site) == [("recording.deleted", CALLS[0], "supervisor:budi")]
    assert "1 recording deleted" in site.run("recordings", "delete", *BEFORE).out


def test_for_programs(site: CliSite) -> None:
    assert "--yes" in site.run("recordings", "delete", "--before", "2025-12-01", "--json").refused(2)
    assert site.run("recordings", "delete", "--before", "2025-12-01", "--yes", "--json").json() == {
        "deleted": [CALLS[0], CALLS[2], CALLS[3]], "kept": {CALLS[1]: "110-20250210-0001"},
    }  # fmt: skip
