"""``scripts/bench``: the application beside Asterisk's own ``Dial()`` and ``Queue()``, in turns, in one run."""

from __future__ import annotations

import argparse
import json
import math
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
from rich.console import Console

from scripts.measure import adoption, bare, delay, growth, living, profile, rate, report, timer
from scripts.measure.figures import Section
from scripts.measure.options import Options, quick, whole
from scripts.measure.usage import machine

SECTIONS: Final[Mapping[str, Callable[[Section, Options], Awaitable[None]]]] = {
    "delay": delay.measure,
    "bare": bare.measure,
    "rate": rate.measure,
    "living": living.measure,
    "adopt": adoption.measure,
    "growth": growth.measure,
    "timer": timer.measure,
    "profile": profile.measure,
}


def main() -> int:
    """Measure and print; 1 when a section could not be measured."""
    arguments = _arguments()
    console = Console() if sys.stdout.isatty() else Console(width=170)
    results: dict[str, Any] = {}
    is_whole = True
    for name in arguments.only:
        console.print(f"[bold]{name}[/]")
        options, commit = _options(arguments, console), report.commit()
        section, before = Section(name), machine()
        is_measured = _measure(section, options)
        passed = machine().since(before)
        report.show(console, section)
        if not is_measured:  # the others can be all the same
            is_whole = False
            continue
        result = report.result(section, options, commit, passed.stolen / passed.whole if passed.whole else 0.0)
        results[name] = result
        if arguments.keep:
            report.keep({name: result})
        if arguments.json is not None:
            arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0 if is_whole else 1


def _measure(section: Section, options: Options) -> bool:
    """One section, as far as it goes; whether it could be measured, and why not on stderr."""
    is_measured = False
    try:
        anyio.run(partial(SECTIONS[section.name], section, options))
        is_measured = True
    except* Exception as errors:  # noqa: BLE001 - whatever it is, it costs this section alone; from inside of an instance they come as a group
        for error in _leaves(errors):
            print(f"siaga110: {section.name}: {str(error) or type(error).__name__}", file=sys.stderr)
    return is_measured


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    else:
        yield error


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Answer delay, highest rate, cost, adoption, growth and take-back, beside Dial() and Queue().",
    )
    parser.add_argument("--only", type=_names, help=f"some of: {','.join(SECTIONS)} (default: all but profile)")
    parser.add_argument("--quick", action="store_true", help="a small version of each figure: some minutes in all")
    parser.add_argument("--profile", action="store_true", help="also where the application's processor time goes")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--keep", action="store_true", help="put the figures in docs/benchmark.md and .json")
    parser.add_argument("--rates", type=_above_zero, nargs="+", help="delay: calls a second (default: 1 20 50 100 150)")
    parser.add_argument("--seconds", type=_above_zero, help="delay, growth: length of one stretch (default: 10)")
    parser.add_argument("--rounds", type=partial(_whole, least=1), help="how often the ways take turns (default: 3)")
    parser.add_argument(
        "--living", type=partial(_whole, least=1), nargs="+", help="living calls (default: 100 500 1000 2000)"
    )
    parser.add_argument(
        "--history", type=_whole, nargs="+", help="growth: calls that are over (default: 0 10000 1000000)"
    )
    parser.add_argument("--numbers", type=_whole, help="blocked numbers (default: 1000000)")
    arguments = parser.parse_args()
    if arguments.quick and arguments.keep:
        parser.error("--quick is too small to be kept")
    if arguments.json is not None and not arguments.json.parent.is_dir():
        parser.error(f"--json: there is no folder {arguments.json.parent}")
    chosen = arguments.only or [name for name in SECTIONS if name != "profile"]
    arguments.only = [*chosen, *(["profile"] if arguments.profile and "profile" not in chosen else [])]
    return arguments


def _names(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in SECTIONS]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no section {unknown[0]}: {', '.join(SECTIONS)}")
    return names


def _above_zero(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _whole(text: str, least: int = 0) -> int:
    value = int(text)
    if value < least:
        raise argparse.ArgumentTypeError(f"{text} is less than {least}")
    return value


def _options(arguments: argparse.Namespace, console: Console) -> Options:
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"  {time.monotonic() - began:4.0f} s  {text}", style="dim")

    given = {name: getattr(arguments, name) for name in ("rates", "seconds", "rounds", "living", "history", "numbers")}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace((quick if arguments.quick else whole)(say), **changes)


if __name__ == "__main__":
    for each in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C: what was started ends, and what was written goes
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
