"""``siaga radio``: nets, transmissions and their recordings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ari_app.domain.facts import Fact
from ari_app.site.state import StateDir
from tests.unit.cli_site import CONFIG, CliSite, story

NETS = """[[radio]]
net = "300"
name = "Komando"
gateway = "sip:300@127.0.0.4"
[[radio]]
net = "301"
name = "Lantas"
gateway = "sip:301@127.0.0.4"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> CliSite:
    site = CliSite(tmp_path / "state", monkeypatch, capfd)
    site.configure(CONFIG + NETS)
    return site


def keyed(number: int, **more: str) -> Fact:
    data = {"net": "300", "transmission": f"300-{number}", "by": "desk", "desk": "1001", **more}
    return Fact("operator:91001", "radio.keyed", "c1", data)


def released(number: int) -> Fact:
    return Fact("operator:91001", "radio.released", "c1", {**keyed(number).data, "ms": 1500, "reason": "unkeyed"})


def test_nets(site: CliSite) -> None:
    where = {"net": "300", "desk": "1001"}
    site.tell([
        Fact("asterisk", "radio.gateway_up", data={"net": "300"}), Fact("desk:1001", "radio.joined", data={**where}),
        Fact("desk:1001", "radio.patched", "c1", {"net": "300", "desk": "1002"}), keyed(1),
    ])  # fmt: skip
    first, second = site.run("radio", "nets", "--json").json()
    assert (first["net"], first["name"], first["line"], first["talker"]) == ("300", "Komando", "up", "1001")
    assert first["desks"] == ["1001", "1002"]
    assert (second["line"], second["talker"], second["desks"]) == ("unknown", None, [])
    site.tell([
        released(1), Fact("desk:1001", "radio.left", data={**where}),
        Fact("asterisk", "radio.gateway_down", data={"net": "300", "cause": 16}),
    ])  # fmt: skip
    (first, _) = site.run("radio", "nets", "--json").json()
    assert (first["line"], first["talker"], first["desks"]) == ("down", None, ["1002"])
    assert "Komando" in site.run("radio", "nets").out


def test_transmissions_newest_first(site: CliSite) -> None:
    assert site.run("radio", "list").out == "Nothing was transmitted.\n"
    site.tell([keyed(1), released(1), keyed(2)])
    second, first = site.run("radio", "list", "--json").json()
    assert (first["id"], first["desk"], first["ms"], first["reason"], first["call"]) == (
        "300-1", "1001", 1500, "unkeyed", "c1",
    )  # fmt: skip
    assert (second["id"], second["ms"], second["reason"]) == ("300-2", None, None)
    assert [each["id"] for each in site.run("radio", "list", "--limit", "1", "--json").json()] == ["300-2"]
    assert site.run("radio", "list", "--net", "301", "--json").json() == []
    assert "on the air" in site.run("radio", "list").out
    assert [line.split()[2] for line in site.run("radio", "log").out.splitlines()] == [
        "radio.keyed", "radio.released", "radio.keyed",
    ]  # fmt: skip


def test_where_a_recording_is(site: CliSite, tmp_path: Path) -> None:
    site.tell([*story("c1"), keyed(1), released(1)])
    for wrong in ("300-9", "300-1"):
        refused = site.run("radio", "play-path", wrong)
        assert (refused.code, refused.out) == (1, "")
        assert wrong in refused.err
    place = StateDir(tmp_path / "state")
    place.transmissions.mkdir(parents=True, exist_ok=True)
    path = place.transmissions / "300-1.wav"
    path.touch()
    assert site.run("radio", "play-path", "300-1").out == f"{path}\n"


def test_who_listened_to_a_transmission(site: CliSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.tell([*story("c1"), keyed(1), released(1), keyed(2), released(2)])
    (site.state.transmissions / "300-1.wav").touch()
    (site.state.recordings / "c1.wav").touch()
    for name, command in (("budi", ("radio", "play-path", "300-1")), ("ani", ("radio", "play-path", "300-1")),
                          ("tono", ("recordings", "path", "c1"))):  # fmt: skip
        monkeypatch.setenv("SIAGA_SUPERVISOR", name)
        assert site.run(*command).code == 0
    second, first = site.run("radio", "list", "--json").json()
    assert [each["by"] for each in first["opened"]] == ["supervisor:budi", "supervisor:ani"]
    assert second["opened"] == [], "the call's own recording is another one"
    heading, _, line, last = site.run("radio", "list").out.splitlines()
    assert heading.rstrip().endswith("Heard by")
    assert line.rstrip().endswith("unkeyed  -")
    assert re.search(r"unkeyed +ani [-\d]+ [:\d]+ \(\+1\)$", last.rstrip())


@pytest.mark.parametrize("arguments", [("say", "300", "Uji coba"), ("patch", "c1", "300"), ("unpatch", "c1")])
def test_orders_need_the_application(site: CliSite, arguments: tuple[str, ...]) -> None:
    refused = site.run("radio", *arguments)
    assert (refused.code, refused.out) == (1, "")
    assert "does not run" in refused.err
