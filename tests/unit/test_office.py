"""Supervisors' commands: their arguments are checked, and what they do stands in the journal."""

from __future__ import annotations

from typing import Any

import pytest

from ari_app.domain.commands import CommandRefused
from ari_app.domain.facts import Json
from ari_app.flows.office import Arguments, command, operator_commands
from ari_app.site.pins import hash_pin
from tests.unit.roster_site import ACTOR, Floor

pytestmark = pytest.mark.anyio
HASH = hash_pin("1234")


@pytest.fixture
async def floor(anyio_backend: str) -> Floor:
    return await Floor().people()


async def give(floor: Floor, name: str, /, **arguments: Json) -> Any:
    return await operator_commands(floor.roster)[f"operators.{name}"](arguments, ACTOR)


async def test_a_life(floor: Floor) -> None:
    assert await give(floor, "add", nrp="44444", name="Dewi", unit="01", pin_hash=HASH) == {
        "nrp": "44444", "name": "Dewi", "unit": "01",
    }  # fmt: skip
    assert await give(floor, "login", nrp="44444", desk="2001") == {"nrp": "44444", "desk": "2001"}
    assert await give(floor, "not_ready", nrp="44444", reason="briefing") == {
        "nrp": "44444", "desk": "2001", "reason": "briefing",
    }  # fmt: skip
    assert await give(floor, "ready", desk="2001") == {"nrp": "44444", "desk": "2001"}
    assert await give(floor, "pin", nrp="44444", pin_hash=HASH) == {"nrp": "44444"}
    assert await give(floor, "logout", nrp="44444") == {"nrp": "44444", "desk": "2001"}
    assert await give(floor, "remove", nrp="44444") == {"nrp": "44444"}
    news = floor.news()
    assert [action.removeprefix("operator.") for _, action, _ in news] == [
        "added", "logged_in", "not_ready", "ready", "pin_changed", "logged_out", "removed",
    ]  # fmt: skip
    assert {actor for actor, _, _ in news} == {ACTOR}
    assert "argon2" not in repr(news), "a hash is a secret"


async def test_a_desk_that_needs_nobody(floor: Floor) -> None:
    assert await give(floor, "not_ready", desk="1003") == {"nrp": None, "desk": "1003", "reason": "supervisor"}
    assert await give(floor, "ready", desk="1003") == {"nrp": None, "desk": "1003"}


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("add", {"nrp": "44444", "name": "Dewi"}, "pin_hash is missing"),
        ("add", {"nrp": "44444", "name": "Dewi", "pin_hash": "1234"}, "pin_hash is not the hash of a PIN"),
        ("add", {"nrp": "44444", "name": "Dewi", "pin_hash": HASH, "pin": "1"}, "pin is not an argument"),
        ("add", {"nrp": 44444, "name": "Dewi", "pin_hash": HASH}, "nrp is not a text"),
        ("add", {"nrp": "12", "name": "Dewi", "pin_hash": HASH}, "nrp has 4 to 18 digits"),
        ("add", {"nrp": "1234\n", "name": "Dewi", "pin_hash": HASH}, "nrp has 4 to 18 digits"),
        ("add", {"nrp": "44444", "name": "x" * 81, "pin_hash": HASH}, "name"),
        ("add", {"nrp": "44444", "name": " ", "pin_hash": HASH}, "a name has"),
        ("add", {"nrp": "11111", "name": "Dewi", "pin_hash": HASH}, "there is an operator 11111 already"),
        ("login", {"nrp": "11111"}, "desk is missing"),
        ("login", {"nrp": "11111", "desk": "'; DROP"}, "desk has 2 to 8 digits"),
        ("login", {"nrp": "99999", "desk": "1001"}, "there is no operator 99999"),
        ("logout", {}, "name either an operator"),
        ("logout", {"nrp": "11111", "desk": "1001"}, "name either an operator"),
        ("logout", {"nrp": "11111"}, "operator 11111 is not logged in"),
        ("logout", {"nrp": "99999"}, "there is no operator 99999"),
        ("logout", {"desk": "1001"}, "nobody is logged in at desk 1001"),
        ("ready", {"desk": "9999"}, "there is no desk 9999"),
        ("not_ready", {"desk": "1003", "reason": "tidur"}, "reason"),
        ("not_ready", {"desk": "1003", "reason": "no_answer"}, "reason"),
        ("remove", {"nrp": None}, "nrp is not a text"),
    ],
)
async def test_refused(floor: Floor, name: str, arguments: dict[str, Json], said: str) -> None:
    with pytest.raises(CommandRefused, match=said) as refused:
        await give(floor, name, **arguments)
    assert "\n" not in str(refused.value)
    assert "1234" not in str(refused.value), "what was given may be a secret"
    assert floor.told == []


async def test_other_groups_come_beside() -> None:
    class Greeting(Arguments):
        name: str

    async def greet(given: Greeting, actor: str) -> Json:
        return f"{actor} greets {given.name}"

    group = {"test.greet": command(Greeting, greet)}
    assert await group["test.greet"]({"name": "Ani"}, ACTOR) == "supervisor:budi greets Ani"
