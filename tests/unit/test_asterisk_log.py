"""What Asterisk writes down of the calls: read whatever became of it, and folded."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.asterisk_log import Event, Seen, endpoint, fold, parse
from tests.unit.two_witnesses import START, Played, Talk, both, calls, line, moment

REPO = Path(__file__).parents[2]


def seen(*lines: str) -> dict[str, Seen]:
    events = [parse(each) for each in lines]
    assert None not in events, lines
    return fold(event for event in events if event is not None)


def test_asterisk_writes_these_fields() -> None:
    """The order here is that of cel_custom.conf, and no number and no name of a caller is among them."""
    written = (REPO / "asterisk_conf" / "cel_custom.conf.j2").read_text(encoding="utf-8")
    assert "fields = eventtime,eventtype,uniqueid,channame,context,eventextra\n" in written
    # As it stood in the file of a real Asterisk.
    real = (
        "1795569438.530581\tBRIDGE_ENTER\t1795569438.0\tPJSIP/pstn-00000000\temergency\t"
        '"{""bridge_id"":""1795569438.0-bridge-fd31e7af"",""bridge_technology"":""simple_bridge""}"'
    )
    event = parse(real)
    assert event is not None
    assert event.at.isoformat() == "2026-11-25T01:17:18.530581+00:00"
    assert (event.kind, event.channel, event.name) == ("BRIDGE_ENTER", "1795569438.0", "PJSIP/pstn-00000000")
    assert (event.context, event.bridge) == ("emergency", "1795569438.0-bridge-fd31e7af")


def test_the_end_has_its_cause() -> None:
    event = parse(
        line(1, "HANGUP", "1.0", "PJSIP/pstn-0", extra='{"hangupcause":34,"hangupsource":"","dialstatus":""}')
    )
    assert event == Event(moment(1), "HANGUP", "1.0", "PJSIP/pstn-0", cause=34)


@given(st.text(max_size=120))
def test_whatever_stands_there_it_is_read_or_damaged(text: str) -> None:
    event = parse(text)
    assert event is None or event.channel


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_line_that_lacks_a_part_is_never_another_event(start: int, length: int) -> None:
    whole = line(1, "HANGUP", "1.0", "PJSIP/pstn-0", context="x", extra='{"hangupcause":16,"hangupsource":""}')
    part = parse(whole[:start] + whole[start + length :])
    assert part is None or part.kind == "HANGUP"


def test_endpoint() -> None:
    assert endpoint("PJSIP/1001-0000002a") == "1001"
    assert endpoint("PJSIP/pst-n-0000002a") == "pst-n"
    assert endpoint("strange") == ""


def test_who_heard_the_caller_and_for_how_long() -> None:
    call = Played("1738285200.0", 0, 20, (Talk("1001", 2, 5), Talk("2001", 8, 10)))
    found = seen(*both([call]).lines)["1738285200.0"]
    assert found.begun == [moment(0)]
    assert [end.at for end in found.ended] == [moment(20)]
    assert found.together["1001"].since == moment(2)
    assert found.together["1001"].lasted == timedelta(seconds=5)
    assert found.together["2001"].lasted == timedelta(seconds=10)
    assert found.in_fallback is None
    assert found.cut is None


def test_who_is_alone_in_a_bridge_hears_nobody() -> None:
    room = '{"bridge_id":"b","bridge_technology":"softmix"}'
    found = seen(
        line(0, "CHAN_START", "1.0", "PJSIP/pstn-0", context="from-trunk"),
        line(1, "BRIDGE_ENTER", "1.0", "PJSIP/pstn-0", extra=room),
        line(2, "BRIDGE_EXIT", "1.0", "PJSIP/pstn-0", extra=room),
        line(3, "BRIDGE_ENTER", "1.0-leg-a", "PJSIP/1001-0", extra=room),
    )
    assert found["1.0"].together == {}


def test_a_desks_own_call_is_none_to_110() -> None:
    assert seen(line(0, "CHAN_START", "1.0", "PJSIP/1001-0", context="from-desk")) == {}


def test_asterisk_started_anew_had_died_with_what_lived() -> None:
    found = seen(
        line(0, "CHAN_START", "1738285200.6", "PJSIP/pstn-0", context="from-trunk"),
        line(9, "ANSWER", "1738285200.6", "PJSIP/pstn-0", context="emergency"),
        line(20, "CHAN_START", "1738285220.0", "PJSIP/pstn-0", context="from-trunk"),
    )
    assert found["1738285200.6"].cut == START + timedelta(seconds=9)
    assert found["1738285220.0"].cut is None


def test_two_calls_of_the_same_moment_may_be_numbered_the_other_way() -> None:
    found = seen(
        line(0, "CHAN_START", "1738285200.7", "PJSIP/pstn-1", context="from-trunk"),
        line(0, "CHAN_START", "1738285200.6", "PJSIP/pstn-0", context="from-trunk"),
    )
    assert [each.cut for each in found.values()] == [None, None]


@given(calls)
def test_calls_beside_each_other_are_told_apart(played: tuple[Played, ...]) -> None:
    found = seen(*both(played).lines)
    assert found.keys() == {call.id for call in played}
    for call in played:
        assert found[call.id].together.keys() == {talk.desk for talk in call.talks}
        for talk in call.talks:
            lasted = found[call.id].together[talk.desk].lasted
            assert lasted.total_seconds() == pytest.approx(talk.lasts, abs=1e-3)
        assert (found[call.id].in_fallback is not None) == (call.outcome == "fallback")


def test_without_an_end_of_the_bridge_the_hang_up_ends_it() -> None:
    call = Played("1738285200.0", 0, 20, (Talk("1001", 2, 18),))
    lines = [each for each in both([call]).lines if "BRIDGE_EXIT" not in each]
    assert seen(*lines)["1738285200.0"].together["1001"].lasted == timedelta(seconds=18)
