"""``scripts/run --demo`` on a site of its own: exit 0, and each step on the terminal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.asterisk.site import Site, alive, children

STEPS = ["dials 110", "rings", "answers", "hear each other", "hangs up", "is busy", "stands still", "answered after"]


@pytest.mark.timeout(90)
def test_demo(make_site: Callable[[], Site]) -> None:
    site = make_site()
    launcher = site.launch("--demo")
    family: set[int] = set()
    while launcher.poll() is None and not any("All as the SOP says" in line for line in site.output):
        family |= set(children(launcher.pid))
    assert launcher.wait(20) == 0, site.output
    said = "\n".join(site.output)
    for step in ("READY", *STEPS):
        assert step in said
    assert not [pid for pid in family if alive(pid)]
    assert not (site.state / "run" / "demo").exists()


def test_demo_needs_a_trunk_on_loopback(make_site: Callable[[], Site]) -> None:
    """It plays the public itself: from a trunk that is elsewhere it could not."""
    site = make_site()
    site.config.write_text(site.text.replace(f'match = ["{site.trunk}"]', 'match = ["192.0.2.1"]'), encoding="utf-8")
    launcher = site.launch("--demo")
    assert launcher.wait(60) == 1
    assert "trunk.match" in site.output[-1]
