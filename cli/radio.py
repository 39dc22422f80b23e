"""``siaga radio``: the nets, what was said on them, and its recordings (SOP VII.d, VII.g)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ari_app.domain.facts import Json
from ari_app.domain.tapes import OPENED, TapeEvent, tape_event
from ari_app.domain.transmissions import KEYED, RELEASED, NetRow, Transmission, net_rows, transmissions
from ari_app.store.nets import net_records
from ari_app.store.radio import radio_records
from ari_app.store.reader import latest
from cli import candidates
from cli.asking import order
from cli.errors import Refused
from cli.help import examples
from cli.language import tr, word
from cli.options import HERE, AsJson, State, Yes, new_group
from cli.output import moment, pairs, print_done, print_json, print_line, print_table
from cli.place import settings_in_force, state_dir
from cli.stories import action, heard_by, openings
from cli.times import FORMS

app = new_group("Radio nets: how they stand, what was said on them, and its recordings.")

Net = Annotated[
    str | None, typer.Option("--net", metavar="NET", autocompletion=candidates.nets, help="Of one net only.")
]
Limit = Annotated[int, typer.Option("--limit", min=1, help="The last so many.")]


@app.command("nets", epilog=examples("siaga radio nets", "siaga radio nets --json"))
def nets(as_json: AsJson = False, state: State = HERE) -> None:
    """List the nets: whether the gateway is reached, who talks, and which desks are on it."""
    place = state_dir(state)
    known = net_rows(net_records(place.journal))
    rows: list[dict[str, Any]] = [
        {"name": radio.name, **asdict(known.get(radio.net) or NetRow(radio.net))}
        for radio in settings_in_force(place).radio
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("Net", "Name", "Gateway", "Since", "Talker", "Desks"),
        [
            (row["net"], row["name"], word(row["line"]), moment(row["since"]), row["talker"], " ".join(row["desks"]))
            for row in rows
        ],
        empty=tr("No radio net is configured."),
    )


@app.command("list", epilog=examples("siaga radio list --net 300 --limit 20", "siaga radio list --json"))
def list_(net: Net = None, limit: Limit = 50, as_json: AsJson = False, state: State = HERE) -> None:
    """List the transmissions, the latest first."""
    # Whoever was shown a recording was so after it had begun, and is among the records that are looked at.
    records = latest(state_dir(state).journal, (KEYED, RELEASED, OPENED))
    found = [each for each in transmissions(records) if net in {None, each.net}]
    shown = found[::-1][:limit]
    events: dict[str, list[TapeEvent]] = {}
    for event in map(tape_event, records):
        if event is not None:
            events.setdefault(event.name, []).append(event)
    opened = {each.id: openings(events.get(each.id, [])) for each in shown}
    if as_json:
        print_json([asdict(each) | {"opened": opened[each.id]} for each in shown])
        return
    rows = [
        (
            each.id,
            moment(each.began),
            each.net,
            each.desk or each.by,
            _seconds(each),
            word(each.reason) or tr("on the air"),
            heard_by(opened[each.id]),
        )
        for each in shown
    ]
    columns = ("Transmission", "Began", "Net", "Who", ">Seconds", "End", "Heard by")
    print_table(columns, rows, empty=tr("Nothing was transmitted."))


def _seconds(each: Transmission) -> str | None:
    return None if each.ms is None else f"{each.ms / 1000:.1f}"


@app.command("log", epilog=examples("siaga radio log --net 300"))
def log(net: Net = None, limit: Limit = 50, as_json: AsJson = False, state: State = HERE) -> None:
    """Print what happened on the nets, the latest last: who came, keyed and left, and the gateways' lines."""
    records = [each for each in radio_records(state_dir(state).journal) if net in {None, each.data.get("net")}]
    if as_json:
        print_json([action(record) | {"call": record.call} for record in records[-limit:]])
        return
    for record in records[-limit:]:
        print_line(f"{moment(record.at)} {record.action:<18} {record.actor:<15} {pairs(record.data)}")


@app.command("play-path", epilog=examples("siaga radio play-path 1738285323.12-1"))
def play_path(transmission: str, as_json: AsJson = False, state: State = HERE) -> None:
    """Print where a transmission's recording is, for a player. That you were shown it is in the journal before."""
    from cli.recordings import deletion, show_path  # noqa: PLC0415 - the nets' other commands need nothing of it

    place = state_dir(state)
    said = [each for each in transmissions(radio_records(place.journal)) if each.id == transmission]
    if not said:
        raise Refused(tr("there is no transmission {id}", id=transmission))
    path = place.transmissions / f"{transmission}.wav"
    if not path.exists():
        if (deleted := deletion(state, transmission)) is not None:
            raise Refused(
                tr("the recording of transmission {id} was deleted at {at} by {who}",
                   id=transmission, at=moment(deleted.at), who=deleted.actor)
            )  # fmt: skip
        raise Refused(tr("transmission {id} has no recording", id=transmission))
    show_path(state, path, call=said[-1].call, transmission=transmission, as_json=as_json)


@app.command("delete", epilog=examples("siaga radio delete --before 2024-07-01"))
def delete(
    before: Annotated[
        str, typer.Option("--before", metavar="TIME", help=f"Those of what was said before then ({FORMS}).")
    ],
    yes: Yes = False,
    as_json: AsJson = False,
    state: State = HERE,
) -> None:
    """Delete the recordings of what was said on the nets before a day; those of open complaints are kept.

    The journal has each of them before its file is removed. What an earlier run did not finish is finished.
    """
    from cli.recordings_delete import carry_out, delete_transmissions_before  # noqa: PLC0415 - as all that needs SQLAlchemy

    carry_out(delete_transmissions_before, before, yes=yes, as_json=as_json, state=state)


@app.command("say", epilog=examples("siaga radio say 300 'Semua unit ke Jalan Gatot Subroto'"))
def say(net: str, text: str, as_json: AsJson = False, state: State = HERE) -> None:
    """Have a sentence spoken on a net as soon as the floor is free, within a minute."""
    done = _order(state, "say", {"net": net, "text": text})
    print_done(done, tr("It is said on net {net} as soon as the floor is free.", net=net), as_json=as_json)


@app.command("patch", epilog=examples("siaga radio patch 1738285323.12 300"))
def patch(call: str, net: str, as_json: AsJson = False, state: State = HERE) -> None:
    """Bring a net into a call that an operator has, as *3NNN# does at the desk."""
    done = _order(state, "patch", {"call": call, "net": net})
    print_done(done, tr("Net {net} is being brought into call {call}.", net=net, call=call), as_json=as_json)


@app.command("unpatch", epilog=examples("siaga radio unpatch 1738285323.12"))
def unpatch(call: str, as_json: AsJson = False, state: State = HERE) -> None:
    """Bring the operator back to the caller, as *3# does at the desk."""
    done = _order(state, "unpatch", {"call": call})
    print_done(done, tr("The operator of call {call} goes back to the caller.", call=call), as_json=as_json)


def _order(state: Path, command: str, arguments: dict[str, Json]) -> Json:
    place = state_dir(state)
    return order(place, settings_in_force(place), f"radio.{command}", arguments)
