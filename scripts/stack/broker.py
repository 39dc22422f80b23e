"""Mosquitto's files: who may read and write what, and that nothing queued is lost."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ari_app.site.state import write_private
from scripts.stack import StackError
from scripts.stack.family import WITH_US

if TYPE_CHECKING:
    from ari_app.site.secrets import Secrets
    from ari_app.site.state import StateDir
    from ari_app.site.values import Address

_RIGHTS: Final = {
    "application": ("readwrite siaga110/#",),
    "supervisor": (
        *(
            f"read siaga110/{each}"
            for each in ("status/#", "alarms", "queue", "calls/#", "desks/#", "radio/#", "journal/#")
        ),
        "write siaga110/command/#",
        "readwrite siaga110/reply/supervisor/#",
    ),
    "wallboard": (
        "read siaga110/status",
        "read siaga110/status/publisher",
        "read siaga110/queue",
        "read siaga110/desks/#",
        "read siaga110/radio/#",
    ),
}
"""Roles of the contract. A wallboard hangs on a wall: it never sees a caller's number. Orders are for the application
alone to read: what another supervisor sends has the hash of an operator's PIN in it."""

_FLUSH_SECONDS: Final = 1
"""How often the broker writes what changed; it takes no less."""

_LONGEST_QUEUE: Final = 1_000_000
"""Messages kept for a client that is away. Mosquitto's own limit of 1000 loses a night's journal."""


def write(state: StateDir, listen: Address, secrets: Secrets, mosquitto_passwd: Path) -> Path:
    """Write the broker's files; returns its configuration.

    Raises:
        StackError: mosquitto_passwd does not work.
        StateError: a file cannot be written.
    """
    home = state.broker
    passwords, rights, config = home / "passwords", home / "rights", home / "mosquitto.conf"
    fresh = home / "passwords.new"  # until they are hashed; those of the start before stay whole
    write_private(fresh, "".join(f"{user}:{password}\n" for user, password in secrets.mqtt.items()))
    done = subprocess.run([*WITH_US, mosquitto_passwd, "-U", fresh], capture_output=True, text=True, check=False)
    if done.returncode:
        fresh.unlink(missing_ok=True)
        raise StackError(f"mosquitto_passwd failed: {done.stderr.strip() or done.returncode}")
    fresh.replace(passwords)
    write_private(
        rights,
        "\n".join(
            f"user {user}\n" + "".join(f"topic {right}\n" for right in rights) for user, rights in _RIGHTS.items()
        ),
    )
    write_private(
        config,
        f"listener {listen.port} {listen.host}\n"
        "allow_anonymous false\n"
        f"password_file {passwords}\nacl_file {rights}\n"
        # As root it would otherwise become another user, who may not read our files; it has no meaning for others.
        "user root\n"
        # Of itself Mosquitto writes everything that waits anew, each time: with the 20,000 messages of a client that is
        # away, a hundred more a second took two thirds of a processor (measured); the plugin writes what changes. What
        # it has not written when it is killed, at most a second, the publisher sends again (ari_app/bus/stream.py).
        f"global_plugin {_persistence(mosquitto_passwd)}\npersistence_location {home}/\n"
        f"plugin_opt_flush_period {_FLUSH_SECONDS}\n"
        f"max_queued_messages {_LONGEST_QUEUE}\nmax_inflight_messages 100\n"
        "persistent_client_expiration 30d\n"
        "log_dest stderr\nlog_type error\nlog_type warning\nlog_type notice\nconnection_messages false\n",
    )
    return config


def _persistence(mosquitto_passwd: Path) -> Path:
    """Mosquitto's plugin that keeps everything in an SQLite file.

    Raises:
        StackError: it is not installed.
    """
    tree = mosquitto_passwd.parents[1] / "debian"
    found = next(tree.glob("usr/lib/*/mosquitto/mosquitto_persist_sqlite.so"), None)
    if found is None:
        raise StackError(f"mosquitto_persist_sqlite.so is not installed below {tree}: run scripts/setup")
    return found
