"""The times of day, as one greets (SOP VI "Salam Pembuka")."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.daytime import greeting, time_of_day


@pytest.mark.parametrize(
    ("clock", "name"),
    [
        ("00:00", "malam"), ("03:59", "malam"), ("04:00", "pagi"), ("10:59", "pagi"), ("11:00", "siang"),
        ("14:59", "siang"), ("15:00", "sore"), ("17:59", "sore"), ("18:00", "malam"), ("23:59", "malam"),
    ],
)  # fmt: skip
def test_where_each_begins_and_ends(clock: str, name: str) -> None:
    moment = datetime.fromisoformat(f"2026-11-24T{clock}:00+07:00")
    assert time_of_day(moment) == name
    assert greeting(moment) == f"salam-pembuka-{name}"


@given(st.datetimes(timezones=st.just(UTC)))
def test_it_goes_by_the_clock_of_the_site(moment: datetime) -> None:
    """The same moment is another time of day elsewhere; only the hour counts."""
    there = moment.replace(year=2024).astimezone(timezone(timedelta(hours=7)))
    assert time_of_day(there) == time_of_day(there.replace(minute=0, second=0, microsecond=0))
    assert time_of_day(there) in {"pagi", "siang", "sore", "malam"}
