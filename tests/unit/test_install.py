"""scripts/install: what it decides, without fetching anything."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from scripts.install import InstallError, apt, debian, progress, python_env, starters
from scripts.stack import prepare

REPO = Path(__file__).parents[2]
Stub = Callable[[str], list[Sequence[object]]]


@pytest.fixture
def stub_run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Sequence[object]]]:
    """Every program "prints" a text; returns the list of what is run."""

    def stub(stdout: str, stderr: str = "", code: int = 0) -> list[Sequence[object]]:
        run: list[Sequence[object]] = []

        def fake(command: Sequence[object], **_: object) -> subprocess.CompletedProcess[str]:
            run.append(command)
            return subprocess.CompletedProcess([], code, stdout, stderr)

        monkeypatch.setattr(subprocess, "run", fake)
        return run

    return stub


# ---- the mirror


def fetches(*archives: tuple[str, str]) -> str:
    """What ``apt-get --print-uris update`` says for these (address, suite)."""
    lists = [f"'{address}/dists/{suite}/InRelease' x_InRelease 0 " for address, suite in archives]
    files = [f"'{address}/dists/{suite}/main/binary-amd64/Packages.xz' x 0 " for address, suite in archives]
    return "\n".join([*lists, *files]) + "\n"


HERE, SECURITY = "http://mirror.example/debian", "http://mirror.example/debian-security"
OTHER = "https://packages.example/mosquitto"


@pytest.mark.parametrize(
    ("archives", "mirror"),
    [
        ([(HERE, "bookworm"), (HERE, "bookworm-updates"), (SECURITY, "bookworm-security")], HERE),
        ([(SECURITY, "bookworm-security"), (HERE, "bookworm")], HERE),
        ([(HERE, "stable")], HERE),
        ([(f"{HERE}/", "bookworm")], HERE),
        ([("mirror+file:/etc/apt/mirrors/debian.list", "bookworm")], "mirror+file:/etc/apt/mirrors/debian.list"),
        # Somebody else's archive, which comes first and has the same words in it.
        ([(OTHER, "bookworm"), (OTHER, "stable"), (HERE, "bookworm"), (HERE, "bookworm-updates")], HERE),
    ],
)
def test_mirror(stub_run: Stub, monkeypatch: pytest.MonkeyPatch, archives: list[tuple[str, str]], mirror: str) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "bookworm"})
    run = stub_run(fetches(*archives))
    assert apt._mirror() == mirror
    assert run == [["apt-get", "-q", "--print-uris", "update"]]


@pytest.mark.parametrize(
    "said", ["", "E: nothing\n", fetches((SECURITY, "bookworm-security"), (OTHER, "mosquitto-bookworm"))]
)
def test_no_mirror(stub_run: Stub, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: {"VERSION_CODENAME": "bookworm"})
    stub_run(said)
    with pytest.raises(InstallError, match="knows no Debian mirror"):
        apt._mirror()


def test_this_machines_own_mirror_is_found() -> None:
    """With apt's own words, also on a machine that never had an update."""
    assert "://" in apt._mirror()


def test_aptget_says_why(stub_run: Callable[..., object], tmp_path: Path) -> None:
    stub_run("", "W: harmless\nE: Unable to locate package asterisk\n", 100)
    with pytest.raises(InstallError, match=r"^apt-get install failed: E: Unable to locate package asterisk$"):
        apt._apt(tmp_path, "--yes", "install", "asterisk")
    stub_run("", "", 100)
    with pytest.raises(InstallError, match=r"^apt-get update failed: 100$"):
        apt._apt(tmp_path, "update")


def test_no_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apt, "_KEYRING", tmp_path / "keyring.gpg")
    with pytest.raises(InstallError, match=r"keyring\.gpg is missing: as root, apt-get install debian-archive-keyring"):
        apt.plan(tmp_path / "apt", ["asterisk"])
    assert not (tmp_path / "apt").exists()


def test_a_tool_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(debian, "_own_asterisk", lambda: None)
    with pytest.raises(InstallError, match="apt-get is missing: as root, apt-get install apt"):
        debian.install(tmp_path / "deps")


# ---- the machine's own Asterisk


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("Asterisk 22.10.1~dfsg+~cs6.15.60671435-1\n", True),
        ("Asterisk 22.10.0\n", True),
        ("Asterisk 23.0.0\n", True),
        ("Asterisk certified/22.10-cert1\n", True),
        ("Asterisk certified-22.10-cert1\n", True),
        ("Asterisk 22.9.4\n", False),
        ("Asterisk 9.99.0\n", False),
        ("Asterisk 20.15.0\n", False),
        ("Asterisk GIT-master-1234\n", False),
        ("", False),
    ],
)
def test_own_asterisk(
    stub_run: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, *, taken: bool
) -> None:
    program = tmp_path / "asterisk"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(starters, "modules_of_own", lambda: tmp_path)
    run = stub_run(said)
    assert debian._own_asterisk() == (program if taken else None)
    assert run == [[str(program), "-V"]]
    monkeypatch.setattr(starters, "modules_of_own", lambda: None)
    assert debian._own_asterisk() is None


def test_no_asterisk_of_its_own(stub_run: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    run = stub_run("")
    assert debian._own_asterisk() is None
    assert run == []


def test_installer_and_launcher_want_the_same() -> None:
    assert debian.OLDEST_ASTERISK == prepare.OLDEST_ASTERISK  # type: ignore[attr-defined]  # one constant, imported


# ---- what went wrong


def test_pip_says_why(stub_run: Callable[..., object]) -> None:
    stub_run("", "warning\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES\nmore\n", 1)
    with pytest.raises(InstallError, match=r"^pip install x failed: ERROR: THESE PACKAGES DO NOT MATCH THE HASHES$"):
        python_env._run(["python", "pip", "install", "x"])
    stub_run("", "", 1)
    with pytest.raises(InstallError, match="no reason given"):
        python_env._run(["python"])


def test_a_step_says_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.step("all well", lambda: "3 of 4"):
        pass
    with pytest.raises(InstallError), progress.step("not well"):
        raise InstallError("x")
    first, second = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"  all well +0\.0 s", first)
    assert re.fullmatch(r"  not well +0\.0 s  failed", second)


# ---- what is committed


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPO, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := REPO / name).is_file()]


def test_no_index_or_mirror_is_named() -> None:
    """Where packages come from is the machine's business; it says so in apt's and pip's own configuration."""
    # Written in two halves, or this file would be found.
    hosts = [
        *((name, "debian.org") for name in ("deb.", "ftp.", "security.", "snapshot.")),
        ("pypi.", "org"), ("pypi.", "python.org"), ("files.", "pythonhosted.org"), ("archive.", "ubuntu.com"),
    ]  # fmt: skip
    words = [("--index-", "url"), ("--extra-index-", "url"), ("--find-", "links"), ("--trusted-", "host")]
    named = [(a + b).encode() for a, b in [*hosts, *words]]
    files = committed()
    assert REPO / "requirements.lock" in files
    assert [(path.name, word) for path in files for word in named if word in path.read_bytes()] == []


@pytest.mark.parametrize("name", python_env.LOCKS)
def test_every_locked_package_has_a_version_and_hashes(name: str) -> None:
    text = (REPO / name).read_text(encoding="utf-8").replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len(packages) > 10
    for line in packages:
        assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==[0-9][^ ]* .*--hash=sha256:[0-9a-f]{64}", line), line[:60]
