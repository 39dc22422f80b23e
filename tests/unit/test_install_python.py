"""scripts/install: the Python environment, the command itself, and a start without what is wanted."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts.install import InstallError, __main__, debian, python_env

REPO = Path(__file__).parents[2]


class Pip:
    """Stands for ``python -m venv`` and for pip: an environment is one file that says what is in it."""

    def __init__(self) -> None:
        self.away = False
        self.made = 0

    def run(self, command: list[str]) -> None:
        if "venv" in command:
            self.made += 1
            venv = Path(command[-1])
            (venv / "bin").mkdir(parents=True)
            (venv / "bin/python").symlink_to(sys.executable)
            (venv / "lib/python3.11/site-packages").mkdir(parents=True)
        elif self.away:
            raise InstallError("pip install failed: ERROR: the index is away")
        else:
            locks = [Path(word) for word in command if word.endswith(".lock")]
            packages = Path(command[0]).parents[1] / "packages"
            packages.write_text("".join(lock.read_text() for lock in locks))


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    made = Pip()
    monkeypatch.setattr(python_env, "_run", made.run)
    monkeypatch.setattr(os, "sync", lambda: None)
    return made


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    (tmp_path / "requirements.lock").write_text("needed 1\n")
    (tmp_path / "requirements-test.lock").write_text("checks 1\n")
    wheels = tmp_path / ".deps/debian/usr/share/python-wheels"
    wheels.mkdir(parents=True)
    (wheels / "pip-1-py3-none-any.whl").touch()
    return tmp_path


def install(repo: Path, *, tests: bool = False) -> None:
    python_env.install(repo, repo / ".deps", tests=tests)


def packages(repo: Path) -> str:
    return (repo / ".deps/venv/packages").read_text()


def environments(repo: Path) -> int:
    return len([path for path in (repo / ".deps").glob("venv*") if path.is_dir() and not path.is_symlink()])


def test_made_once(repo: Path, pip: Pip) -> None:
    install(repo)
    install(repo)
    assert (pip.made, packages(repo)) == (1, "needed 1\n")
    install(repo, tests=True)
    assert (pip.made, packages(repo)) == (2, "needed 1\nchecks 1\n")
    install(repo)
    assert pip.made == 2, "with the packages of the checks it serves without them, too"


def test_its_command_is_by_the_name_that_stays(repo: Path, pip: Pip) -> None:
    install(repo)
    assert f'exec "{repo}/.deps/venv/bin/python" -m cli "$@"' in (repo / ".deps/venv/bin/siaga").read_text()


@pytest.mark.parametrize("before_links", [False, True])
def test_without_the_index_the_old_one_stays_in_use(repo: Path, pip: Pip, *, before_links: bool) -> None:
    install(repo)
    venv = repo / ".deps/venv"
    if before_links:
        folder = venv.resolve()
        venv.unlink()
        folder.rename(venv)
    lock = repo / "requirements.lock"
    lock.write_text("needed 2\n")
    pip.away = True
    with pytest.raises(InstallError, match="the index is away"):
        install(repo)
    assert packages(repo) == "needed 1\n"
    assert environments(repo) == 1, "what is not whole does not stay"
    lock.write_text("needed 1\n")
    install(repo)  # back to the code of before: all is there
    lock.write_text("needed 2\n")
    pip.away = False
    install(repo)
    assert packages(repo) == "needed 2\n"
    lock.write_text("needed 1\n")
    pip.away = True
    install(repo)
    assert packages(repo) == "needed 1\n", "the one of before is still there"


def test_a_fix_of_the_same_python_needs_no_new_one(repo: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch) -> None:
    install(repo)
    monkeypatch.setattr(sys, "version", "3.11.99 (main)")
    install(repo)
    assert pip.made == 1
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: "cpython-399-x86_64-linux-gnu")
    install(repo)
    assert pip.made == 2


def test_a_stamp_of_before_is_known(repo: Path, pip: Pip) -> None:
    install(repo)
    (repo / ".deps/venv/siaga.stamp").write_text(python_env._made_from(repo, tests=False)[1])
    install(repo)
    assert pip.made == 1


def test_a_python_that_is_gone_makes_a_new_one(repo: Path, pip: Pip) -> None:
    install(repo)
    (repo / ".deps/venv/bin/python").unlink()
    install(repo)
    assert pip.made == 2


# ---- the command


@pytest.fixture
def command(repo: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``scripts/setup`` in a repository of its own, without Debian's packages."""
    monkeypatch.setattr(debian, "_wanted", lambda: SimpleNamespace(stamp="whole", own=None, packages=["asterisk"]))
    (repo / ".deps/debian/siaga/bin").mkdir(parents=True)
    (repo / ".deps/debian/siaga/bin/asterisk").touch()
    (repo / ".deps/debian/siaga/stamp").write_text("whole")
    return lambda *arguments: __main__.main(list(arguments), repo)


def test_when_all_is_there_nobody_waits_for_the_lock(repo: Path, command: Callable[..., int]) -> None:
    assert command() == 0
    with (repo / ".deps/lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert command() == 0


def test_with_something_whole_from_before_it_says_so(
    repo: Path, pip: Pip, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    pip.away = True
    assert command() == 1
    assert capsys.readouterr().err.endswith("siaga110: pip install failed: ERROR: the index is away\n")
    pip.away = False
    assert command() == 0
    (repo / "requirements.lock").write_text("needed 2\n")
    pip.away = True
    capsys.readouterr()
    assert command() == 3
    said = capsys.readouterr().err
    assert said.endswith("siaga110: pip install failed: ERROR: the index is away; what was there before is as it was\n")


def test_versions(repo: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--versions") == 1
    assert "scripts/setup --update" in capsys.readouterr().err
    (repo / ".deps/debian/siaga/versions").write_text("asterisk 1:22.10.1-1\nlibc6 2.41\n")
    assert command("--versions") == 0
    assert capsys.readouterr().out == "asterisk 1:22.10.1-1\nlibc6 2.41\n"


def test_update_and_back_say_what_they_did(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "update", lambda _: ["asterisk 22.4 -> 22.5"])
    assert command("--update") == 0
    assert capsys.readouterr().out.startswith("asterisk 22.4 -> 22.5\nAsterisk and Mosquitto that run now")
    monkeypatch.setattr(debian, "update", lambda _: [])
    assert command("--update") == 0
    assert capsys.readouterr().out == "nothing is newer; nothing was changed\n"
    monkeypatch.setattr(debian, "back", lambda _: ["asterisk 22.5 -> 22.4"])
    assert command("--back") == 0
    assert capsys.readouterr().out.startswith("asterisk 22.5 -> 22.4\n")


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_start_goes_on_with_what_was_there_before(tmp_path: Path, code: int) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    shutil.copy(REPO / "scripts/run", scripts)
    python = tmp_path / ".deps/venv/bin/python"
    python.parent.mkdir(parents=True)
    for file, text in ((scripts / "setup", f"exit {code}"), (python, 'echo "$@"')):
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
    done = subprocess.run([scripts / "run", "--demo"], capture_output=True, text=True, check=False)
    if code == 1:
        assert (done.returncode, done.stdout) == (1, "")
    else:
        assert (done.returncode, done.stdout) == (0, "-m scripts.stack --demo\n")
        assert ("WARNING" in done.stderr) == (code == 3)


def test_the_command_of_before_becomes_that_of_this_code(repo: Path, pip: Pip) -> None:
    """Also where the packages stay what they were, so that no environment is made."""
    install(repo)
    command = repo / ".deps/venv/bin/siaga"
    wanted = command.read_text()
    command.write_text("#!/bin/sh\nexec of-before\n")
    install(repo)
    python_env.bring_up_to_date(repo, repo / ".deps")
    assert (command.read_text(), command.stat().st_mode & 0o777, pip.made) == (wanted, 0o755, 1)


@pytest.mark.parametrize("gone", ["venv/bin/python", "bin/asterisk"])
def test_what_leads_nowhere_is_not_whole(repo: Path, pip: Pip, gone: str) -> None:
    """The machine's own Python or Asterisk was removed: nothing could be started on what was there before."""
    assert not pip.away
    install(repo)
    deps = repo / ".deps"
    (deps / "bin").mkdir()
    (deps / "bin/asterisk").touch()
    (deps / "debian.stamp").write_text("of before")
    assert __main__._refuse(deps, "the index is away") == __main__.AS_BEFORE
    (deps / gone).unlink()
    (deps / gone).symlink_to("/nothing/there")
    assert __main__._refuse(deps, "the index is away") == 1
