"""Asterisk's files for a site, and that nothing in the configuration can add to them."""

from __future__ import annotations

import re
import resource
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ari_app.site import render as module
from ari_app.site.radio import gateways
from ari_app.site.render import asterisk_dirs, render
from ari_app.site.room import BELIEVED_SECONDS
from ari_app.site.secrets import Secrets, load_or_create
from ari_app.site.settings import Settings
from ari_app.site.state import StateDir, StateError
from tests.unit.full_config import FULL

REPO = Path(__file__).parents[2]
MODULES, DATA = Path("/tree/modules"), Path("/tree/share")
PJSIP_TEMPLATES = ["~line", "~trunk", "~gateway", "~desk", "~phone"]


def site(content: dict[str, Any] | None = None) -> Settings:
    return Settings.model_validate(content or tomllib.loads(FULL))


def secrets_of(wanted: Settings) -> Secrets:
    desks = {desk.extension: desk.secret or "dibuat" for desk in wanted.desk}
    return Secrets(ari={"siaga110": "A1", "guard": "G1"}, mqtt={}, desks=desks)


def rendered(wanted: Settings, root: Path = Path("/state")) -> dict[str, str]:
    """Every file's text by its name, without writing any."""
    texts: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "write_private", lambda path, text, **_: texts.update({path.name: text}))
        render(wanted, StateDir(root), secrets_of(wanted), modules_dir=MODULES, data_dir=DATA)
    return texts


def lines(text: str) -> list[str]:
    """The lines as Asterisk reads them: without comments and blank ones."""
    return [line for raw in text.split("\n") if (line := raw.split(";")[0].strip())]


def sections(text: str) -> list[str]:
    return [match[1] for line in lines(text) if (match := re.match(r"\[(.*?)\]", line))]


def block(text: str, name: str, kind: str) -> dict[str, list[str]]:
    """The settings of the section ``name`` with ``type = kind``, or made from the template ``kind``."""
    for part in re.split(r"(?m)^(?=\[)", text):
        head, *rest = lines(part) or [""]
        if head == f"[{name}]({kind})" or (head == f"[{name}]" and f"type = {kind}" in rest):
            found: dict[str, list[str]] = {}
            for line in rest:
                key, value = line.split(" = ", 1)
                found.setdefault(key, []).append(value)
            return found
    raise AssertionError((name, kind))


def expected_sections(wanted: Settings) -> list[str]:
    trunks = [trunk.name for trunk in wanted.trunk for _ in range(3)]
    radio = [each.name for each in gateways(wanted) for _ in range(3 if each.match else 2)]
    desks = [desk.extension for desk in wanted.desk for _ in range(3)]
    return ["global", "udp", "tcp", *PJSIP_TEMPLATES, *trunks, *radio, *desks]


def expected_public(wanted: Settings) -> list[str]:
    """What can be dialled from outside."""
    return [f"exten => {number},1,Goto(emergency,{number},1)" for number in wanted.site.emergency_numbers]


def expected_extensions(wanted: Settings) -> list[str]:
    """The same, and what can be dialled or transferred to at a desk."""
    units = sorted({desk.unit for desk in wanted.desk if desk.unit != "polda"})
    polres = {
        f"2{unit}": "&".join(f"PJSIP/{desk.extension}" for desk in wanted.desk if desk.unit == unit) for unit in units
    }
    numbers = {desk.extension: f"PJSIP/{desk.extension}" for desk in wanted.desk} | polres
    service = "exten => _*1X!,1,Goto(desk-service,${FILTER(0-9*,${EXTEN}):0:48},1)"
    dialled = [f"exten => {number},1,Set(PHONES={phones})" for number, phones in [*numbers.items(), *polres.items()]]
    nets = [f"exten => {radio.net},1,Goto(desk-net,{radio.net},1)" for radio in wanted.radio]
    called = [f"exten => {net},1,Goto(radio-gateway,{net},1)" for each in gateways(wanted) for net in each.nets]
    count = len(numbers)
    return [*expected_public(wanted), service, *dialled[:count], *nets, *called, *dialled[count:]]


# ---- what is in them


@pytest.mark.parametrize(("identity", "trusted"), [("pai", "yes"), ("from", "no")])
def test_whose_word_on_who_calls_counts(identity: str, trusted: str) -> None:
    wanted = site(tomllib.loads(FULL.replace('identity = "pai"', f'identity = "{identity}"')))
    text = rendered(wanted)["pjsip.conf"]
    assert block(text, "pstn", "~trunk")["trust_id_inbound"] == [trusted]
    assert text.count("trust_id_inbound") == 1, "no desk says who calls"


def test_pjsip() -> None:
    wanted = site()
    text = rendered(wanted)["pjsip.conf"]
    assert sections(text) == expected_sections(wanted)
    assert block(text, "udp", "transport")["bind"] == block(text, "tcp", "transport")["bind"] == ["127.0.0.1:5060"]
    assert block(text, "global", "global")["endpoint_identifier_order"] == ["ip,username"]
    trunk = block(text, "pstn", "~trunk")
    assert (trunk["deny"], trunk["permit"]) == (["0.0.0.0/0.0.0.0"], ["127.0.0.2"])
    assert block(text, "pstn", "identify") == {"type": ["identify"], "endpoint": ["pstn"], "match": ["127.0.0.2"]}
    assert block(text, "pstn", "aor")["contact"] == ["sip:127.0.0.2:5060"]
    assert block(text, "1001", "~desk") == {"auth": ["1001"], "aors": ["1001"]}
    assert block(text, "1001", "auth")["password"] == ["rahasia-1001"]
    assert block(text, "1002", "auth")["password"] == ["dibuat"]
    assert "context = from-trunk" in text.partition("[~trunk]")[2].partition("[~desk]")[0]
    assert "context = from-desk" in text.partition("[~desk]")[2].partition("[~phone]")[0]


def test_a_clock_that_is_set_forwards_keeps_no_phone_away_for_long() -> None:
    """Registrations end by the machine's clock: until they are renewed no desk rings."""
    assert "\nmaximum_expiration = 120\n" in rendered(site())["pjsip.conf"]


def test_a_phone_that_vanished_does_not_keep_its_line() -> None:
    """By the session's timer, which we keep where the phone does not; never for want of audio (docs/asterisk.md)."""
    text = rendered(site())["pjsip.conf"]
    desk = dict(line.split(" = ") for line in lines(text.partition("[~desk]")[2].partition("[~phone]")[0])[1:])
    assert (desk["timers"], desk["timers_sess_expires"]) == ("always", "600")
    assert "rtp_timeout" not in text


def test_the_trunks_context_leads_to_110_only() -> None:
    wanted = site()
    text = rendered(wanted)["extensions.conf"]
    assert sections(text) == ["general", "globals", "from-trunk", "from-desk", "from-radio-300", "from-refer"]
    inside = text.partition("[from-trunk]")[2].partition("[from-desk]")[0]
    assert lines(inside) == expected_public(wanted)
    assert "POLDA_DESKS = PJSIP/1001&PJSIP/1002\n" in text


def test_no_recording_begins_where_it_would_take_the_last_space() -> None:
    """The mark is looked at last before the recording, and leads past that alone: the call is offered all the same."""
    texts = rendered(site())
    assert f"UNRECORDED_SECONDS = {BELIEVED_SECONDS}" in lines(texts["extensions.conf"])
    assert "UNRECORDED = /state/run/calls-unrecorded" in lines(texts["extensions.conf"])
    steps = lines(texts["emergency.conf"])
    begins = steps.index("same => n,TryExec(MixMonitor(${RECORDINGS}/${UNIQUEID}.wav))")
    look = "GotoIf($[0${STAT(M,${UNRECORDED})} + ${UNRECORDED_SECONDS} > ${EPOCH}]?unrecorded)"
    assert steps[begins - 1] == f"same => n,{look}"
    assert steps[begins + 1].startswith("same => n(unrecorded),TryExec(StasisBroadcast(")
    assert "require = func_env.so" in lines(texts["modules.conf"])
    assert sum("MixMonitor" in line for text in texts.values() for line in lines(text)) == 1


def test_a_gateway_is_its_addresses_and_reaches_its_nets_only() -> None:
    other = {"net": "301", "name": "Lantas", "gateway": "sip:301@127.0.0.5:5070", "match": ["127.0.0.6", "127.0.0.7"]}
    same = {"net": "302", "name": "Reskrim", "gateway": "sip:302@127.0.0.4:5080"}
    content = tomllib.loads(FULL)
    content["radio"] += [other, same]
    texts = rendered(site(content))
    pjsip, dialplan = texts["pjsip.conf"], texts["extensions.conf"]
    assert block(pjsip, "radio-300", "~gateway")["context"] == ["from-radio-300"]
    assert block(pjsip, "radio-300", "~gateway")["deny"] == ["0.0.0.0/0.0.0.0"]
    assert block(pjsip, "radio-300", "identify")["match"] == ["127.0.0.4"]
    assert block(pjsip, "radio-300", "aor")["contact"] == ["sip:127.0.0.4:5060", "sip:127.0.0.4:5080"]
    assert block(pjsip, "radio-301", "identify")["match"] == ["127.0.0.6", "127.0.0.7"]
    first = lines(dialplan.partition("[from-radio-300]")[2].partition("[from-radio-301]")[0])
    assert first == [f"exten => {net},1,Goto(radio-gateway,{net},1)" for net in ("300", "302")]


@pytest.mark.parametrize("taken", ["127.0.0.2", "127.0.0.1"])
def test_a_gateway_where_trunk_or_desks_are_can_only_be_called(taken: str) -> None:
    """Otherwise the trunk's calls, or the desks' registrations, would be taken for the gateway's."""
    content = tomllib.loads(FULL)
    content["radio"][0] |= {"gateway": f"sip:300@{taken}:5070", "match": []}
    text = rendered(site(content))["pjsip.conf"]
    assert "permit" not in block(text, "radio-300", "~gateway")
    with pytest.raises(AssertionError):
        block(text, "radio-300", "identify")


def test_polres_desks_do_not_ring_in_the_fallback() -> None:
    content = tomllib.loads(FULL)
    content["desk"].append({"extension": "2001", "unit": "01"})
    content["desk"].append({"extension": "1003"})
    text = rendered(site(content))["extensions.conf"]
    assert "POLDA_DESKS = PJSIP/1001&PJSIP/1002&PJSIP/1003\n" in text


def test_ari_passwords_are_crypted() -> None:
    from passlib.hash import sha1_crypt  # type: ignore[import-untyped]  # noqa: PLC0415 - has no types, slow

    text = rendered(site())["ari.conf"]
    assert sections(text) == ["general", "siaga110", "guard"]
    for user, password in (("siaga110", "A1"), ("guard", "G1")):
        found = block(text, user, "user")
        assert found["password_format"] == ["crypt"]
        assert sha1_crypt.verify(password, found["password"][0])
        assert not sha1_crypt.verify("salah", found["password"][0])


def test_nothing_is_written_twice(tmp_path: Path) -> None:
    """A disk that takes nothing by then is no reason to fail."""
    state = StateDir(tmp_path)
    state.create()

    def written() -> dict[Path, int]:
        files = render(site(), state, secrets_of(site()), modules_dir=MODULES, data_dir=DATA)
        return {path: path.stat().st_ino for path in files}

    assert written() == written()


def test_only_loopback_http_and_no_ami() -> None:
    texts = rendered(site())
    assert "bindaddr = 127.0.0.1" in lines(texts["http.conf"])
    assert "bindport = 8088" in lines(texts["http.conf"])
    assert lines(texts["manager.conf"]) == ["[general]", "enabled = no", "webenabled = no"]
    assert {"rtpstart = 10000", "rtpend = 14999"} <= set(lines(texts["rtp.conf"]))


def test_only_named_modules_and_no_anonymous_identifier() -> None:
    text = rendered(site())["modules.conf"]
    assert "autoload = no" in lines(text)
    assert "anonymous" not in text
    named = [line.split(" = ")[1] for line in lines(text) if line.startswith(("load", "require"))]
    assert len(named) == len(set(named))
    modules = asterisk_dirs()[0]
    assert [name for name in named if not (modules / name).exists()] == []


def test_every_directory_is_the_states() -> None:
    text = rendered(site(), Path("/tempat-lain/state"))["asterisk.conf"]
    places = dict(line.split(" => ") for line in lines(text) if " => " in line)
    assert places.pop("astmoddir") == str(MODULES)
    assert places.pop("astdatadir") == str(DATA)
    assert len(places) == 9
    assert all(place.startswith("/tempat-lain/state/") for place in places.values())


@pytest.mark.parametrize(
    ("allowed", "asked"), [(4096, 4096), (65_536, 65_536), (1_048_576, 65_536), (resource.RLIM_INFINITY, 65_536)]
)
def test_asterisk_opens_as_many_files_as_it_may(monkeypatch: pytest.MonkeyPatch, allowed: int, asked: int) -> None:
    """Asked for more than that, it would be left with the few that a shell has."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, allowed))
    assert f"maxfiles = {asked} " in rendered(site())["asterisk.conf"]


@pytest.mark.parametrize(("files", "calls"), [(256, 1), (1024, 55), (20_000, 1435), (65_536, 2000 - 2)])
def test_fewer_calls_than_there_are_files_for(monkeypatch: pytest.MonkeyPatch, files: int, calls: int) -> None:
    """Eleven files a call, and a fifth is left; some calls in any case, and none without ports for its audio."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert f"maxcalls = {calls} " in rendered(site())["asterisk.conf"]


def test_more_desks_than_can_be_rung_at_once() -> None:
    """Asterisk skips a line that is too long: in the fallback the first ones ring, rather than nobody."""
    content = tomllib.loads(FULL)
    others = [desk for desk in content["desk"] if desk.get("unit", "polda") != "polda"]
    many = [{"extension": f"{number}"} for number in range(3000, 4000)]
    content["desk"] = [*many, *others]
    line = next(each for each in lines(rendered(site(content))["extensions.conf"]) if each.startswith("POLDA_DESKS"))
    rung = line.removeprefix("POLDA_DESKS = ").split("&")
    assert rung == [f"PJSIP/{each['extension']}" for each in many[: len(rung)]]
    assert len(rung) > 350
    assert len(line) < 4096


def test_no_template_is_left_over() -> None:
    for name, text in rendered(site()).items():
        assert "{{" not in text, name
        assert "{%" not in text, name


# ---- writing them


def test_written_for_the_owner_and_stale_ones_removed(state: StateDir) -> None:
    etc = state.asterisk / "etc"
    (etc / "sip.conf").write_text("[general]\n")
    (etc / "notes.txt").write_text("not ours")
    wanted = site()
    written = render(wanted, state, load_or_create(state, wanted), modules_dir=MODULES, data_dir=DATA)
    sources = {
        path.name.removesuffix(".j2")
        for name in ("asterisk_conf", "dialplan")
        for path in (REPO / name).iterdir()
        if path.suffix != ".toml"
    }
    assert {path.name for path in written} == sources
    assert {path.name for path in etc.iterdir()} == sources | {"notes.txt"}
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}


@pytest.mark.parametrize("name", ["a b", "a,b", "a;b", "a${b}", "a&b", "a\nb", "a[b]", "a)b", "a|b", 'a"b', "ä"])
def test_a_path_that_the_dialplan_would_take_for_its_own(tmp_path: Path, name: str) -> None:
    wanted = site()
    with pytest.raises(StateError, match="in its path that Asterisk cannot take"):
        render(wanted, StateDir(tmp_path / name), secrets_of(wanted), modules_dir=MODULES, data_dir=DATA)
    assert not (tmp_path / name).exists()


def test_asterisk_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIAGA_DEPS", str(tmp_path))
    for content in (None, "", "ASTERISK_MODULES_DIR\n", "ASTERISK_MODULES_DIR=/m\n"):
        if content is not None:
            (tmp_path / "asterisk.env").write_text(content)
        with pytest.raises(StateError, match="run scripts/setup"):
            asterisk_dirs()
    (tmp_path / "asterisk.env").write_text("ASTERISK_MODULES_DIR=/m\nASTERISK_DATA_DIR=/d\n")
    assert asterisk_dirs() == (Path("/m"), Path("/d"))


# ---- nothing in the configuration can add to them


def _text_fields(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there is text in a configuration, however deep."""
    if isinstance(node, str):
        yield path
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _text_fields(value, (*path, key))
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from _text_fields(value, (*path, place))


FIELDS = list(_text_fields(tomllib.loads(FULL)))
EVIL = [
    "\n", "\r", "\0", ";", "[", "]", "${", "}", ",", "&", "=>", "(", ")", "|", "#include", "\\", '"', "/", ":", "@",
    "%", "\x85", "\u2028", "{{", "{%", "exten => s,1,System(id)", "!", "~", "1", "a", "127.0.0.1", "sip:", " ",
]  # fmt: skip


def _shape(text: str) -> list[str]:
    """What a file consists of, without the values: the sections' names and what stands before each = sign."""
    return [line if line[0] == "[" else line.split("=")[0] for line in lines(text)]


def _asked_of(settings_: Settings) -> list[int]:
    """How many addresses each gateway is known by."""
    return [len(gateway.match) for gateway in gateways(settings_)]


def test_there_are_fields() -> None:
    assert len(FIELDS) == 33
    assert ("trunk", 0, "match", 0) in FIELDS


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(field=st.sampled_from(FIELDS), text=st.lists(st.sampled_from(EVIL) | st.text(max_size=3)).map("".join))
@example(field=("asterisk", "sip"), text="127.0.0.1\n[evil]:5060")
@example(field=("trunk", 0, "match", 0), text="fe80::1%x\n[evil]")
@example(field=("trunk", 0, "name"), text="trunk")
@example(field=("trunk", 0, "name"), text="global")
@example(field=("desk", 0, "secret"), text="${SHELL(id)}#include,&")
@example(field=("radio", 0, "match", 0), text="127.0.0.1")
def test_no_text_adds_to_asterisks_files(field: tuple[Any, ...], text: str) -> None:
    content = tomllib.loads(FULL)
    node = content
    for step in field[:-1]:
        node = node[step]
    assume(node[field[-1]] != text)
    node[field[-1]] = text
    try:
        wanted = site(content)
    except ValidationError:
        return
    texts, plain = rendered(wanted), rendered(site())
    assert sections(texts["pjsip.conf"]) == expected_sections(wanted)
    inside = lines(texts["extensions.conf"])
    assert [line for line in inside if line.startswith("exten")] == expected_extensions(wanted)
    # An address that is the trunk's is not asked of a gateway as well, and the file is shorter by that.
    assume(_asked_of(wanted) == _asked_of(site()))
    for name, before in plain.items():
        assert texts[name].count("\n") == before.count("\n"), name
        if name == "pjsip.conf":
            assert [line for line in _shape(texts[name]) if line[0] != "["] == [
                line for line in _shape(before) if line[0] != "["
            ]
        elif name != "extensions.conf":
            assert _shape(texts[name]) == _shape(before), name


@settings(max_examples=200, deadline=None)
@given(secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128))
def test_a_secret_reaches_the_phone_as_it_was_written(secret: str) -> None:
    content = tomllib.loads(FULL)
    content["desk"][0]["secret"] = secret
    try:
        wanted = site(content)
    except ValidationError:
        assert set(secret) & set(";[]\\")
        return
    assert block(rendered(wanted)["pjsip.conf"], "1001", "auth")["password"] == [secret]
