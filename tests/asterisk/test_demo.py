"""``scripts/run --demo`` on a site of its own: exit 0, and each step on the terminal beside the SOP's."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scripts.demo.sop import STEPS
from tests.asterisk.site import Site, actions, alive, children

NOT_VALID = ["V.1", "V.2", "V.3", "V.4", "V.5"]
TAKEN_BACK = ["V.1", "V.2", "V.3", "V.4", "V.6", "V.10", "V.11"]
TAKEN_BY_POLRES = ["V.1", "V.2", "V.3", "V.4", "V.6", "V.7", "V.8", "V.9"]
RADIO = ["V.1", "V.2", "V.3", "VII.d"]
PRANKS = ["VII.f", "VIII.1", "VIII.2", "V.2"]
BUSY = FROZEN = ["V.2"]

LONG = ("salam-penutup", "nomor-blokir-pengumuman", "nomor-diblokir", "musik")
"""Sentences whose length is not what is tested here: they are known by their sound, and heard to their end."""

DONE = {
    "V.1": "caller 081234567890 dials 110",
    "V.2": "both hear each other",
    "V.3": "screen the operator enters name, place",
    "V.4": "desk 1001 presses *5: valid",
    "V.5": "desk 1001 presses *0: closing",
    "V.6": "desk 1001 presses *201#: to Polres Uji 01",
    "V.7": "desk 2011 answers",
    "V.8": "screen the operator enters description",
    "V.9": "desk 2011 presses *0: closing",
    "V.10": "desk 2011 stops ringing: nobody has answered for 5 s",
    "V.11": "both hear each other",
    "VII.d": "desk 1001 presses *3300#: brings the radio net Komando in",
    "VII.f": "desk 1001 presses *7: prank number 4",
    "VIII.1": 'desk 1001 hears "Nomor ini sekarang diblokir."',
    "VIII.2": "desk 1001 presses *8: unblocked",
}
"""What somebody does, beside each step."""
HEARD = [
    'V.6 caller hears "Mohon ditunggu sebentar',
    "V.6 desk 1001 hears the tone of ringing",
    'V.7 caller hears "Terima kasih telah menunggu"',
    'V.9 caller hears "Terima kasih telah menghubungi Call Center 110 Polri tetap siaga selalu."',
    'V.11 caller hears "Terima kasih telah menghubungi Call Center 110 Polri tetap siaga selalu."',
    "V.11 journal complaint 110-",
    'VII.d caller hears "Mohon ditunggu sebentar',
    "VII.d radio hears the attention tone",
    "VII.d radio hears the operator",
    "VII.d desk 1001 hears the officer",
    'VII.d caller hears "Terima kasih telah menunggu"',
    'VII.f caller hears "Terima kasih telah menghubungi Call Center 110 Polri tetap siaga selalu."',
    'VIII.1 caller hears "Terima kasih telah menghubungi Call Center 110 Polri tetap siaga selalu."',
    'VIII.2 caller hears "Nomor Anda diblokir karena panggilan palsu berulang.',
    "VIII.2 desk 1001 has BLOKIR 0899",
    "VIII.2 both hear each other",
    "V.2 desk 1001 has 0899",
    "V.2 desk 1001 is busy",
    "V.2 desk 1002 answers",
    "V.2 application stands still",
    "V.2 desk 1003 answered after",
]


@pytest.fixture
def sites(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Make an instance that is not started, with the desks that are asked for; it is cleaned up."""
    made: list[Site] = []

    def make(**desks: int) -> Site:
        home = tmp_path / f"site{len(made)}"
        home.mkdir()
        made.append(Site(home, **desks))  # type: ignore[arg-type]  # all of them are counts
        return made[-1]

    yield make
    for site in made:
        site.clean_up()


def play(site: Site) -> list[str]:
    """Play the demo to its end, which must be a good one; the lines without their times and blanks."""
    launcher = site.launch("--demo")
    family: set[int] = set()
    while launcher.poll() is None and not any("All as the SOP says" in line for line in site.output):
        family |= set(children(launcher.pid))
        time.sleep(0.1)
    assert launcher.wait(20) == 0, site.output
    assert not [pid for pid in family if alive(pid)]
    assert not (site.state / "run" / "demo").exists()
    assert any(line.startswith("READY") for line in site.output)
    return [" ".join(re.sub(r"\d\d:\d\d:\d\d\.\d{3}", "", line).split()) for line in site.output]


def steps(lines: list[str]) -> list[str]:
    """The steps in the order in which the SOP's words for them were shown."""
    words = {" ".join(f"{step} {text}".split()): step for step, text in STEPS.items()}
    return [words[line] for line in lines if line in words]


def block_facts(site: Site) -> list[str]:
    """The actions on marks and blocks in the journal, in order; all are of one number."""
    told = [record for record in site.records() if record.action.startswith(("prank.", "number."))]
    assert len({record.data["number"] for record in told}) == 1
    return actions(told)


def was_shown(lines: list[str], beginning: str) -> bool:
    return any(line.startswith(beginning) for line in lines)


@pytest.mark.timeout(240)
def test_everything_is_played(sites: Callable[..., Site]) -> None:
    """The whole of section V, the radio of VII.d, the pranks of VII.f and VIII, a busy desk, a frozen application."""
    site = sites(desks=3, polres=2)
    site.shorten(*LONG)
    lines = play(site)
    assert steps(lines) == [*NOT_VALID, *TAKEN_BACK, *TAKEN_BY_POLRES, *RADIO, *PRANKS, *BUSY, *FROZEN]
    for shown in (*(f"{step} {what}" for step, what in DONE.items()), *HEARD):
        assert was_shown(lines, shown), (shown, lines)
    assert not [line for line in lines if "left out" in line]
    told = actions(site.records())
    assert told.count("call.ended") == 13
    for action in ("call.taken_back", "call.transfer_answered", "call.not_answered", "call.fallback"):
        assert told.count(action) == 1, action
    assert block_facts(site) == [*["prank.marked"] * 5, "number.blocked", "number.unblocked"]
    assert site.siaga("journal", "verify").returncode == 0
    kept = {(each["status"], each["polres"]) for each in site.siaga_json("complaints", "list", "--polres", "01")}
    assert kept == {("open", "01"), ("closed", "01")}


@pytest.mark.timeout(240)
def test_what_goes_otherwise(sites: Callable[..., Site]) -> None:
    """Three demos beside each other, as each of them mostly waits for its telephones."""
    played = (operators_log_in_and_no_polres_has_a_desk, what_does_not_go_as_the_sop_says_is_told, failing_pranks)
    theirs = [sites(desks=1) for _ in played]
    for site in theirs:
        site.shorten(*LONG)
    with ThreadPoolExecutor() as pool:
        done = [pool.submit(each, site) for each, site in zip(played, theirs, strict=True)]
    for each in done:
        each.result()


def operators_log_in_and_no_polres_has_a_desk(site: Site) -> None:
    """The demo's own operator logs in and is gone afterwards; what this site cannot show is left out, in one line."""
    site.config.write_text(site.text.replace("login = false", "login = true"), encoding="utf-8")
    lines = play(site)
    assert steps(lines) == [*NOT_VALID, *RADIO, *PRANKS, *FROZEN]
    assert was_shown(lines, "desk 1001 operator 99")
    assert was_shown(lines, "SOP V.6 to V.11: left out, because no desk in")
    assert was_shown(lines, "A busy desk: left out, because")
    assert site.siaga_json("operators", "list") == []


def what_does_not_go_as_the_sop_says_is_told(site: Site) -> None:
    """Asterisk dies in the middle of the closing: exit 1, with the step and what did not come."""
    launcher = site.launch("--demo")
    while launcher.poll() is None and not any("presses *0" in line for line in site.output):
        time.sleep(0.05)
    asterisk = site.process("asterisk")
    assert asterisk is not None
    os.kill(asterisk, signal.SIGKILL)
    assert launcher.wait(60) == 1, site.output
    (told,) = [line for line in site.output if "the demo failed" in line]
    assert told.startswith("siaga110: the demo failed: V.5: ")
    assert not any("All as the SOP says" in line for line in site.output)


def failing_pranks(site: Site) -> None:
    """Asterisk dies when the number has just been blocked: the marks are taken back, and the block ends with them."""
    launcher = site.launch("--demo")
    while launcher.poll() is None and not any("number.blocked" in line for line in site.output):
        time.sleep(0.05)
    asterisk = site.process("asterisk")
    assert asterisk is not None
    os.kill(asterisk, signal.SIGKILL)
    assert launcher.wait(60) == 1, site.output
    (told,) = [line for line in site.output if line.startswith("siaga110:")]
    assert told.startswith("siaga110: the demo failed: VIII.1: ")
    assert block_facts(site) == [*["prank.marked"] * 5, "number.blocked", "prank.unmarked", "number.unblocked",
                                 *["prank.unmarked"] * 4]  # fmt: skip
    marks = [(record.call, record.data["number"]) for record in site.records() if record.action == "prank.marked"]
    back = [(record.call, record.data["number"]) for record in site.records() if record.action == "prank.unmarked"]
    assert back == marks


def test_demo_needs_a_trunk_on_loopback(make_site: Callable[[], Site]) -> None:
    """It plays the public itself: from a trunk that is elsewhere it could not."""
    site = make_site()
    site.config.write_text(site.text.replace(f'match = ["{site.trunk}"]', 'match = ["192.0.2.1"]'), encoding="utf-8")
    launcher = site.launch("--demo")
    assert launcher.wait(60) == 1
    assert "trunk.match" in site.output[-1]
