"""Blocked numbers while there is no application: the dialplan alone tells them from the others (SOP VIII)."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import shutil
import signal
import sqlite3
import urllib.request
import wave
from array import array
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

import anyio
import pytest

from ari_app.domain.facts import Fact
from ari_app.domain.fallback_rows import NEVER, ending, from_text, to_text
from ari_app.domain.numbers import e164
from ari_app.site.state import StateDir
from ari_app.store.journal import Journal
from scripts.phones import Dialling, Handset, Phones
from scripts.phones.leg import State
from scripts.stack.prepare import console
from scripts.stack.sample import HOST
from tests.asterisk.site import Site, alone, assert_complete, context_of, eventually, phones_of, running
from tests.asterisk.talk import CALLER_HZ, OTHER_HZ, POLDA_HZ, hear_each_other, longest_silence, moment

pytestmark = pytest.mark.anyio

ANSWERED_WITHIN_MS = 1_200
ANNOUNCED_SECONDS = 0.9
RING_PAUSE_SECONDS = 4.0
"""Between two ringing tones."""
AREA = "61"

CURRENT, OVER, FREE = "081300000001", "081300000002", "081300000003"
"""Blocked today; blocked two days ago, and a block lasts one; never blocked."""
FIVE = [f"08130000001{number}" for number in range(5)]


@pytest.fixture(scope="module")
def fallback_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An instance whose application is taken away; a block ends after a day, and the music after a second."""
    changes = {
        'region = "ID"': f'region = "ID"\narea_code = "{AREA}"',
        "[[trunk]]": "[block]\nexpire_days = 1\n\n[[trunk]]",
    }
    site = Site(tmp_path_factory.mktemp("fallback"), changes=changes)
    state = StateDir(site.state)
    state.create()
    journal = Journal.open(state.journal, timezone="Asia/Jakarta")
    for number, days in ((CURRENT, 0), (OVER, 2), *((number, 0) for number in FIVE)):
        data = {"number": _e164(number), "reason": "supervisor"}
        at = datetime.now(UTC) - timedelta(days=days)
        journal.append(Fact("supervisor:budi", "number.blocked", None, data, at))
    assert journal.close()
    site.shorten("nomor-blokir-pengumuman", "salam-penutup")
    recorded = state.sounds / "recorded"
    with wave.open(str(recorded / "musik.wav"), "wb") as music:
        music.setparams((1, 2, 8000, 0, "NONE", ""))
        music.writeframes(array("h", [4000, 4000, 4000, 4000, -4000, -4000, -4000, -4000] * 1000).tobytes())
    for each in running(site):
        yield each
        assert "ast_yyerror" not in (site.state / "log" / "asterisk.log").read_text(), "an expression was no good"


@pytest.fixture
async def phones(fallback_site: Site, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Phones]:
    assert anyio_backend
    async for made in phones_of(fallback_site, tmp_path / "phones"):
        yield made


def _e164(number: str) -> str:
    found = e164(number, "ID", AREA)
    assert found is not None
    return found


async def listed(site: Site, number: str) -> None:
    """Return when the dialplan could find a number."""
    file = StateDir(site.state).blocked / ending(number)
    await eventually(lambda: file.exists() and number in from_text(file.read_text()), seconds=5, what="listed")


def ringing(desk: Handset) -> int:
    """How many calls ring at a desk now."""
    return sum(call.state is State.RINGING for call in desk.calls)


async def test_a_block_that_has_ended_holds_no_more(fallback_site: Site, phones: Phones) -> None:
    """`expire_days`: nobody has told so yet, as the number has not called since."""
    site = fallback_site
    await listed(site, _e164(CURRENT))
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ, answers=0.1)
    async with alone(site):
        caller = await phones.citizen(number=OVER, hz=CALLER_HZ)
        polda = await desk.rung(seconds=2)
        await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
        await caller.hang_up()
        began = moment()
        caller = await phones.citizen(number=CURRENT, hz=CALLER_HZ)
        await caller.answered(seconds=2)
        await desk.rung(count=2, seconds=60)
        assert moment() - began > ANNOUNCED_SECONDS
        await caller.hang_up()


async def test_nine_is_an_emergency(fallback_site: Site, phones: Phones) -> None:
    """SOP VIII, "untuk keadaan darurat, tekan sembilan": the desks ring at once."""
    site = fallback_site
    await listed(site, _e164(CURRENT))
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ, answers=0.1)
    async with alone(site):
        caller = await phones.citizen(number=CURRENT, hz=CALLER_HZ)
        await caller.answered(seconds=2)
        assert not desk.calls
        await caller.press("9")
        polda = await desk.rung(seconds=2)
        await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
        await caller.hang_up()


@pytest.mark.parametrize("how", ["frozen", "killed", "stopped"])
async def test_nine_said_to_the_application_holds(fallback_site: Site, phones: Phones, how: str) -> None:
    """Who pressed 9 rings the desks as anybody, whatever becomes of the application; who did not, is still blocked."""
    site, after = fallback_site, fallback_site.head()
    await listed(site, _e164(FIVE[-1]))
    number = {"frozen": FIVE[0], "killed": FIVE[1], "stopped": FIVE[2]}[how]  # once an hour a number
    caller = await phones.citizen(number=number, hz=CALLER_HZ)
    call = await site.new_call(after)
    other = await phones.citizen(number=FIVE[3], hz=OTHER_HZ)
    blocked = await site.new_call(after, number=2)
    for each in (caller, other):
        await each.answered()
    await caller.press("9")
    await eventually(lambda: marked(site, call), seconds=5, what="noted on the caller's line")
    assert not marked(site, blocked)
    pid = site.application()
    assert pid is not None
    async with alone(site):
        if how != "frozen":
            os.kill(pid, signal.SIGKILL if how == "killed" else signal.SIGTERM)
            os.kill(pid, signal.SIGCONT)
        await eventually(lambda: context_of(site, blocked) == "fallback-blocked", seconds=10, what="given back")
        desk = await phones.handset(site.accounts[0], hz=POLDA_HZ)
        polda = await desk.rung(seconds=10)
        assert context_of(site, call) == "fallback"
        await polda.answer()
        await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
        assert context_of(site, blocked) == "fallback-blocked"
        for each in (caller, other):
            await each.hang_up()
    for told in (call, blocked):
        assert_complete(await site.story(told))


async def test_so_does_an_emergency_that_the_operator_found(fallback_site: Site, phones: Phones) -> None:
    """`*9`: operator and application are lost, and the desks ring for the caller again, without the announcement."""
    site, after = fallback_site, fallback_site.head()
    await listed(site, _e164(CURRENT))
    desk = await phones.handset(site.accounts[0], hz=POLDA_HZ, answers=0.1)
    caller = await phones.citizen(number=CURRENT, hz=CALLER_HZ)
    call = await site.new_call(after)
    polda = await desk.rung()
    await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
    await polda.press("*9")
    await eventually(lambda: marked(site, call), seconds=5, what="noted on the caller's line")
    async with alone(site):
        await polda.hang_up()
        polda = await desk.rung(count=2, seconds=10)
        assert context_of(site, call) == "fallback"
        await hear_each_other((caller, CALLER_HZ), (polda, POLDA_HZ))
        await caller.hang_up()
    assert_complete(await site.story(call))


def marked(site: Site, call: str) -> bool:
    """Whether Asterisk knows that a call is an emergency."""
    status, body = site.ari_raw(f"channels/{call}/variable?variable=SHARED(EMERGENCY)", site.ari_password())
    return status == HTTPStatus.OK and json.loads(body)["value"] == "1"


async def test_blocked_callers_ring_one_at_a_time_and_give_way(fallback_site: Site, phones: Phones) -> None:
    """Five wait, one of them rings; the sixth caller is not blocked, and the desks ring for that one alone."""
    site = fallback_site
    await listed(site, _e164(FIVE[-1]))
    desks = [await phones.handset(account, hz=POLDA_HZ) for account in site.accounts]
    desk = desks[0]
    async with alone(site):
        began = moment()
        blocked = [await phones.citizen(number=number, hz=CALLER_HZ) for number in FIVE]
        for count in (1, 2):
            await desk.rung(count=count, seconds=40)
            assert ringing(desk) == 1
        rung = len(desk.events.all("rung"))
        caller = await phones.citizen(number=FREE, hz=OTHER_HZ)
        theirs = await desk.rung(count=rung + 1, seconds=ANSWERED_WITHIN_MS / 1000)
        assert [call for call in desk.calls if call.state is State.RINGING] == [theirs]
        heard = moment() + 4 * ANNOUNCED_SECONDS
        while moment() < heard:  # long enough for each of the others to have its turn
            assert ringing(desk) == 1
            await asyncio.sleep(0.1)
        others = len(desks[1].events.all("rung"))
        await theirs.answer()
        await hear_each_other((caller, OTHER_HZ), (theirs, POLDA_HZ))
        await desks[1].rung(count=others + 1, seconds=30)  # nobody else waits any more
        for each in blocked:
            assert each.state is State.ANSWERED
            assert longest_silence(each.audio, began + 2, moment()) < RING_PAUSE_SECONDS + 1
        for each in (caller, *blocked):
            await each.hang_up()


async def test_a_desk_that_verifies_leaves_the_others_to_everybody_else(fallback_site: Site, phones: Phones) -> None:
    """As with the application: of three desks one has a blocked caller at most. The other ones wait for theirs."""
    site = fallback_site
    await listed(site, _e164(FIVE[-1]))
    desks = [await phones.handset(account, hz=POLDA_HZ) for account in site.accounts]
    async with alone(site):
        first = await phones.citizen(number=FIVE[0], hz=CALLER_HZ)
        polda = await desks[0].rung(seconds=40)
        await polda.answer()
        await hear_each_other((first, CALLER_HZ), (polda, POLDA_HZ))
        second = await phones.citizen(number=FIVE[1], hz=OTHER_HZ)
        await second.answered(seconds=2)
        tried = len(desks[1].calls)
        await asyncio.sleep(6 * ANNOUNCED_SECONDS)
        assert len(desks[1].calls) == tried
        rung = len(desks[1].events.all("rung"))
        await first.hang_up()
        await desks[1].rung(count=rung + 1, seconds=40)
        await second.hang_up()


# ---- whatever becomes of the list


@pytest.mark.parametrize("damage", ["missing", "garbage", "cut off", "a directory", "no folder"])
async def test_a_list_that_cannot_be_read_blocks_nobody(fallback_site: Site, phones: Phones, damage: str) -> None:
    """The caller is answered as fast as any other, and no number gets into Asterisk's log."""
    site, folder = fallback_site, StateDir(fallback_site.state).blocked
    await listed(site, _e164(CURRENT))
    await phones.desk(site.accounts[0])
    file, aside = folder / ending(CURRENT), folder.with_name("aside")
    async with alone(site, "ari_app.tables"):
        shutil.copytree(folder, aside)
        try:
            match damage:
                case "missing":
                    file.unlink()
                case "garbage":
                    file.write_bytes(b'"' + bytes(range(256)) * 40 + b'${CALLERID(num)}$[1/0]"')
                case "cut off":
                    file.write_text(file.read_text()[:15])
                case "a directory":
                    file.unlink()
                    file.mkdir()
                case _:
                    shutil.rmtree(folder)
            result = await (await phones.call(Dialling(number=CURRENT, hang_up_ms=200))).result()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            aside.rename(folder)
    assert result.answered_ms is not None
    assert result.answered_ms < ANSWERED_WITHIN_MS
    assert_no_number_in_the_log(site)


async def test_the_tables_keep_nobody_waiting(fallback_site: Site, phones: Phones) -> None:
    """Asterisk does not look at them: somebody else may lock them, or put others in their place."""
    site = fallback_site
    await listed(site, _e164(CURRENT))
    await phones.desk(site.accounts[0])
    with closing(sqlite3.connect(StateDir(site.state).database, isolation_level=None)) as tables:
        tables.execute("PRAGMA locking_mode = EXCLUSIVE")
        tables.execute("BEGIN EXCLUSIVE")  # before their keeper stands still, perhaps in the middle of writing
        async with alone(site, "ari_app.tables"):
            result = await (await phones.call(Dialling(number=FREE, hang_up_ms=200))).result()
            blocked = await phones.citizen(number=CURRENT)
            await blocked.answered(seconds=2)
            await blocked.hang_up()
            tables.close()  # before there is another application
    assert result.answered_ms is not None
    assert result.answered_ms < ANSWERED_WITHIN_MS
    assert_no_number_in_the_log(site)


def assert_no_number_in_the_log(site: Site) -> None:
    log = (site.state / "log" / "asterisk.log").read_text(encoding="utf-8", errors="replace")
    assert [line for line in log.splitlines() if any(number[1:] in line for number in (CURRENT, OVER, FREE))] == []


# ---- the same numbers are the same


def _handwritten() -> list[str]:
    mobiles = ["81234567890", "8123456789", "812345678", "895123456789", "81300000001"]
    landlines = [
        "614567890",
        "6145678901",
        "2112345678",
        "218350123",
        "622123456",
        "62245678",
        "651234567",
        "9011234567",
    ]
    foreign = ["6590123456", "60123456789", "447911123456", "14155552671", "68212345", "29051234", "8613812345678"]
    withheld = ["0000000", "0000000000", "000", "00", "1", "12"]
    short = ["110", "112", "1500", "14045", "1500888", "117", "0", "62", "08", "1771234567", "8001234567", "8071123456"]
    wrong = [
        "812",
        "0812345",
        "12345678901234567",
        "99999999999",
        "621",
        "6208",
        "4567890",
        "68212345",
        "71234",
        "29012",
    ]
    odd = [
        "0078031234567",
        "001803123456",
        "00180312345678",
        "0080312345678",
        "0010123456",
        "08071123456",
        "0215001234",
    ]
    before = ["", "0", "62", "+62", "+620", "620", "+", "00", "008", "009", "001", "00862", "009620", "+0"]
    return [
        first + rest for rest in (*mobiles, *landlines, *foreign, *withheld, *short, *wrong, *odd) for first in before
    ]


def _anyhow(count: int) -> list[str]:
    """Numbers of any length and beginning, always the same."""
    chance = random.Random(110)
    first = ["0", "62", "+62", "+", "", "008", "06", "08", "628", "+65", "60", "61", "2", "7"]
    return [chance.choice(first) + "".join(chance.choices("0123456789", k=chance.randint(1, 12))) for _ in range(count)]


LIST = """
[numbers]
exten => s,1,Answer()
 same => n,Set(LINE=0)
 same => n(next),Set(NUMBER=${{FILTER(0-9+,${{FILE({given},${{LINE}},1,l,u)}})}})
 same => n,GotoIf($["${{NUMBER}}" = ""]?done)
 same => n,Gosub(blocked,s,1(${{NUMBER}}))
 same => n,Set(FILE({found},,,al,u)=${{NUMBER}} ${{GOSUB_RETVAL}})
 same => n,Set(LINE=$[${{LINE}} + 1])
 same => n,Goto(next)
 same => n(done),Set(FILE({found},,,al,u)=done)
 same => n,Hangup()
exten => other,1,Wait(120)
"""


async def asked_of_the_dialplan(site: Site, numbers: list[str], folder: Path) -> dict[str, bool]:
    """Which of these numbers the dialplan takes for blocked."""
    state = StateDir(site.state)
    given, found, extensions = folder / "given", folder / "found", state.asterisk / "etc" / "extensions.conf"
    given.write_text("".join(f"{number}\n" for number in numbers))
    found.unlink(missing_ok=True)
    plain = extensions.read_text()
    extensions.write_text(plain + LIST.format(given=given, found=found))
    try:
        await anyio.run_process(console(state, "dialplan reload"))
        _originate(site, "Local/s@numbers", "numbers", "other")
        await eventually(
            lambda: found.exists() and found.read_text().endswith("done\n"), seconds=60, what="all asked", every=0.2
        )
    finally:
        extensions.write_text(plain)
    rows = [line.split() for line in found.read_text().splitlines()[:-1]]
    assert [row[0] for row in rows] == numbers
    return {number: answer == "1" for number, answer in rows}


def _originate(site: Site, endpoint: str, context: str, extension: str) -> None:
    query = f"endpoint={endpoint}&context={context}&extension={extension}&priority=1"
    request = urllib.request.Request(f"http://{HOST}:{site.http}/ari/channels?{query}", method="POST")
    token = base64.b64encode(f"siaga110:{site.ari_password()}".encode()).decode()
    request.add_header("Authorization", f"Basic {token}")
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200


async def test_the_dialplan_and_the_application_agree_on_numbers(fallback_site: Site, tmp_path: Path) -> None:
    """However a trunk writes a number: who is blocked for the one is blocked for the other, and nobody else is."""
    site, folder = fallback_site, StateDir(fallback_site.state).blocked
    written = list(dict.fromkeys([*_handwritten(), *_anyhow(1000)]))
    written = [number[:20] for number in written if any(c.isdigit() for c in number)]
    theirs = {number: e164(number, "ID", AREA) for number in written}
    everyone = sorted({number for number in theirs.values() if number is not None and len(number) <= len("+") + 17})
    withheld = {number.removeprefix("+") for number, found in theirs.items() if found is None}
    kept = {file.name: file.read_text() for file in folder.iterdir()}
    async with alone(site, "ari_app.tables"):
        try:
            for parity in (0, 1):
                blocked = set(everyone[parity::2]) | withheld  # by rules from before they may be in the list
                for file in folder.iterdir():
                    file.unlink()
                for name in {ending(number) for number in blocked}:
                    rows = {number: NEVER for number in blocked if ending(number) == name}
                    (folder / name).write_text(to_text(rows))
                answers = await asked_of_the_dialplan(site, written, tmp_path)
                wrong = {number for number in written if answers[number] != (theirs[number] in blocked)}
                assert {number: (theirs[number], answers[number]) for number in wrong} == {}
        finally:
            for file in folder.iterdir():
                file.unlink()
            for name, text in kept.items():
                (folder / name).write_text(text)
