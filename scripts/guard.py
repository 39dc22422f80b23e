"""The guard: gives callers whom no application serves back to the dialplan, which rings every desk.

A program of its own with an ARI user of its own; it has no line in common with the application, and needs nothing but
Python, so what breaks the one does not break the other.

``guard.py --state DIR`` watches. The application that serves 110 writes another word into a variable of Asterisk's
every quarter of a second, and only while orders go out and events come in. Once that has stood still for 3 s, callers
in Stasis have no owner.

``guard.py --state DIR --now`` acts once, at once: for whoever knows that the application has just ended and that the
next one has not begun. Talks are the next one's; it will be there in a moment.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

BEAT: Final = "SIAGA_BEAT"
"""Asterisk's variable that the serving application writes."""

OWNERLESS_SECONDS, EVERY_SECONDS, ANSWER_SECONDS = 3.0, 0.5, 2.0
UNAUTHORISED: Final = 401

HELD_BY: Final = {"Stasis", "StasisBroadcast"}
LEG_MARK, DESK_CONTEXT, STAND_IN = "-leg-", "desk-", "Local/"  # the last: put in the place of a phone that transfers
RADIO, RUNG = "radio-", "ht-"  # how ids of a net's legs and bridges begin; of a desk's that rings for an officer
PLAYBACKS: Final = 8
"""What the application plays to a channel has one of so many names, ``CHANNEL-play-N``."""


class Refused(Exception):
    """It cannot work at all; the text is one sentence."""


class Asterisk:
    """Asterisk's REST interface, on one connection that is kept."""

    def __init__(self, state: Path) -> None:
        """Read from the state directory where it is and what the guard's password is; ``Refused``: it cannot be."""
        try:
            config = tomllib.loads((state / "siaga.toml").read_text(encoding="utf-8-sig"))  # as everybody reads it
            password = json.loads((state / "secrets.json").read_text(encoding="utf-8"))["ari"]["guard"]
        except (OSError, ValueError, KeyError) as error:
            raise Refused(f"{state} cannot be read: {error!r}") from None
        host, _, port = config.get("asterisk", {}).get("http", "127.0.0.1:8088").rpartition(":")
        self._connection = http.client.HTTPConnection(host, int(port), timeout=ANSWER_SECONDS)
        self._headers = {"Authorization": "Basic " + base64.b64encode(f"guard:{password}".encode()).decode()}

    def order(self, method: str, path: str) -> tuple[int, bytes]:
        """The status and body that come back; OSError: there is no answer. Raises ``Refused`` for a wrong password."""
        try:
            self._connection.request(method, f"/ari/{path}", headers=self._headers)
            answer = self._connection.getresponse()
            status, body = answer.status, answer.read()
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()  # the next order opens it anew
            raise OSError(str(error)) from error
        if status == UNAUTHORISED:
            raise Refused("Asterisk does not take the guard's ARI password")
        return status, body

    def get(self, path: str) -> Any:  # noqa: ANN401 - it is JSON
        """What is there; OSError: no answer comes, or none that can be used."""
        status, body = self.order("GET", path)
        if status != http.client.OK:
            raise OSError(f"{path}: status {status}")
        try:
            return json.loads(body)
        except ValueError as error:
            raise OSError(f"{path}: {error}") from error

    def beat(self) -> str:
        """The last word of the application that serves; empty: there was none since Asterisk's start."""
        return str(self.get(f"asterisk/variable?variable={BEAT}")["value"])


@dataclass(frozen=True)
class Plan:
    """Whom to hang up, which callers to give back, to whom to play nothing more, which desks that dialled to let go."""

    hang_up: list[str]
    give_back: list[str]
    silence: list[str]
    let_go: list[str]


def decide(channels: Sequence[dict[str, Any]], bridges: Sequence[dict[str, Any]], *, for_good: bool) -> Plan:
    """What is to be done for callers who talk to nobody.

    ``for_good``: no application is coming. Then a caller who was put on hold alone, or is on a radio net, is given
    back, too, and those who share a bridge hear each other again in place of what was being played.
    """
    held = {each["id"]: each for each in channels if each["dialplan"]["app_name"] in HELD_BY}
    # First of all what reaches a radio: nobody is there who could switch its transmitter off.
    plan = Plan([each["id"] for each in channels if _is_of_radio(each)], [], [], [])
    lines = [name for name in held if LEG_MARK not in name and name not in plan.hang_up]
    company: dict[str, set[str]] = {name: set() for name in lines}
    for each in (each["channels"] for each in bridges if not each["id"].startswith(RADIO)):
        for name in company.keys() & set(each):
            company[name] |= set(each) - {name}
    legs: dict[str, set[str]] = {name: set() for name in lines}
    for leg in (name for name in held if LEG_MARK in name):
        legs.get(leg.partition(LEG_MARK)[0], set()).add(leg)
    in_bridge = {name for each in bridges for name in each["channels"]}
    kept: set[str] = set(plan.hang_up)
    for line in lines:
        on_hold = line in in_bridge and any(held[leg]["state"] == "Up" for leg in legs[line])
        if company[line] or (on_hold and not for_good):
            kept |= company[line] | (legs[line] & in_bridge)
            plan.silence.extend([line, *company[line]] if for_good else [])
        else:
            dialled = held[line]["dialplan"]["context"].startswith(DESK_CONTEXT)
            is_stand_in = held[line]["name"].startswith(STAND_IN)  # nobody calls with it, and nobody is there to talk
            (plan.hang_up if is_stand_in else plan.let_go if dialled else plan.give_back).append(line)
            plan.silence.extend([line] if held[line]["state"] == "Up" else [])
    # Legs that were made for a caller and are in no talk: a phone that still rings for us could not ring again.
    plan.hang_up.extend(each["id"] for each in channels if LEG_MARK in each["id"] and each["id"] not in kept)
    return plan


def _is_of_radio(channel: dict[str, Any]) -> bool:
    """A net's line, or a desk's phone that rings for an officer: every citizen who is given back goes first."""
    is_rung = channel["id"].startswith(RUNG) and channel["state"] != "Up"
    return bool(is_rung or channel["id"].startswith(RADIO) or channel["dialplan"]["context"].startswith(RADIO))


def carry_out(asterisk: Asterisk, plan: Plan) -> int:
    """Do it; how many callers were given back. OSError: Asterisk gives no answer. Who is gone by now is left."""
    for leg in plan.hang_up:
        asterisk.order("DELETE", f"channels/{leg}")
    for channel in plan.silence:  # while something is played to it, a channel takes no other order
        for number in range(PLAYBACKS):
            asterisk.order("DELETE", f"playbacks/{channel}-play-{number}")
    for line in plan.give_back:  # who listened to a radio net was muted
        asterisk.order("DELETE", f"channels/{line}/mute?direction=in")
    done = [asterisk.order("POST", f"channels/{line}/continue")[0] for line in (*plan.give_back, *plan.let_go)]
    return done[: len(plan.give_back)].count(http.client.NO_CONTENT)


def watch(
    asterisk: Asterisk, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], object] = time.sleep
) -> None:
    """Look at the application's beat, and act while it stands still, for ever."""
    last, still, told, looked = None, 0.0, False, clock()
    while True:
        sleep(EVERY_SECONDS)
        now = clock()
        passed, looked = min(now - looked, 2 * EVERY_SECONDS), now  # while we stood still ourselves, we saw nothing
        try:
            if (beat := asterisk.beat()) != last:
                last, still, told = beat, 0.0, False
                continue
            still += passed
            if still <= OWNERLESS_SECONDS:
                continue
            plan = decide(asterisk.get("channels"), asterisk.get("bridges"), for_good=not told)
            if asterisk.beat() == last and (count := carry_out(asterisk, plan)):
                _say(f"no application for {OWNERLESS_SECONDS:.0f} s: {count} callers ring every desk")
            told = True
        except OSError as error:
            if last is not None:
                _say(f"Asterisk cannot be asked: {error}")
            last, still = None, 0.0


def _say(text: str) -> None:
    print(time.strftime("%Y-%m-%dT%H:%M:%S%z"), text, file=sys.stderr, flush=True)


def main() -> int:
    """Run; the exit code."""
    parser = argparse.ArgumentParser(prog="guard", description="Gives callers whom no application serves to the desks.")
    parser.add_argument("--state", type=Path, required=True, help="state directory, made by scripts/run")
    parser.add_argument("--now", action="store_true", help="once: the application has just ended")
    options = parser.parse_args()
    try:
        asterisk = Asterisk(options.state)
        if not options.now:
            watch(asterisk)
        elif not (options.state / "run" / "replaced").exists():  # then another application has the callers
            print(carry_out(asterisk, decide(asterisk.get("channels"), asterisk.get("bridges"), for_good=False)))
    except (Refused, OSError) as error:
        _say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
