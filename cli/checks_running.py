"""Looks of ``siaga doctor`` at what runs beside Asterisk: guard, broker, publisher, tables; and the radio's lines."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cli.checks_journal import MUCH_BEHIND, head
from cli.findings import FAILED, OK, WARNING, Seen, not_running, some
from cli.language import localised, tr
from cli.output import counted, moment
from cli.processes import is_running, log_of

if TYPE_CHECKING:
    from ari_app.bus.broker import Broker, BusClient
    from ari_app.site.settings import Settings
    from ari_app.site.state import StateDir

ANSWER_SECONDS: Final = 2.0


def guard(state: StateDir, settings: Settings) -> Seen:
    """It gives callers whom no application serves to the desks."""
    del settings
    return _runs(state, "guard.py", tr("callers of a dead application wait for the next one"))


def tables(state: StateDir, settings: Settings) -> Seen:
    """It folds the journal into the tables, and keeps recordings from the disk's last space."""
    del settings
    return _runs(
        state, "ari_app.tables", tr("each `siaga` listing has to catch up by itself, and recordings may fill the disk")
    )


def _runs(state: StateDir, program: str, what: str) -> Seen:
    if is_running(program, state.root):
        return OK, tr("it runs")
    return not_running(what)


class AskedBroker:
    """The broker is asked for everything on one connection, when the first look needs it."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self._answer: tuple[str | None, int | None] | None = None

    def answers(self, state: StateDir, settings: Settings) -> Seen:
        """Whether it lets a supervisor in. Calls do not need it."""
        where, (trouble, _) = self._ask(state, settings)
        if trouble is None:
            return OK, tr("answers at {place}", place=where)
        return FAILED, tr(
            "it does not answer at {place}: {reason}; calls go on, see {what}",
            place=where,
            reason=trouble,
            what="[mqtt]" if settings.mqtt.url else log_of(state, "mosquitto"),
        )

    def publisher(self, state: StateDir, settings: Settings) -> Seen:
        """It tells the broker what the journal has. How far it is, the broker knows; where that is away, nobody."""
        seen = _runs(state, "ari_app.publish", tr("`siaga watch` and wallboards stand still"))
        if seen[0] != OK:
            return seen
        _, (_, told) = self._ask(state, settings)
        if told is not None and (behind := head(state) - told) >= MUCH_BEHIND:
            return WARNING, tr(
                "{number} records behind the journal: see {log}", number=behind, log=log_of(state, "publisher")
            )
        return seen

    def _ask(self, state: StateDir, settings: Settings) -> tuple[Broker, tuple[str | None, int | None]]:
        """Where it is; what is wrong with it, and the last of the journal's lines that it has confirmed."""
        import anyio  # noqa: PLC0415 - half a second of imports, which the other checks need not wait for

        from ari_app.bus.broker import broker_of  # noqa: PLC0415
        from ari_app.site.secrets import load  # noqa: PLC0415

        where = broker_of(settings.mqtt, load(state, settings), "supervisor")
        if self._answer is None:
            self._answer = anyio.run(_greet, where)
        return where, self._answer


async def _greet(where: Broker) -> tuple[str | None, int | None]:
    import anyio  # noqa: PLC0415
    from aiomqtt import MqttError  # noqa: PLC0415

    from ari_app.bus.broker import connect  # noqa: PLC0415

    told: int | None = None
    try:
        with anyio.fail_after(ANSWER_SECONDS) as limit:
            async with connect(where, timeout=ANSWER_SECONDS) as client:
                limit.deadline += ANSWER_SECONDS
                with anyio.move_on_after(ANSWER_SECONDS / 2):
                    told = await _last_told(client)
    except (MqttError, OSError) as error:  # of which the time that is up is one
        return localised(str(error)) or tr("no answer within {seconds} s", seconds=f"{ANSWER_SECONDS:g}"), told
    return None, told


async def _last_told(client: BusClient) -> int | None:
    """The journal's last line that the broker was told; 0: it was told none, as what it keeps comes before our word."""
    import secrets  # noqa: PLC0415

    from ari_app.bus.payloads import LastRecord  # noqa: PLC0415
    from ari_app.bus.topics import JOURNAL_LAST, REPLIES  # noqa: PLC0415

    echo = f"{REPLIES}supervisor/{secrets.token_hex(8)}"
    await client.subscribe([(JOURNAL_LAST, 1), (echo, 1)])
    await client.publish(echo, b"", qos=1)
    async for message in client.messages:
        if message.topic.value == echo:
            return 0
        with suppress(ValueError):
            return LastRecord.model_validate_json(message.payload).seq
    return None


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
