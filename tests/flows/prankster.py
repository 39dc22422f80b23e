"""A caller whose number is blocked, and what is done with them."""

from __future__ import annotations

import anyio

from tests.flows.floor import Floor
from tests.flows.scenes import in_talk

RAW, PRANKSTER, OTHER = "081234567890", "+6281234567890", "0614567890"
ANNOUNCEMENT, LATER = "nomor-blokir-pengumuman", "hubungi-lagi-nanti"


async def prank(here: Floor, desk: str = "1001") -> str:
    """Somebody calls, and the operator marks it as a prank."""
    call = await in_talk(here, desk)
    here.asterisk.press(desk, "*7")
    await here.ended(call)
    return call


async def claimed(here: Floor) -> str:
    """A blocked caller waits, and has said that it is an emergency."""
    call = here.asterisk.call()
    await anyio.sleep(2)
    here.asterisk.caller_presses(call, "9")
    await anyio.sleep(0.5)
    return call


async def lose_operator(here: Floor, call: str, desk: str = "1001") -> None:
    """The operator's phone dies in the talk, and the caller waits again."""
    here.asterisk.phone_dies(desk)
    here.asterisk.unregister(desk)
    await here.until(lambda: "call.requeued" in here.told(call))
    await anyio.sleep(1)


async def restart(here: Floor, *, knows_blocks: bool = True) -> None:
    """The application is killed, and a new one is there a moment later."""
    here.kill()
    await anyio.sleep(0.3)
    await here.start(knows_blocks=knows_blocks)
    await anyio.sleep(1)
