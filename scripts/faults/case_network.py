"""A bad network, a flood from one source, and messages that are not SIP, or hardly."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from contextlib import suppress
from typing import Final

from scripts.faults.crowd import Crowd, let_call
from scripts.faults.experiment import Case, Experiment
from scripts.faults.floor import Floor
from scripts.faults.instance import ChaosError, Instance, send
from scripts.faults.oracle import Flaw
from scripts.faults.people import moment
from scripts.faults.scenes import CALM, Scene
from scripts.faults.strikes import APPLICATION
from scripts.faults.torture import Torture, messages
from scripts.faults.weather import Weather
from scripts.phones import Behaviour, Dialling
from scripts.stack.family import WITH_US
from scripts.stack.prepare import REPO
from scripts.stack.sample import HOST, loopback

WEATHER: Final = Weather(loss=0.05, doubling=0.02, jitter=0.03)
BAD_ANSWER_SECONDS: Final = 6.0
"""A lost INVITE or answer is said again after half a second, and after one, and after two."""

FLOOD_SECONDS, FLOOD_RATE = 12.0, 400
FLOOD_ANSWER_SECONDS: Final = 2.0
TORTURE_ANSWER_SECONDS: Final = 2.0
BATCH: Final = 15


# ---- packet loss


async def _weather(experiment: Experiment) -> None:
    async with experiment.instance() as instance:
        for number in range(experiment.rounds):
            lasting: list[type[Scene]] = [CALM[number % len(CALM)], CALM[2]]
            title = f"5 % lost, 2 % doubled, jitter 30 ms: {lasting[0].title}, calls"
            async with experiment.round(instance, title, settle=45) as floor:
                floor.carry = WEATHER.carrier(floor.rng)
                floor.silence_limit = 2.5  # what is said again after T1 and T2 may be an answer, and the sound with it
                await floor.staff(5)
                scene = lasting[0](floor)
                await scene.begin()
                for _ in range(8):
                    citizen = await floor.dial()
                    await floor.served(citizen, "bad line", since=citizen.dialled, limit=BAD_ANSWER_SECONDS)
                    await asyncio.sleep(floor.rng.uniform(0.0, 1.0))
                    await citizen.hang_up()
                await scene.finish()


# ---- a flood


async def _flood(experiment: Experiment) -> None:
    async with experiment.instance(desks=12) as instance:
        for number in range(experiment.rounds):
            kind = ("INVITE", "REGISTER")[number % 2]
            title = f"{FLOOD_RATE} {kind} a second from one source"
            async with experiment.round(instance, title, settle=30) as floor:
                await _flood_round(floor, instance, kind)


async def _flood_round(floor: Floor, instance: Instance, kind: str) -> None:
    await floor.phones.desk(instance.sample.accounts, Behaviour.answers())
    crowd = Crowd(round(FLOOD_SECONDS), 1.0, Dialling(hang_up_ms=800), FLOOD_ANSWER_SECONDS)
    flood = await asyncio.create_subprocess_exec(
        *WITH_US, sys.executable, "-m", "scripts.faults.flood",
        kind, HOST, str(instance.sample.sip), loopback(78), str(FLOOD_RATE), str(FLOOD_SECONDS + 1),
        cwd=REPO, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        await let_call(floor, crowd, seconds=FLOOD_SECONDS + 60, what="call in the flood")
        said, _ = await asyncio.wait_for(flood.communicate(), 30)
    finally:
        if flood.returncode is None:
            send(flood.pid, signal.SIGKILL)
    sent = int(said or b"0")
    if sent < FLOOD_RATE * FLOOD_SECONDS / 2:
        raise ChaosError(f"the flood was only {sent} messages")


# ---- malformed messages


async def _malformed(experiment: Experiment) -> None:
    async with experiment.instance(desks=12) as instance:
        for number in range(experiment.rounds):
            source = (instance.sample.trunk, HOST, loopback(79))[number % 3]
            whose = ("the trunk", "a desk", "a stranger")[number % 3]
            async with experiment.round(instance, f"malformed messages from {whose}", settle=60) as floor:
                floor.strangers = True
                floor.silence_limit = 5.0
                await _torture(floor, instance, source)


async def _torture(floor: Floor, instance: Instance, source: str) -> None:
    known = floor.numbers
    for person in await floor.staff(4):
        person.stays_for = known
    asterisk, application = await instance.running("asterisk"), await instance.running(APPLICATION)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((source, 0))
        phone.setblocking(False)
        target = Torture(instance.sample.sip, source, phone.getsockname()[1])
        batch: list[str] = []
        for name, data in messages(target, floor.rng):
            with suppress(OSError):  # too long for a datagram, or nobody listens any more: the judge says which
                phone.sendto(data, (HOST, instance.sample.sip))
            await _by_tcp(data, source, instance.sample.sip)
            await asyncio.sleep(0.03)
            with suppress(OSError):
                phone.sendto(target.cancel(name), (HOST, instance.sample.sip))
            batch.append(name)
            if len(batch) == BATCH:
                await _still_up(floor, instance, (asterisk, application), batch)
                batch.clear()
        await _still_up(floor, instance, (asterisk, application), batch)


async def _by_tcp(data: bytes, source: str, port: int) -> None:
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection(HOST, port, local_addr=(source, 0))
            writer.write(data)
            await writer.drain()
            writer.close()


async def _still_up(floor: Floor, instance: Instance, before: tuple[int, int], batch: list[str]) -> None:
    """Both still run, and the next call is answered."""
    since = moment()
    now = (instance.pid("asterisk"), instance.pid(APPLICATION))
    what = f"after {batch[0]} to {batch[-1]} (Asterisk, application) both still run" if batch else "both still run"
    floor.promise(what, 1.0, since, moment() if now == before else None, flaw=Flaw.LATE)
    citizen = await floor.dial()
    await floor.served(citizen, "next call", since=citizen.dialled, limit=TORTURE_ANSWER_SECONDS)
    await citizen.hang_up()


CASES: Final = (
    Case("flood", "INVITE and REGISTER flood from one source", 2, _flood),
    Case("malformed", "malformed SIP, random bytes, truncated and oversized messages", 3, _malformed),
    Case("weather", "packet loss 5 %, jitter, duplicated UDP", 5, _weather),
)
