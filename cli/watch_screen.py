"""What ``siaga watch`` shows: the whole floor on one screen, also one of 80 columns and 24 lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.console import Group
from rich.text import Text

from ari_app.bus.payloads import CallState, DeskState
from ari_app.bus.view import FloorView
from cli.language import localised, tr, word
from cli.output import counted, plain

_STATE, _SPAN = 13, 8
"""Columns of a desk's state, and of how long it has been so."""

_LEAST: Final = 3
"""Lines that waiting callers and calls have at least, however low the screen is."""

_STATES: Final = {
    "ready": "green",
    "ringing": "yellow",
    "talking": "cyan",
    "held": "magenta",
    "transferring": "magenta",
    "consulting": "magenta",
    "wrapup": "blue",
    "monitoring": "blue",
    "not_ready": "dim",
    "no_operator": "dim",
    "unregistered": "red",
}
_LONG_SECONDS: Final = 10
"""A caller who has waited so long is shown in red (SOP VI, Etiket 4)."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a screen is made of; ``trouble`` is why the link is lost, None: it is not."""

    site: str
    polres: Mapping[str, str]
    """Names by code."""
    view: FloorView | None
    trouble: str | None
    now: datetime
    width: int
    height: int


def screen(frame: Frame) -> Group:
    """The screen, at most as wide and as high as it says."""
    lines = [*_head(frame)]
    view = frame.view
    if view is None:
        return Group(*lines[: frame.height])
    waiting = [call for call in view.calls.values() if call.waiting_since is not None]
    waiting.sort(key=lambda call: _age(call.waiting_since, frame.now), reverse=True)
    others = [call for call in view.calls.values() if call.waiting_since is None]
    others.sort(key=lambda call: call.received_at)
    left = frame.height - len(lines) - 3  # three headings
    desk_lines, net_lines = _desk_lines(view, frame), _net_lines(view, frame)
    for_nets = min(len(net_lines), max(1, left // 5))
    left -= for_nets + bool(net_lines)
    for_desks = min(len(desk_lines), max(left - 2 * _LEAST, left // 3))
    for_waiting = min(max(1, len(waiting)), max(_LEAST, (left - for_desks) // 2))
    for_calls = max(_LEAST, left - for_desks - for_waiting)
    parts = [
        *lines,
        _rule(tr("Waiting ({number})", number=len(waiting)), frame.width),
        *_listed([_waiting_line(call, frame) for call in waiting], for_waiting, tr("nobody")),
        _rule(tr("Calls ({number})", number=len(others)), frame.width),
        *_listed([_call_line(call, frame) for call in others], for_calls, tr("none")),
        _rule(tr("Desks ({number})", number=len(view.desks)), frame.width),
        *_listed(desk_lines, for_desks, tr("none")),
        *([_rule(tr("Radio ({number})", number=len(view.nets)), frame.width)] if net_lines else ()),
        *(_listed(net_lines, for_nets, "") if net_lines else ()),
    ]
    return Group(*parts[: frame.height])


def _head(frame: Frame) -> Iterable[Text]:
    """Who, when, today's figures, and whatever is wrong."""
    clock = f"{frame.now:%H:%M:%S}"
    yield Text(f"{_cut(frame.site, frame.width - len(clock) - 2):<{frame.width - len(clock)}}{clock}", style="bold")
    if frame.view is None and not frame.trouble:
        yield Text(tr("Connecting to the broker"), style="dim")
    for text in _wrong(frame):
        yield Text(_cut(text, frame.width), style="bold white on red")
    view = frame.view
    if view is not None and view.queue is not None:
        today = view.queue.today
        share = f" ({100 * today.answered_within_10s // today.answered} %)" if today.answered else ""
        said = tr(
            "Today: {calls}, {answered} answered, {quickly} within 10 s, {abandoned} abandoned. {desks} ready.",
            calls=counted(today.received, "call"),
            answered=today.answered,
            quickly=f"{today.answered_within_10s}{share}",
            abandoned=today.abandoned,
            desks=counted(view.queue.ready_desks, "desk"),
        )
        yield Text(_cut(said, frame.width))


def _wrong(frame: Frame) -> Iterable[str]:
    view = frame.view
    if view is None and not frame.trouble:
        return
    if frame.trouble is not None:
        reason = f": {plain(localised(frame.trouble))}" if frame.trouble else ""
        lost = tr("LINK LOST, what is shown is old") if view is not None else tr("NO LINK to the broker")
        yield f"{lost}{reason}"
        return
    if view is None:
        return
    if view.publisher is None or view.publisher.state != "online":
        yield tr("STANDS STILL, what is shown is old: nobody publishes, see `siaga doctor`")
    if view.application is None or view.application.state != "online":
        yield tr("THE APPLICATION IS NOT THERE: 110 rings every desk; calls without it are not shown")
    for alarm in view.alarms:
        yield tr("ALARM {name}: {text}", name=plain(alarm.name), text=plain(localised(alarm.text)))
    if view.unread:
        yield tr("This siaga is older than what runs: some of it cannot be shown")


def _waiting_line(call: CallState, frame: Frame) -> Text:
    age = _age(call.waiting_since, frame.now)
    line = Text()
    line.append(f"{_span(age):>8}  ", style="bold red" if age >= _LONG_SECONDS else "yellow")
    line.append(_caller(call))
    rings = call.state == "ringing" and call.desk
    where = tr("rings at {desk}", desk=call.desk) if rings else str(word(call.state))
    line.append(f"{plain(word(call.priority) or ''):<13}{plain(where)}")
    return _with_emergency(line, call, frame.width)


def _call_line(call: CallState, frame: Frame) -> Text:
    line = Text()
    line.append(f"{_span(_age(call.since, frame.now)):>8}  ")
    line.append(_caller(call))
    line.append(f"{plain(str(word(call.state))):<13}", style=_STATES.get(call.state, ""))
    line.append(f"{plain(call.desk or '-'):<6}{plain(word(call.kind) or '-'):<10}")
    if call.polres is not None:
        line.append(plain(f"{call.polres} {frame.polres.get(call.polres, '')}"))
    return _with_emergency(line, call, frame.width)


def _with_emergency(line: Text, call: CallState, width: int) -> Text:
    mark = f" {tr('EMERGENCY')}"
    room = width - (len(mark) if call.emergency else 0)
    line.truncate(room, overflow="ellipsis")
    if call.emergency:
        line.append(mark, style="bold red")
    return line


def _desk_lines(view: FloorView, frame: Frame) -> list[Text]:
    """The desks side by side, in the order of their extensions."""
    name = 1 + max((len(plain(each)) for each in view.desks), default=0)
    columns = max(1, frame.width // (name + _STATE + _SPAN))
    cells = [_desk_cell(desk, name, frame) for _, desk in sorted(view.desks.items())]
    rows = -(-len(cells) // columns)
    lines = [Text.assemble(*cells[row::rows]) for row in range(rows)]
    for line in lines:
        line.truncate(frame.width)
    return lines


def _net_lines(view: FloorView, frame: Frame) -> list[Text]:
    """The radio nets, in the order of their numbers: who transmits, since when, and which desks are there."""
    lines = []
    for _, net in sorted(view.nets.items()):
        who = tr("desk {desk}", desk=net.desk) if net.floor == "desk" else str(word(net.floor))
        is_down = net.line == "down"
        line = Text(f"{_cut(plain(f'{net.net} {net.name}'), 22):<24}")
        line.append(
            f"{plain(tr('gateway down') if is_down else who):<14}",
            style="bold red" if is_down else "" if net.floor == "idle" else "yellow",
        )
        since = net.line_since if is_down else net.floor_since
        line.append(f"{_span(_age(since, frame.now)) if since else '':<{_SPAN + 1}}{plain(' '.join(net.desks))}")
        line.truncate(frame.width, overflow="ellipsis")
        lines.append(line)
    return lines


def _desk_cell(desk: DeskState, name: int, frame: Frame) -> Text:
    state = desk.reason if desk.state == "not_ready" and desk.reason else desk.state
    if desk.call is None and desk.colleague is not None:
        state = f"-> {desk.colleague}"
    span = _span(_age(desk.since, frame.now)) if desk.since else ""
    cell = Text(f"{plain(desk.extension):<{name}}")
    cell.append(f"{_cut(plain(str(word(state))), _STATE - 1):<{_STATE}}", style=_STATES.get(desk.state, ""))
    cell.append(f"{span:<{_SPAN}}")
    return cell


def _caller(call: CallState) -> str:
    return f"{_cut(plain(call.caller or tr('withheld')), 16):<17}"


def _listed(lines: Sequence[Text], room: int, empty: str) -> Iterable[Text]:
    """As many as there is room for; what is left out is said."""
    if not lines:
        yield Text(f"  {empty}", style="dim")
        return
    if len(lines) <= room:
        yield from lines
        return
    yield from lines[: max(0, room - 1)]
    yield Text(f"  {tr('and {number} more', number=len(lines) - max(0, room - 1))}", style="dim")


def _rule(title: str, width: int) -> Text:
    return Text(f"── {title} ".ljust(width, "─"), style="bold")


def _age(since: str | None, now: datetime) -> float:
    """Seconds since a moment, 0 for one that is still to come, or damaged."""
    try:
        return max(0.0, (now - datetime.fromisoformat(since or "")).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _span(seconds: float) -> str:
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
