"""Scalars: what compiled operations leave to the encoder is written as graphql-core would have it."""

from datetime import UTC, date, timedelta, timezone

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schema.scalars import scalar_map

# Offsets in whole minutes, as all are today.
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(timezones=st.none() | st.just(UTC) | OFFSETS)


@given(MOMENTS | st.dates())
def test_days_and_moments_are_written_alike(moment: date) -> None:
    serialize = scalar_map()[type(moment)].serialize
    assert serialize is not None
    assert orjson.loads(orjson.dumps(moment)) == serialize(moment)
