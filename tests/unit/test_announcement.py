"""What is announced of an emergency by radio, and how often (SOP VII.d)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.ari.inbox import Switch
from ari_app.domain.announcement import ANNOUNCED, Announcement, announcement
from ari_app.domain.commands import CommandRefused
from ari_app.domain.complaints import CATEGORIES, ComplaintRow
from ari_app.domain.facts import Fact, Json
from ari_app.domain.radio import NetRules
from ari_app.flows.announcer import RETRY_SECONDS, Announcer
from ari_app.flows.radio_net import Net
from ari_app.flows.radio_speaker import Speech
from ari_app.flows.radio_tape import Tape
from ari_app.store.complaints import AnnouncementLookup
from ari_app.store.errors import JournalError
from ari_app.store.journal import Journal
from tests.unit.conftest import OpenJournal

pytestmark = pytest.mark.anyio

TICKET = "110-20250131-0007"
PLACE = "Jl. Sisingamangaraja"
_texts = st.text(min_size=1, max_size=40)


@given(_texts, _texts, _texts, st.sampled_from(CATEGORIES), _texts)
def test_nobody_is_named_on_the_air(name: str, number: str, told: str, category: str, place: str) -> None:
    """Only ticket, category and place are said, whatever else was entered."""
    secret = dict.fromkeys(("name", "number", "description", "plate"), "")
    row = ComplaintRow("c1", TICKET, 1, "", "", place=place, category=category, emergency=True)
    one = announcement(row)
    row = ComplaintRow("c1", TICKET, 1, "", "", place=place, category=category, emergency=True,
                       **(secret | {"name": name, "number": number, "description": told}))  # fmt: skip
    assert announcement(row) == one


def test_the_sentence() -> None:
    assert Announcement(TICKET, "kdrt", PLACE).sentence == (
        "Pengaduan darurat. Tiket 1 1 0, 2 0 2 5 0 1 3 1, 0 0 0 7. "
        "kekerasan dalam rumah tangga, di Jl. Sisingamangaraja."
    )
    assert "lalu lintas, di" in Announcement(TICKET, "lalu_lintas", PLACE).sentence


class Air(Net):
    """A net on which everything is said at once."""

    def __init__(self, tell: Callable[[Fact], None]) -> None:
        tape = Tape(NetRules("300", "Komando", "PJSIP/x"), None, lambda: True)  # type: ignore[arg-type]  # no Asterisk
        super().__init__(tape, None, Switch(), tell, None)  # type: ignore[arg-type]
        self.said: list[Sequence[str]] = []
        self.is_said = True
        self.is_busy = False
        """Somebody has the floor: what is said waits for it."""

    def say(self, media: Sequence[str], on_end: Callable[[bool], None] = lambda _: None, **more: Any) -> Speech:
        self.said.append(media)
        if self.is_busy:
            return super().say(media, on_end, **more)
        asyncio.get_running_loop().call_soon(on_end, self.is_said)
        return Speech(media, 0.0)


class Centre:
    """A journal with one call, and an announcer."""

    def __init__(self, journal: Journal, path: Path) -> None:
        self.journal, self.spoken = journal, list[str]()
        self.folder = path.parent
        self.announced: list[tuple[Json, Json]] = []
        """Of which place, and whether it was said."""
        self.troubles: list[Exception] = []
        """What goes wrong when it is asked which calls live, or when something is to be spoken."""
        self.air = Air(self.tell)
        look = AnnouncementLookup(path, journal.flush)
        self.announcer = Announcer(self.air, look=look, speak=self.speak, tell=self.tell, sounds="/sounds")

    def living(self) -> list[str]:
        if self.troubles:
            raise self.troubles.pop()
        return ["c1"]

    def tell(self, fact: Fact) -> None:
        self.journal.append(fact)
        if fact.action == ANNOUNCED:
            self.announced.append((fact.data["place"], fact.data["said"]))
        self.announcer.note(fact)

    async def speak(self, text: str) -> Path:
        if self.troubles:
            raise self.troubles.pop()
        self.spoken.append(text)
        path = self.folder / f"{len(self.spoken)}.wav"
        path.touch()
        return path

    def begin(self, call: str = "c1") -> None:
        self.tell(Fact("caller", "call.received", call))
        self.tell(Fact("desk:1001", "complaint.opened", call, {"ticket": TICKET, "number": "+6281234567890"}))

    async def edit(self, **fields: Json) -> None:
        self.tell(Fact("desk:1001", "complaint.edited", "c1", {"ticket": TICKET, **fields}))
        await self.settled()

    async def settled(self) -> None:
        with anyio.fail_after(5):
            while not self.announcer.is_idle:  # noqa: ASYNC110 - it tells nobody
                await anyio.sleep(0.01)
        await asyncio.sleep(0)  # it is told by the loop's next round that something was said

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            self.announcer.is_idle = False
            tasks.start_soon(self.announcer.run, self.living)
            await self.settled()
            yield
            await self.settled()
            tasks.cancel_scope.cancel()


@pytest.fixture
def centre(open_journal: OpenJournal, path: Path) -> Centre:
    return Centre(open_journal(), path)


async def test_a_sound_that_cannot_be_removed_ends_nothing(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was announced, and so is the next; the next application removes it."""
    centre.begin()
    centre.tell(Fact("desk:1001", "call.classified", "c1", {"emergency": True}))
    monkeypatch.setattr(Path, "unlink", _no_disk)
    async with centre.at_work():
        await centre.edit(category="kebakaran", place=PLACE)
        await centre.edit(place="Jl. Pemuda")
    assert len(centre.air.said) == 2


def _no_disk(path: Path, **_: Any) -> None:
    raise OSError(path)


async def test_once_everything_is_entered_and_again_when_it_changes(centre: Centre) -> None:
    """Not for what is said of the reporter, and not when nothing has changed."""
    centre.begin()
    async with centre.at_work():
        await centre.edit(category="kebakaran", name="Reza")
        centre.tell(Fact("desk:1001", "call.classified", "c1", {"emergency": True}))
        await centre.settled()
        assert centre.spoken == []
        await centre.edit(place=PLACE)
        assert centre.spoken == [Announcement(TICKET, "kebakaran", PLACE).sentence]
        await centre.edit(name="Budi", plate="BK 1", description="api besar")
        await centre.edit(emergency=True, place=PLACE)
        assert len(centre.spoken) == 1
        await centre.edit(place="Jl. Pemuda")
        assert centre.spoken[1:] == [Announcement(TICKET, "kebakaran", "Jl. Pemuda").sentence]
        assert not list(centre.folder.glob("*.wav"))
    assert [piece.rpartition("/")[2] for piece in centre.air.said[0]] == ["perhatian", "1"]


async def test_the_next_application_says_it_no_second_time(centre: Centre) -> None:
    """But says what the one before had no time for."""
    centre.begin()
    async with centre.at_work():
        await centre.edit(category="kebakaran", place=PLACE, emergency=True)
    assert len(centre.spoken) == 1
    async with centre.at_work():
        pass
    assert len(centre.spoken) == 1
    centre.journal.append(Fact("desk:1001", "complaint.edited", "c1", {"ticket": TICKET, "place": "Jl. Pemuda"}))
    async with centre.at_work():
        pass
    assert len(centre.spoken) == 2


async def test_what_could_not_be_said_is_told_and_not_counted(centre: Centre) -> None:
    centre.begin()
    centre.air.is_said = False
    async with centre.at_work():
        await centre.edit(category="kebakaran", place=PLACE, emergency=True)
        centre.air.is_said = True
        await centre.edit(place=PLACE)
    assert len(centre.spoken) == 2


async def test_no_emergency_and_no_place_are_not_announced(centre: Centre) -> None:
    centre.begin()
    async with centre.at_work():
        await centre.edit(category="kebakaran", place=PLACE)
        await centre.edit(emergency=True, place="-")
        await centre.edit(place=None)
    assert centre.spoken == []
    assert ANNOUNCED not in str(centre.air.said)


async def test_a_journal_that_cannot_be_read_ends_nothing(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read again; an announcement that fails for whatever reason is the only one that is not made."""
    monkeypatch.setattr("ari_app.flows.announcer.RETRY_SECONDS", 0.01)
    centre.begin()
    centre.troubles = [JournalError("the disk is gone"), OSError("no such device")]
    async with centre.at_work():
        centre.troubles = [RuntimeError("something unforeseen")]
        await centre.edit(category="kebakaran", place=PLACE, emergency=True)
        assert centre.spoken == []
        await centre.edit(place="Jl. Pemuda")
    assert centre.spoken == [Announcement(TICKET, "kebakaran", "Jl. Pemuda").sentence]


async def test_what_waits_for_the_floor_is_said_as_it_is_known_then(centre: Centre) -> None:
    """What was corrected meanwhile is not said any more, and of what is no emergency at all nothing is."""
    centre.begin()
    centre.air.is_busy = True
    async with centre.at_work():
        await centre.edit(category="kebakaran", place=PLACE, emergency=True)
        assert centre.announced == []
        await centre.edit(place="Jl. Pemuda")
        assert centre.announced == [(PLACE, False)]
        await centre.edit(emergency=False)
        assert centre.announced == [(PLACE, False), ("Jl. Pemuda", False)]
        assert not list(centre.folder.glob("*.wav"))
        centre.air.is_busy = False
        await centre.edit(emergency=True)
        assert centre.announced[2:] == [("Jl. Pemuda", True)]
        centre.air.is_busy = True
        await centre.edit(place=PLACE)
        await centre.edit(place="Jl. Pemuda")
        assert centre.announced[3:] == [(PLACE, False)]


async def test_one_that_must_wait_lets_no_other_one_wait(centre: Centre) -> None:
    """It could not be spoken, and is tried again in a while."""
    centre.begin()
    centre.begin("c2")
    async with centre.at_work():
        centre.troubles = [CommandRefused("no voice")]
        about: dict[str, Json] = {"ticket": TICKET, "category": "kebakaran", "emergency": True}
        centre.tell(Fact("desk:1001", "complaint.edited", "c1", {**about, "place": PLACE}))
        centre.tell(Fact("desk:1001", "complaint.edited", "c2", {**about, "place": "Jl. Pemuda"}))
        with anyio.fail_after(RETRY_SECONDS / 2):
            while not centre.announced:  # noqa: ASYNC110 - it tells nobody
                await anyio.sleep(0.01)
        assert centre.announced == [("Jl. Pemuda", True)]
        centre.tell(Fact("desk:1001", "complaint.edited", "c1", {**about, "place": PLACE}))
    assert centre.announced == [("Jl. Pemuda", True), (PLACE, True)]
