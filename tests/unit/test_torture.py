"""The malformed messages of scripts/chaos: each one is there, is repeatable, and is not what it should be."""

from __future__ import annotations

import random

from scripts.faults.torture import LARGEST_DATAGRAM, Torture, messages
from scripts.phones.sip import Message

TARGET = Torture(5060, "127.0.0.2", 40000)


def test_every_message_has_its_name_and_fits_into_a_datagram() -> None:
    made = list(messages(TARGET, random.Random(1)))
    assert len({name for name, _ in made}) == len(made) > 100
    assert all(len(data) <= LARGEST_DATAGRAM for _, data in made)


def test_every_edit_changes_something() -> None:
    for name, data in messages(TARGET, random.Random(1)):
        assert data != TARGET.invite(name).encode(), name


def test_the_same_seed_makes_the_same_messages() -> None:
    assert list(messages(TARGET, random.Random(7))) == list(messages(TARGET, random.Random(7)))


def test_what_is_without_fault_is_so() -> None:
    for method in ("INVITE", "REGISTER", "CANCEL"):
        message = Message.parse(TARGET.request(method, "x"))
        assert message is not None
        assert message.method == method
        assert int(message.get("content-length")) == len(message.body.encode())
