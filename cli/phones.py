"""``siaga phones``: what to enter in the desks' SIP phones."""

from __future__ import annotations

from ari_app.site.secrets import load
from cli.help import examples
from cli.language import tr
from cli.options import HERE, AsJson, State, new_group
from cli.output import print_json, print_table
from cli.place import settings_in_force, state_dir

app = new_group("Phones: what to enter in a desk's SIP phone.")


@app.command("list", epilog=examples("siaga phones list", "siaga phones list --json | jq -r '.[0].secret'"))
def list_(as_json: AsJson = False, state: State = HERE) -> None:
    """Show every desk's account: extension, user name, secret, and the server to register with.

    The secrets are passwords: show them to nobody but whoever sets the phones up.
    """
    place = state_dir(state)
    settings = settings_in_force(place)
    secrets = load(place, settings).desks
    phones = [
        {
            "extension": desk.extension,
            "username": desk.extension,
            "secret": secrets[desk.extension],
            "server": str(settings.asterisk.sip),
            "unit": desk.unit,
        }
        for desk in settings.desk
    ]
    if as_json:
        print_json(phones)
        return
    # Without the unit, a generated secret can be copied whole from a terminal of 80 columns.
    rows = [[phone[name] for name in ("extension", "username", "secret", "server")] for phone in phones]
    print_table(("Desk", "Username", "Secret", "Server"), rows, empty=tr("No desk is configured."))
