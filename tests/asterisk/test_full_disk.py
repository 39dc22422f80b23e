"""A start on a disk that takes nothing, as after a power cut: 110 is answered all the same."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.asterisk.site import Site
from tests.asterisk.talk import CALLER_HZ, POLDA_HZ, hear_each_other

pytestmark = pytest.mark.anyio

OWN_MOUNTS = ["unshare", "--map-root-user", "--mount", "sh", "-ec"]
FULL = """
mount -t tmpfs -o size=96m none "$2"
cp -a "$1/." "$2"
head -c 96m /dev/zero > "$2/ballast" 2> /dev/null || true
shift 2
exec "$@"
"""
"""The second folder is a disk of its own with all that is in the first one, and full; then the rest is run."""

READ_ONLY = """
mount --bind "$1" "$2"
mount -o remount,ro,bind "$2"
shift 2
exec "$@"
"""


@pytest.fixture(autouse=True)
def _may_mount() -> None:
    if subprocess.run([*OWN_MOUNTS, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount a disk here")


@pytest.mark.parametrize("trouble", [FULL, READ_ONLY], ids=["full", "read-only"])
@pytest.mark.parametrize("is_new", [False, True], ids=["registered before", "registers now"])
async def test_110_is_answered(make_site: Callable[[], Site], tmp_path: Path, trouble: str, *, is_new: bool) -> None:
    """Its phones were registered before, or register now."""
    site = make_site()
    site.start()
    async with site.phones(tmp_path / "phones") as phones:
        desk = None if is_new else await phones.handset(site.accounts[0], hz=POLDA_HZ)
        site.stop()
        site.state.rename(site.home / "kept")
        site.state.mkdir(mode=0o700)
        site._limits = [*OWN_MOUNTS, trouble, "sh", str(site.home / "kept"), str(site.state)]
        site.start(speaks=True)
        assert any("WARNING: nothing can be written in" in line for line in site.output), site.output
        desk = desk or await phones.handset(site.accounts[0], hz=POLDA_HZ)
        caller = await phones.citizen(hz=CALLER_HZ)
        at_desk = await desk.rung()
        await at_desk.answer()
        await hear_each_other((caller, CALLER_HZ), (at_desk, POLDA_HZ))
        await caller.hang_up()
    site.stop()


def test_a_new_one_cannot_start(make_site: Callable[[], Site]) -> None:
    """There is nothing that it could start on; it is said in one sentence."""
    site = make_site()
    site.state.mkdir()
    (site.home / "kept").mkdir()
    site._limits = [*OWN_MOUNTS, FULL, "sh", str(site.home / "kept"), str(site.state)]
    assert site.launch().wait(30) == 1
    assert len(site.output) == 1
    assert f"nothing can be written in {site.state} (No space left on device)" in site.output[0]
