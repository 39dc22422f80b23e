"""What the tests of radio nets share: an instance with two nets, its gateway, and ears (SOP VII.d)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ari_app.domain.facts import Record
from scripts.phones import Audio, HandsetCall, Phones, tones
from tests.asterisk.site import Site, eventually
from tests.asterisk.talk import CALLER_HZ, first_heard, moment

OFFICER_HZ, FIRST_HZ, SECOND_HZ = 520, 660, 880
EVERY_HZ = (OFFICER_HZ, FIRST_HZ, SECOND_HZ, CALLER_HZ)
VOX, DTMF, BY_VOICE, ANNOUNCED, ON_DEMAND = "300", "301", "302", "303", "304"
PAUSE_AFTER_KEY = 0.06
"""Our phones are silent for so long after a key is released, before ``press`` returns."""

NETS = """connect = "always"
timeout_seconds = {longest}

[[radio]]
net = "301"
name = "Lantas"
gateway = "sip:301@{gateway}:5070"
ptt = "dtmf"
key_down = "A"
key_up = "B"
timeout_seconds = {longest}

[[radio]]
net = "302"
name = "Sabhara"
gateway = "sip:302@{gateway}:5070"
operator_ptt = "vox"
call_code = "*110"
timeout_seconds = {longest}

[[radio]]
net = "303"
name = "Siaga"
gateway = "sip:303@{gateway}:5070"
timeout_seconds = 30

[[radio]]
net = "304"
name = "Cadangan"
gateway = "sip:304@{gateway}:5070"
connect = "on_demand"

[emergency]
announce_net = "303"
"""

LONGEST = 3
"""The longest transmission on the nets that say nothing else, in seconds."""


class RadioSite(Site):
    """An instance with a net for each way of keying; transmissions last ``longest`` seconds at most."""

    def __init__(self, home: Path, *, longest: int = LONGEST) -> None:
        super().__init__(home, polres=1)
        nets = NETS.format(gateway=self.sample.gateway, longest=longest)
        self.text = self.text.replace('connect = "on_demand"\n', nets)
        self.config.write_text(self.text, encoding="utf-8")

    def radio(self, after: int) -> list[Record]:
        """The transmissions' facts since a record."""
        return [record for record in self.records(after=after) if record.action in {"radio.keyed", "radio.released"}]

    async def released(self, after: int, reason: str) -> Record:
        """The end of a transmission, and that it is the only one."""
        await eventually(lambda: len(self.radio(after)) == 2, seconds=5, what=f"a transmission; {self.radio(after)}")
        keyed, released = self.radio(after)
        assert (keyed.action, released.action) == ("radio.keyed", "radio.released")
        assert keyed.data["transmission"] == released.data["transmission"]
        assert released.data["reason"] == reason, released.data
        return released


async def on_net(site: Site, phones: Phones, desk: int, hz: float, net: str = VOX) -> HandsetCall:
    """A desk has dialled a net; its operator talks all the time, in a tone."""
    after = site.head()
    handset = await phones.handset(site.accounts[desk], hz=hz)
    call = await handset.dial(net)
    await call.answered()
    await eventually(
        lambda: [each for each in site.records(after=after) if each.action == "radio.joined"],
        seconds=3, what="joined the net",
    )  # fmt: skip
    return call


async def silent(audio: Audio, *, seconds: float = 0.5) -> bool:
    """Whether nothing is heard for so long."""
    since = moment()
    await asyncio.sleep(seconds)
    return tones.loudness(audio.samples_since(since)) < 50


async def hears_only(audio: Audio, *wanted: int, seconds: float = 0.5) -> bool:
    """Whether these tones, and nothing else, are heard for so long, from about now on.

    Each packet is judged by itself: where a busy machine has lost one, the tone jumps within the next, and that one may
    sound like anything. Somebody else would be heard in all of them.
    """
    for hz in wanted:
        await audio.wait_to_hear(hz, for_seconds=0.1, since=moment())
    since = moment()
    await asyncio.sleep(seconds)
    packets = [tones.decode(packet.payload) for packet in audio.packets if packet.at >= since]
    loud = [samples for samples in packets if tones.loudness(samples) >= 200]
    clear = [samples for samples in loud if sum(tones.share(samples, hz) for hz in wanted) > 0.8]
    others = [any(tones.share(samples, hz) > 0.3 for hz in set(EVERY_HZ) - set(wanted)) for samples in loud]
    return len(clear) > len(packets) * 0.8 and sum(others) <= len(packets) * 0.1


async def key(call: HandsetCall, audio: Audio, hz: int) -> float:
    """Press 5 and wait until the gateway hears the operator; seconds from the key's release to that."""
    await call.press("5")
    released = moment() - PAUSE_AFTER_KEY
    await audio.wait_to_hear(hz, for_seconds=0.1, since=released)
    heard = first_heard(audio, hz, released)
    assert heard is not None
    return heard - released
