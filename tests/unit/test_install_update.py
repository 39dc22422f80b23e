"""scripts/install: newer packages, those of before, and what is in use when one or the other cannot be had."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts.install import InstallError, apt, debian, swap
from tests.unit.fake_mirror import LIBRARIES, NEW, OLD, Mirror, asterisk_says, set_up_before_there_were_links, trees


@pytest.fixture
def mirror(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    made = Mirror()
    keyring = tmp_path_factory.mktemp("keyring") / "keyring.gpg"
    keyring.touch()
    monkeypatch.setattr(apt, "_KEYRING", keyring)
    monkeypatch.setattr(apt, "_mirror", lambda: "http://mirror.example/debian")
    monkeypatch.setattr(apt, "_apt", made.apt)
    monkeypatch.setattr(debian, "_unpack_one", made.unpack)
    monkeypatch.setattr(debian, "_own_asterisk", lambda: None)
    monkeypatch.setattr(os, "sync", lambda: None)
    return made


@pytest.fixture
def deps(tmp_path: Path, mirror: Mirror) -> Path:
    """Installed, with the older Asterisk."""
    made = tmp_path / "deps"
    debian.install(made)
    assert asterisk_says(made) == OLD
    return made


def want_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """As newer code does whose packages are others."""
    monkeypatch.setattr(debian, "_LAYOUT", "next")


# ---- install


def test_installed_once(deps: Path, mirror: Mirror) -> None:
    assert debian.ready(deps)
    debian.install(deps)
    assert mirror.fetched == 1
    assert trees(deps) == ["debian.1"]
    assert not (deps / "apt").exists()
    modules = deps / "debian" / LIBRARIES / "asterisk/modules"
    assert f"ASTERISK_MODULES_DIR={modules}\n" in (deps / "asterisk.env").read_text()


def test_other_packages_are_wanted(deps: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "_own_asterisk", lambda: Path("/bin/true"))
    monkeypatch.setattr(debian, "_try_out", lambda _: None)
    del mirror.offered["asterisk"]
    assert not debian.ready(deps)
    debian.install(deps)
    assert (deps / "bin/asterisk").resolve() == Path("/bin/true").resolve()
    assert mirror.fetched == 2


@pytest.mark.parametrize("before_links", [False, True])
def test_without_the_mirror_the_old_tree_stays_in_use(
    deps: Path, tmp_path: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, *, before_links: bool
) -> None:
    if before_links:
        deps = tmp_path / "before"
        set_up_before_there_were_links(deps)
    with monkeypatch.context() as newer_code:
        want_something_else(newer_code)
        mirror.away = True
        with pytest.raises(InstallError, match="the mirror is away"):
            debian.install(deps)
        assert asterisk_says(deps) == OLD
        mirror.away, mirror.broken_package = False, "mosquitto"
        with pytest.raises(InstallError, match=r"mosquitto_1\.0_amd64\.deb cannot be unpacked: it is damaged"):
            debian.install(deps)
        assert asterisk_says(deps) == OLD
        assert len(trees(deps)) == 1, "what is not whole does not stay"
    mirror.away = True
    debian.install(deps)  # back to the code of before: it has its packages still


def test_a_tree_of_before_there_were_links_is_taken_as_it_is(tmp_path: Path, mirror: Mirror) -> None:
    set_up_before_there_were_links(tmp_path)
    was = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert debian.ready(tmp_path)
    debian.install(tmp_path)
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == was
    assert mirror.fetched == 0


def test_code_of_before_finds_its_packages_without_the_mirror(
    deps: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer_code:
        want_something_else(newer_code)
        mirror.offered["asterisk"] = f"1:{NEW}"
        debian.install(deps)
        assert asterisk_says(deps) == NEW
    mirror.away = True
    debian.install(deps)
    assert asterisk_says(deps) == OLD


def test_what_was_fetched_of_an_older_version_is_not_unpacked(tmp_path: Path, mirror: Mirror) -> None:
    stale = tmp_path / "apt/archives/asterisk_1%3a99-1_amd64.deb"
    stale.parent.mkdir(parents=True)
    stale.touch()
    debian.install(tmp_path)
    assert asterisk_says(tmp_path) == OLD


def test_a_package_that_the_mirror_does_not_have(tmp_path: Path, mirror: Mirror) -> None:
    del mirror.offered["espeak-ng"]
    with pytest.raises(InstallError, match="the mirror does not have espeak-ng"):
        debian.install(tmp_path)


# ---- update


def test_an_update_says_what_changed(deps: Path, mirror: Mirror) -> None:
    mirror.offered |= {"asterisk": f"1:{NEW}", "libc6": "2.42", "libnew": "3"}
    assert debian.update(deps) == [f"asterisk 1:{OLD} -> 1:{NEW}", "libc6 2.41 -> 2.42", "libnew (none) -> 3"]
    assert asterisk_says(deps) == NEW
    assert debian.versions(deps / "debian") == mirror.offered
    assert debian.ready(deps)


@pytest.mark.parametrize("version", [f"1:{OLD}", "1:22.10.0-1"])
def test_nothing_newer_changes_nothing(deps: Path, mirror: Mirror, version: str) -> None:
    """A mirror that lags behind is no reason to go back."""
    mirror.offered["asterisk"] = version
    assert debian.update(deps) == []
    assert trees(deps) == ["debian.1"]
    assert asterisk_says(deps) == OLD
    assert mirror.fetched == 1
    assert not (deps / "apt").exists()


def test_an_update_of_a_tree_without_versions(tmp_path: Path, mirror: Mirror) -> None:
    set_up_before_there_were_links(tmp_path)
    mirror.offered["asterisk"] = f"1:{NEW}"
    assert f"asterisk 1:{NEW} (of before no version was written down)" in debian.update(tmp_path)
    assert asterisk_says(tmp_path) == NEW
    assert debian.back(tmp_path) == ["the packages of before; their versions were not written down"]
    assert asterisk_says(tmp_path) == OLD
    assert debian.ready(tmp_path)


@pytest.mark.parametrize(
    ("version", "why"),
    [("", "the new Asterisk does not start"), ("22.9.4", "the mirror has Asterisk 22.9.4: 22.10 is needed")],
)
def test_a_new_asterisk_is_tried_out_first(deps: Path, mirror: Mirror, version: str, why: str) -> None:
    mirror.offered |= {"asterisk": f"1:{version}", "libc6": "2.42"}
    with pytest.raises(InstallError, match=why):
        debian.update(deps)
    assert asterisk_says(deps) == OLD
    assert trees(deps) == ["debian.1"]


def test_without_the_mirror_an_update_changes_nothing(deps: Path, mirror: Mirror) -> None:
    mirror.away = True
    with pytest.raises(InstallError, match="the mirror is away"):
        debian.update(deps)
    assert asterisk_says(deps) == OLD
    assert debian.ready(deps)


def test_a_disk_that_is_nearly_full_is_left_to_the_journal(
    deps: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.offered["asterisk"] = f"1:{NEW}"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=699 << 20))
    with pytest.raises(InstallError, match="has less than 700 MB free"):
        debian.update(deps)
    assert asterisk_says(deps) == OLD
    assert mirror.fetched == 1


def test_a_program_that_starts_meanwhile_has_all_files_of_one_tree(deps: Path, mirror: Mirror) -> None:
    (deps / "debian/usr/sbin/asterisk").write_text('#!/bin/sh\necho "$0"\n')
    assert asterisk_says(deps) == str(deps / "debian.1/usr/sbin/asterisk")


# ---- back


def test_back_and_forth(deps: Path, mirror: Mirror) -> None:
    mirror.offered["asterisk"] = f"1:{NEW}"
    debian.update(deps)
    mirror.away = True
    assert debian.back(deps) == [f"asterisk 1:{NEW} -> 1:{OLD}"]
    assert asterisk_says(deps) == OLD
    assert debian.ready(deps), "the next start stays with it"
    assert debian.back(deps) == [f"asterisk 1:{OLD} -> 1:{NEW}"]
    assert asterisk_says(deps) == NEW


def test_one_tree_of_before_is_kept(deps: Path, mirror: Mirror) -> None:
    for version in ("2.42", "2.43", "2.44"):
        mirror.offered["libc6"] = version
        debian.update(deps)
    assert len(trees(deps)) == 2
    assert debian.back(deps) == ["libc6 2.44 -> 2.43"]


def test_nothing_to_go_back_to(deps: Path, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InstallError, match="there are no packages of before that this code can use"):
        debian.back(deps)
    mirror.offered["asterisk"] = f"1:{NEW}"
    debian.update(deps)
    want_something_else(monkeypatch)
    with pytest.raises(InstallError, match="there are no packages of before that this code can use"):
        debian.back(deps)
    assert asterisk_says(deps) == NEW


# ---- broken off, at any point


class Killed(BaseException):
    """From here on nothing happens any more."""


@contextmanager
def killed_at(number: int) -> Iterator[None]:
    """Nothing that changes files happens from the ``number``-th such step on."""
    steps = 0

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def step(*arguments: object, **options: object) -> object:
            nonlocal steps
            steps += 1
            if steps >= number:
                raise Killed
            return real(*arguments, **options)

        return step

    with pytest.MonkeyPatch.context() as patch:
        for name in ("symlink_to", "write_text", "unlink", "rename", "replace"):
            patch.setattr(Path, name, counted(getattr(Path, name)))
        patch.setattr(shutil, "rmtree", counted(shutil.rmtree))
        patch.setattr(os, "sync", counted(os.sync))
        yield


def broken_off_everywhere(
    home: Path, before: Callable[[Path], object], act: Callable[[Path], object]
) -> Iterator[Path]:
    """An installation for each step at which ``act`` can be broken off; the last one is where it was not."""
    for number in count(1):
        deps = home / f"deps-{number}"
        before(deps)
        try:
            with killed_at(number):
                act(deps)
        except Killed:
            yield deps
        else:
            yield deps
            assert number > 10, "nothing was broken off"
            return


def with_links(mirror: Mirror) -> Callable[[Path], None]:
    def make(deps: Path) -> None:
        mirror.away, mirror.offered["asterisk"] = False, f"1:{OLD}"
        debian.install(deps)
        mirror.offered["asterisk"] = f"1:{NEW}"

    return make


def test_an_update_that_is_broken_off_leaves_one_that_starts(tmp_path: Path, mirror: Mirror) -> None:
    seen = []
    for deps in broken_off_everywhere(tmp_path, with_links(mirror), debian.update):
        seen.append(asterisk_says(deps))
        mirror.away = True
        debian.install(deps)  # the next start, without the mirror
        assert asterisk_says(deps) == seen[-1]
        mirror.away = False
        mirror.offered["libc6"] = f"2.42.{len(seen)}"
        debian.update(deps)
        assert asterisk_says(deps) == NEW
        assert len(trees(deps)) == 2
    assert sorted(set(seen)) == [OLD, NEW]
    assert seen == sorted(seen), "first the old one, from one step on the new one"


def test_going_back_that_is_broken_off_leaves_one_that_starts(tmp_path: Path, mirror: Mirror) -> None:
    def updated(deps: Path) -> None:
        with_links(mirror)(deps)
        debian.update(deps)

    for number in range(1, 6):
        deps = tmp_path / f"deps-{number}"
        updated(deps)
        with suppress(Killed), killed_at(number):
            debian.back(deps)
        assert asterisk_says(deps) in {OLD, NEW}
        mirror.away = True
        debian.install(deps)
        assert asterisk_says(deps) in {OLD, NEW}


def test_the_first_change_of_a_tree_of_before_there_were_links(tmp_path: Path, mirror: Mirror) -> None:
    """A folder cannot be replaced by a link in one step: between two renames nothing starts, until the next set-up."""

    def before(deps: Path) -> None:
        mirror.away, mirror.offered["asterisk"] = False, f"1:{NEW}"
        set_up_before_there_were_links(deps)

    silent = 0
    for deps in broken_off_everywhere(tmp_path, before, debian.update):
        silent += not asterisk_says(deps)
        mirror.away = True
        debian.install(deps)
        assert asterisk_says(deps) in {OLD, NEW}
        mirror.away = False
        debian.update(deps)
        assert asterisk_says(deps) == NEW
    assert silent == 1


def test_a_first_installation_that_is_broken_off_is_begun_anew(tmp_path: Path, mirror: Mirror) -> None:
    for deps in broken_off_everywhere(tmp_path, lambda _: None, debian.install):
        assert asterisk_says(deps) in {"", OLD}
        debian.install(deps)
        assert asterisk_says(deps) == OLD
        assert len(trees(deps)) == 1


def test_a_link_that_leads_nowhere_is_no_obstacle(deps: Path, mirror: Mirror) -> None:
    shutil.rmtree(deps / "debian.1")
    assert not debian.ready(deps)
    debian.install(deps)
    assert asterisk_says(deps) == OLD
    assert swap.previous(deps / "debian") is None
