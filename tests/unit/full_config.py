"""Configurations with every key in them, and what is said of a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.site.settings import ConfigError, load_settings

FULL = """\
[site]
name = "Polda Uji"
timezone = "Asia/Jakarta"
region = "ID"
area_code = "61"
emergency_numbers = ["110"]

[asterisk]
sip = "127.0.0.1:5060"
http = "127.0.0.1:8088"
rtp = [10000, 14999]

[mqtt]
listen = "127.0.0.1:1883"

[database]
url = ""

[queue]
ring_seconds = 12
announce_seconds = 8
overflow_seconds = 30
wrapup_seconds = 15
dead_phone_seconds = 6
unheard_phone_seconds = 6

[prompts]
greeting = true

[transfer]
answer_seconds = 5

[block]
pranks = 5
window_days = 90
expire_days = 365
verification_max = 20

[emergency]
announce_net = "300"

[[trunk]]
name = "pstn"
match = ["127.0.0.2"]
contact = "sip:127.0.0.2:5060"
identity = "pai"

[[polres]]
code = "01"
name = "Polrestabes Uji"
latitude = 3.5
longitude = 98

[[desk]]
extension = "1001"
unit = "polda"
secret = "rahasia-1001"
login = true

[[desk]]
extension = "1002"

[[shift]]
name = "pagi"
from = "07:00"
to = "14:00"

[[radio]]
net = "300"
name = "Komando"
gateway = "sip:300@127.0.0.4:5060"
match = ["127.0.0.4"]
connect = "always"
ptt = "vox"
key_down = "*"
key_up = "#"
lead_in_ms = 300
operator_ptt = "key"
call_code = "*110"
attack_ms = 100
hang_ms = 400
talk_level = 256
timeout_seconds = 60
"""
"""Every key there is, in the order of the contract."""

CONTRACT = """\
[site]
name = "Polda Sumatera Utara"
timezone = "Asia/Jakarta"
region = "ID"                     # for national numbers
emergency_numbers = ["110"]

[asterisk]
sip = "127.0.0.1:5060"            # UDP and TCP
http = "127.0.0.1:8088"           # ARI, loopback
rtp = [10000, 14999]

[mqtt]
listen = "127.0.0.1:1883"         # own broker; or url = "mqtts://broker:8883"

[database]
url = ""                          # empty: SQLite under the state directory

[queue]
ring_seconds = 12
overflow_seconds = 30
wrapup_seconds = 15
dead_phone_seconds = 6

[transfer]
answer_seconds = 5                # SOP V.10

[block]
pranks = 5                        # SOP VIII

[[trunk]]
name = "pstn"
match = ["127.0.0.2"]             # only these addresses are the trunk
contact = "sip:127.0.0.2:5060"

[[polres]]
code = "01"
name = "Polrestabes Medan"

[[desk]]
extension = "1001"
unit = "polda"                    # or a Polres code
secret = "..."                    # left out: generated, kept under the state directory
login = true                      # false: staffed whenever its phone is registered

[[radio]]
net = "300"
name = "Komando"
gateway = "sip:300@127.0.0.4:5060"
ptt = "vox"                       # or "dtmf"
timeout_seconds = 60              # longest transmission
"""
"""As it stands in CONTRACT.md."""


def changed(old: str, new: str) -> str:
    """The full configuration with one place changed."""
    assert FULL.count(old) >= 1, old
    return FULL.replace(old, new, 1)


def refusal(path: Path) -> str:
    """What is said after the file's name; it is one line."""
    with pytest.raises(ConfigError) as refused:
        load_settings(path)
    said = str(refused.value)
    assert said.startswith(f"{path}: ")
    assert len(said.splitlines()) == 1
    return said.removeprefix(f"{path}: ")
