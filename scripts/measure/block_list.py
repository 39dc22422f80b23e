"""A million blocked numbers: ``python -m scripts.measure.block_list``. Each figure is one run on this machine.

The import goes through the command without an application (``--keep DIR`` leaves the state directory there); start-up,
memory and the decision are those of the parts that the application uses. With ``--running`` only the import is
measured, with everything running.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from scripts.phones import percentile
from scripts.stack.prepare import prepare
from scripts.stack.sample import make_sample
from scripts.stack.stack import Stack

REPO = Path(__file__).parents[2]
CONFIG = """\
[site]
name = "Polda Uji"
[[trunk]]
name = "pstn"
match = ["127.0.0.2"]
contact = "sip:127.0.0.2:5060"
[[desk]]
extension = "1001"
"""

_LOADING = """
import sys, time
from pathlib import Path
from ari_app.assembly import read_block_list
from ari_app.site.settings import load_settings
from ari_app.site.state import StateDir
def memory():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6
state = StateDir(Path(sys.argv[1]))
settings, before, began = load_settings(state.config), memory(), time.perf_counter()
block_list = read_block_list(settings, state)
print(len(block_list), time.perf_counter() - began, memory() - before, "sqlalchemy" in sys.modules)
numbers = [f"+62812{number:08d}" for number in range(0, 100_000_000, 1_000)]
taken = []
for number in numbers:
    began = time.perf_counter()
    block_list.is_blocked(number, began)
    taken.append(time.perf_counter() - began)
print(*taken)
"""


def main() -> int:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(prog="python -m scripts.measure.block_list", description=__doc__)
    parser.add_argument("--numbers", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="the state directory, which stays")
    parser.add_argument("--running", action="store_true", help="only the import, with the application running")
    options = parser.parse_args()
    if options.running:
        print(f"import, the application running: {_import_while_running(options.numbers):.1f} s")
        return 0
    with tempfile.TemporaryDirectory(prefix="siaga-block-") as home:
        state = options.keep or Path(home, "state")
        state.mkdir(exist_ok=True)
        (state / "siaga.toml").write_text(CONFIG, encoding="utf-8")
        file = Path(home, "numbers.csv")
        _write(file, options.numbers)
        print(f"import, no application: {_run('-m', 'cli', 'block', 'import', str(file), state=state):.1f} s")
        print(f"loading from the journal alone: {_load(state)}")
        print(f"folding: {_run('-c', _FOLD, str(state), state=state):.1f} s")
        print(f"loading from the tables: {_load(state)}")
        print(f"check: {_run('-m', 'cli', 'block', 'check', '081200000000', state=state):.2f} s")
        print(f"export: {_run('-m', 'cli', 'block', 'export', str(Path(home, 'out.csv')), state=state):.1f} s")
    return 0


def _import_while_running(count: int) -> float:
    with tempfile.TemporaryDirectory(prefix="siaga-block-") as home:
        config, file = Path(home, "siaga.toml"), Path(home, "numbers.csv")
        config.write_text(make_sample(desks=1).text, encoding="utf-8")
        _write(file, count)
        prepared = prepare(config, Path(home, "state"))
        command = partial(_run, "-m", "cli", "block", "import", str(file), state=prepared.state.root)

        async def running() -> float:
            async with Stack(prepared, lambda _: None).running():
                return await anyio.to_thread.run_sync(command)

        return anyio.run(running)


_FOLD = """
import sys
from pathlib import Path
from ari_app.store.database import open_engine
from ari_app.store.projections import catch_up
catch_up(Path(sys.argv[1], "journal.sqlite3"), open_engine(f"sqlite:///{sys.argv[1]}/siaga.sqlite3"))
"""


def _write(file: Path, count: int) -> None:
    numbers = random.Random(110).sample(range(10**8), count)  # noqa: S311 - figures, no secrets
    with file.open("w", encoding="utf-8") as text:
        text.write("number,note\n")
        text.writelines(f"0812{number:08d},\n" for number in numbers)


def _run(*arguments: str, state: Path) -> float:
    began = time.perf_counter()
    environment = {**os.environ, "SIAGA_STATE": str(state), "SIAGA_SUPERVISOR": "bench"}
    subprocess.run([sys.executable, *arguments], cwd=REPO, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _load(state: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _LOADING, str(state)], cwd=REPO, check=True, capture_output=True, text=True
    )
    first, second = done.stdout.splitlines()
    count, seconds, megabytes, with_sqlalchemy = first.split()
    p99 = percentile([float(each) for each in second.split()], 99) * 1e6
    return (
        f"{count} numbers in {float(seconds):.2f} s, {float(megabytes):.0f} MB more, decision p99 {p99:.1f} us"
        f"{', with SQLAlchemy' if with_sqlalchemy == 'True' else ''}"
    )


if __name__ == "__main__":
    sys.exit(main())
