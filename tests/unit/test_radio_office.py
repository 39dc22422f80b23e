"""What supervisors can have done on the radio nets, and what is wrong with their orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest

from ari_app.ari.inbox import Switch
from ari_app.domain.commands import CommandRefused
from ari_app.domain.facts import Fact
from ari_app.domain.keys import Wish
from ari_app.domain.radio import NetRules
from ari_app.flows.radio import Nets
from ari_app.flows.radio_office import radio_commands

pytestmark = pytest.mark.anyio


class Office:
    """The commands, with a voice that writes an empty file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.told, self.ordered = folder, list[Fact](), list[tuple[str, str]]()
        nets = Nets([NetRules("300", "Komando", "PJSIP/x")], None, Switch(), self.told.append)  # type: ignore[arg-type]
        net = nets.get("300")
        assert net is not None
        self.net = net
        self.commands = radio_commands(nets, self.told.append, speak=self.speak, give=self.take)

    async def speak(self, text: str) -> Path:
        path = self.folder / f"{len(text)}.wav"
        path.touch()
        return path

    async def take(self, call: str, wish: Wish, actor: str) -> None:
        if (call, actor) != ("c1", "supervisor:budi"):
            raise CommandRefused(f"there is no call {call}")
        self.ordered.append((call, wish.digits))

    async def give(self, name: str, **arguments: Any) -> Any:
        return await self.commands[f"radio.{name}"](arguments, "supervisor:budi")


async def test_a_sentence_is_said_and_its_sound_is_gone_afterwards(tmp_path: Path) -> None:
    office = Office(tmp_path)
    assert await office.give("say", net="300", text="Uji") == {"net": "300"}
    (speech,) = office.net._speaker._waiting
    assert speech.media == [f"sound:{tmp_path}/3"]
    assert (tmp_path / "3.wav").exists()
    speech.on_end(True)
    assert list(tmp_path.iterdir()) == []
    ordered, said = office.told
    assert (ordered.actor, ordered.action) == ("supervisor:budi", "radio.say_ordered")
    assert (said.actor, said.action) == ("supervisor:budi", "radio.said")
    assert ordered.data == {"net": "300", "text": "Uji", "id": ordered.data["id"]}
    assert said.data == {**ordered.data, "said": True}


async def test_a_sentence_is_in_the_journal_before_it_can_be_lost(tmp_path: Path) -> None:
    """As it is ordered; each order of the same sentence for itself."""
    office = Office(tmp_path)
    await office.give("say", net="300", text="Uji")
    await office.give("say", net="300", text="Uji")
    first, second = office.told
    assert first.data["text"] == second.data["text"] == "Uji"
    assert first.data["id"] != second.data["id"]


async def test_a_sound_that_cannot_be_removed_is_nothing_to_the_net(tmp_path: Path) -> None:
    """It is told all the same; the next application removes it."""
    office = Office(tmp_path)
    await office.give("say", net="300", text="Uji")
    (tmp_path / "3.wav").unlink()
    (tmp_path / "3.wav").mkdir()
    office.net._speaker._waiting[0].on_end(True)
    assert [fact.action for fact in office.told] == ["radio.say_ordered", "radio.said"]


async def test_what_has_waited_for_too_long_is_not_said(tmp_path: Path) -> None:
    office = Office(tmp_path)
    await office.give("say", net="300", text="Uji")
    speaker = office.net._speaker
    speaker._waiting[0] = type(speaker._waiting[0])([], anyio.current_time(), on_end=speaker._waiting[0].on_end)
    speaker.give_up()
    assert [fact.data["said"] for fact in office.told[1:]] == [False]
    assert not speaker


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("say", {"net": "999", "text": "Uji"}, "there is no radio net 999"),
        ("say", {"net": "300", "text": " - "}, "text"),
        ("say", {"net": "300", "text": "a\nb"}, "text"),
        ("say", {"net": "300", "text": "a" * 301}, "text"),
        ("patch", {"call": "c1", "net": "999"}, "there is no radio net 999"),
        ("patch", {"call": "c2", "net": "300"}, "there is no call c2"),
        ("unpatch", {"call": "c2"}, "there is no call c2"),
    ],
)
async def test_what_cannot_be_done(tmp_path: Path, name: str, arguments: dict[str, str], reason: str) -> None:
    with pytest.raises(CommandRefused, match=reason):
        await Office(tmp_path).give(name, **arguments)


async def test_orders_for_a_call(tmp_path: Path) -> None:
    office = Office(tmp_path)
    await office.give("patch", call="c1", net="300")
    await office.give("unpatch", call="c1")
    assert office.ordered == [("c1", "300"), ("c1", "")]
    assert [(fact.actor, fact.call, fact.data) for fact in office.told] == [
        ("supervisor:budi", "c1", {"net": "300"}), ("supervisor:budi", "c1", {"net": ""}),
    ]  # fmt: skip
