"""Who is refused, on a real Asterisk."""

from __future__ import annotations

import pytest

from scripts.phones import Dialling, Phones
from scripts.stack.sample import HOST, loopback
from tests.asterisk.site import Site

pytestmark = pytest.mark.anyio

REFUSED = {401, 403, 404, 480, 484, 488, 603}


async def _is_refused(phones: Phones, dialling: Dialling, host: str | None = None) -> None:
    caller = await phones.call(dialling, host=host)
    result = await caller.result(seconds=40)
    assert result.ending == "refused", result
    assert result.code in REFUSED, result


async def test_only_the_trunks_address_is_the_trunk(site: Site, phones: Phones) -> None:
    """An INVITE to 110 from any other address gets no further than SIP."""
    after = site.head()
    await phones.desk(site.accounts[0])
    await _is_refused(phones, Dialling(), host=loopback(66))
    await _is_refused(phones, Dialling(number=site.accounts[0][0]), host=loopback(66))
    await _is_refused(phones, Dialling(number="pstn"), host=HOST)
    assert not [record for record in site.records(after=after) if record.action == "call.received"]


@pytest.mark.parametrize("password", ["", "salah", "1001"])
async def test_a_desk_needs_its_password(site: Site, phones: Phones, password: str) -> None:
    """A registration with a wrong password is refused, and nothing rings there."""
    desk = await phones.desk((site.accounts[0][0], password), wait=False)
    await desk.refused()
    assert not desk.events.all("registered")


async def test_unknown_extension_cannot_register(site: Site, phones: Phones) -> None:
    """Who is not in siaga.toml is not told why."""
    desk = await phones.desk(("9999", "apa-saja"), wait=False)
    await desk.refused()
    assert site.launcher is not None


@pytest.mark.parametrize(
    "dialled", ["999", "1001", "1002", "300", "*10", "201", "0215551234", "s", "h", "stasis-siaga110"]
)
async def test_the_trunk_reaches_110_only(site: Site, phones: Phones, dialled: str) -> None:
    """No desk, no net, no key code and no way out from the trunk's context."""
    after = site.head()
    desk = await phones.desk(site.accounts[0])
    await _is_refused(phones, Dialling(dialled=dialled))
    assert not desk.events.all("invited")
    assert not [record for record in site.records(after=after) if record.action == "call.received"]


async def test_ari_needs_its_password(site: Site) -> None:
    """ARI answers on loopback only, and to nobody without the password."""
    assert site.ari_raw("channels", None)[0] == 401
    assert site.ari_raw("channels", "salah")[0] == 401
    assert site.ari_raw("channels", "")[0] == 401
    assert site.ari_raw("channels", site.ari_password())[0] == 200


async def test_secrets_are_for_the_owner_only(site: Site) -> None:
    """What holds passwords is readable by nobody else."""
    for path in (
        site.state / "secrets.json",
        site.state / "siaga.toml",
        *(site.state / "asterisk" / "etc").glob("*.conf"),
    ):
        if path.is_dir() or ("secret" not in path.name and "rahasia" not in path.read_text(encoding="utf-8")):
            continue
        others = path.stat().st_mode & 0o077
        guarded = any(
            parent.stat().st_mode & 0o077 == 0 for parent in path.parents if parent.is_relative_to(site.state)
        )
        assert others == 0 or guarded, f"{path.name} is readable by others"
