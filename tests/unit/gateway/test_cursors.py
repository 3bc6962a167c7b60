"""Where a list continues."""

import random
import zlib
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import cursors
from gateway.parameters import CURSOR_LENGTH_MAX
from gateway.routers.readings import FOLLOWED_MAX
from weir.errors import RequestError
from weir.model.serial import SERIAL_PATTERN
from weir.postgres.queries.dead_letters import DEAD_LETTER_ID_MAX
from weir.postgres.queries.lanes import LAST_INSTANT, Lane, Position, lanes_of

SERIES_ID_MAX = 2**31 - 1
NOW = datetime(2026, 3, 14, 15, 9, 26, 535_897, UTC)

instants = st.datetimes(timezones=st.just(UTC))
lanes = st.builds(Lane, st.integers(0, SERIES_ID_MAX), st.booleans())
positions = st.builds(Position, instants, lanes)
DECODERS = [
    cursors.decode_serial,
    cursors.decode_number,
    cursors.decode_page,
    cursors.decode_view,
]


@given(st.from_regex(SERIAL_PATTERN, fullmatch=True))
def test_a_serial_comes_back(serial: str) -> None:
    assert serial == cursors.decode_serial(cursors.encode_serial(serial))


@given(st.integers(0, DEAD_LETTER_ID_MAX))
def test_a_number_comes_back(number: int) -> None:
    assert number == cursors.decode_number(cursors.encode_number(number))


@given(instants, positions)
def test_a_page_comes_back(until: datetime, position: Position) -> None:
    assert (until, position) == cursors.decode_page(cursors.encode_page(until, position))


def test_the_page_of_a_window_without_end_comes_back() -> None:
    position = Position(NOW, Lane(7, is_text=True))

    assert (LAST_INSTANT, position) == cursors.decode_page(
        cursors.encode_page(LAST_INSTANT, position)
    )


@given(st.dictionaries(lanes, instants))
def test_a_live_view_comes_back(seen: dict[Lane, datetime]) -> None:
    assert seen == cursors.decode_view(cursors.encode_view(seen))


def test_the_live_view_of_as_many_fields_as_are_followed_fits_in_its_parameter() -> None:
    rng = random.Random(7)
    series_ids = rng.sample(range(SERIES_ID_MAX), FOLLOWED_MAX)
    seen = {
        lane: NOW - timedelta(microseconds=rng.randrange(10**13)) for lane in lanes_of(series_ids)
    }
    token = cursors.encode_view(seen)

    assert len(token) <= CURSOR_LENGTH_MAX
    assert seen == cursors.decode_view(token)


@pytest.mark.parametrize("decode", DECODERS)
@given(text=st.text(max_size=60))
def test_any_text_is_decoded_or_refused(decode: type, text: str) -> None:
    try:
        decode(text)
    except RequestError:
        return


@pytest.mark.parametrize("decode", DECODERS)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=5),
        max_leaves=20,
    )
)
def test_any_token_is_decoded_or_refused(decode: type, value: object) -> None:
    try:
        decode(cursors._encode(value))
    except RequestError:
        return


@pytest.mark.parametrize("decode", DECODERS)
def test_a_token_that_unpacks_to_a_flood_is_refused(decode: type) -> None:
    token = urlsafe_b64encode(zlib.compress(b" " * 50_000_000, wbits=-15)).decode()

    with pytest.raises(RequestError):
        decode(token)


@pytest.mark.parametrize("decode", DECODERS)
def test_a_deep_token_is_refused(decode: type) -> None:
    token = urlsafe_b64encode(zlib.compress(b"[" * 5_000, wbits=-15)).decode()

    with pytest.raises(RequestError):
        decode(token)
