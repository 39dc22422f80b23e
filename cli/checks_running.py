"""Looks of ``siaga doctor`` at what runs beside Asterisk: guard, broker, publisher, tables; and the radio's lines."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cli.checks_journal import MUCH_BEHIND, head
from cli.findings import FAILED, OK, WARNING, Seen, some
from cli.language import localised, tr
from cli.output import counted, moment
from cli.processes import is_running

if TYPE_CHECKING:
    from ari_app.bus.broker import Broker
    from ari_app.site.settings import Settings
    from ari_app.site.state import StateDir

ANSWER_SECONDS: Final = 2.0
TOLD_SECONDS: Final = 0.5
"""Of a broker that does not answer in time its own check tells."""


def guard(state: StateDir, settings: Settings) -> Seen:
    """It gives callers whom no application serves to the desks."""
    del settings
    return _runs(state, "guard.py", tr("callers of a dead application wait for the next one"))


def publisher(state: StateDir, settings: Settings) -> Seen:
    """It tells the broker what the journal has. How far it is, the broker knows; where that is away, nobody does."""
    seen = _runs(state, "ari_app.publish", tr("`siaga watch` and wallboards stand still"))
    if seen[0] != OK:
        return seen
    end, told = head(state), _told_up_to(state, settings)
    if told is not None and (behind := end - told) >= MUCH_BEHIND:
        return WARNING, tr(
            "{number} records behind the journal: see {log}", number=behind, log=state.log / "publisher.log"
        )
    return seen


def tables(state: StateDir, settings: Settings) -> Seen:
    """It folds the journal into the tables."""
    del settings
    return _runs(state, "ari_app.tables", tr("each `siaga` listing has to catch up by itself"))


def _runs(state: StateDir, program: str, what: str) -> Seen:
    if is_running(program, state.root):
        return OK, tr("it runs")
    return FAILED, tr("it does not run: {what}; see scripts/run, or systemctl status 'siaga-*'", what=what)


def _told_up_to(state: StateDir, settings: Settings) -> int | None:
    """The number of the journal's last line that the broker has confirmed; None: it does not say."""
    import anyio  # noqa: PLC0415 - as below

    from ari_app.bus.broker import broker_of  # noqa: PLC0415
    from ari_app.site.secrets import load  # noqa: PLC0415

    return anyio.run(_last_told, broker_of(settings.mqtt, load(state, settings), "supervisor"))


async def _last_told(where: Broker) -> int | None:
    import anyio  # noqa: PLC0415
    from aiomqtt import MqttError  # noqa: PLC0415

    from ari_app.bus.broker import connect  # noqa: PLC0415
    from ari_app.bus.payloads import LastRecord  # noqa: PLC0415
    from ari_app.bus.topics import JOURNAL_LAST  # noqa: PLC0415

    with suppress(MqttError, OSError, ValueError), anyio.move_on_after(TOLD_SECONDS):
        async with connect(where, timeout=TOLD_SECONDS) as client:
            await client.subscribe(JOURNAL_LAST, qos=1)
            async for message in client.messages:
                return LastRecord.model_validate_json(message.payload).seq
    return None


def broker(state: StateDir, settings: Settings) -> Seen:
    """Whether it lets a supervisor in. Calls do not need it."""
    import anyio  # noqa: PLC0415 - half a second of imports, which the other checks need not wait for

    from ari_app.bus.broker import broker_of  # noqa: PLC0415
    from ari_app.site.secrets import load  # noqa: PLC0415

    where = broker_of(settings.mqtt, load(state, settings), "supervisor")
    trouble = anyio.run(_greet, where)
    if trouble is None:
        return OK, tr("answers at {place}", place=where)
    return FAILED, tr(
        "it does not answer at {place}: {reason}; calls go on, see {what}",
        place=where,
        reason=trouble,
        what="[mqtt]" if settings.mqtt.url else state.log / "mosquitto.log",
    )


async def _greet(where: Broker) -> str | None:
    import anyio  # noqa: PLC0415
    from aiomqtt import MqttError  # noqa: PLC0415

    from ari_app.bus.broker import connect  # noqa: PLC0415

    try:
        with anyio.fail_after(ANSWER_SECONDS):
            async with connect(where, timeout=ANSWER_SECONDS):
                return None
    except (MqttError, OSError) as error:  # of which the time that is up is one
        return localised(str(error)) or tr("no answer within {seconds} s", seconds=f"{ANSWER_SECONDS:g}")


def gateways(state: StateDir, settings: Settings) -> Seen:
    """The lines to the radio nets, as the journal has them."""
    from ari_app.domain.transmissions import NetRow, net_rows  # noqa: PLC0415
    from ari_app.store.nets import net_records  # noqa: PLC0415

    known = net_rows(net_records(state.journal))
    rows = [(radio, known.get(radio.net) or NetRow(radio.net)) for radio in settings.radio]
    down = [f"{radio.net} ({radio.gateway}, {moment(row.since)})" for radio, row in rows if row.line == "down"]
    if down:
        return FAILED, tr("lines that are down, look at the gateway and the network to it: {nets}", nets=some(down))
    unknown = [radio.net for radio, row in rows if row.line == "unknown" and radio.connect == "always"]
    if unknown:
        return WARNING, tr("lines of which nothing is known yet: {nets}; see `siaga radio nets`", nets=some(unknown))
    if not rows:
        return OK, tr("no radio net is configured")
    return OK, tr("{nets}, no line is down", nets=counted(len(rows), "net"))
