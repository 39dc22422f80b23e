"""``scripts/run``: start everything, stay in the foreground, end it on SIGINT or SIGTERM with exit code 0.

SIGHUP starts the application anew on the code and configuration as they are now; calls go on.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from functools import partial
from pathlib import Path

import anyio

from ari_app import logs
from scripts.stack import StackError
from scripts.stack.prepare import Prepared, default_config, prepare
from scripts.stack.stack import Stack


def main() -> int:
    """Run the instance; the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/run", description="Starts Siaga 110 and keeps it running.")
    parser.add_argument("--config", type=Path, help="configuration (default: siaga.toml, else siaga.example.toml)")
    parser.add_argument("--state", type=Path, default=Path("var"), help="state directory (default: var)")
    parser.add_argument(
        "--demo", action="store_true", help="simulated phones play SOP V, VII.f and VIII, then everything ends"
    )
    parser.add_argument(
        "--prepare", action="store_true", help="check everything and write every file, start nothing: for systemd"
    )
    options = parser.parse_args()
    logs.set_up("error")
    try:
        start = time.monotonic()
        prepared = prepare(options.config or default_config(), options.state)
        _say(f"prepared {prepared.state.root} in {time.monotonic() - start:.1f} s")
        if prepared.warning:
            _say(f"WARNING: {prepared.warning}")
        if options.prepare:
            return 0
        return anyio.run(partial(_run, prepared, demo=options.demo))
    except StackError as error:
        print(f"siaga110: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


async def _run(prepared: Prepared, *, demo: bool) -> int:
    stack = Stack(prepared, _say)
    codes: list[int] = []
    failures: list[StackError] = []
    async with anyio.create_task_group() as tasks:

        async def instance() -> None:
            try:
                async with stack.running():
                    _print_ready(prepared)
                    if demo:
                        codes.append(await _play(stack))
                    else:
                        await anyio.sleep_forever()
            except StackError as error:
                failures.append(error)
            tasks.cancel_scope.cancel()

        tasks.start_soon(instance)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
            async for number in signals:
                if number == signal.SIGHUP:
                    _renew(stack)
                    continue
                _say(f"{number.name}: ending")
                tasks.cancel_scope.cancel()
                break
    if failures:
        raise failures[0]
    return codes[0] if codes else 0


def _renew(stack: Stack) -> None:
    try:
        stack.renew()
    except StackError as error:
        _say(f"SIGHUP: {error}")
    except Exception as error:  # noqa: BLE001 - whatever it is, no call ends for it
        _say(f"SIGHUP: it could not be done: {error!r}")
    else:
        _say("SIGHUP: the application is started anew, calls go on")


async def _play(stack: Stack) -> int:
    from scripts import demo  # noqa: PLC0415 - the phones are needed for nothing else here

    return await demo.play(stack)


def _print_ready(prepared: Prepared) -> None:
    settings = prepared.settings
    numbers = ", ".join(settings.site.emergency_numbers)
    desks = len(settings.polda_desks)
    print(
        f"READY {numbers} at sip:{settings.asterisk.sip} for {settings.site.name}: "
        f"{desks} Polda {'desk' if desks == 1 else 'desks'}, state in {prepared.state.root}",
        flush=True,
    )


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone; calls go on
        print(f"  {text}", file=sys.stderr, flush=True)
