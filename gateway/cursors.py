"""Where a list continues, as an opaque token that clients hand back unread.

A token is base64url of deflated JSON. Nothing in it is trusted: it can only move the reader to
another place in what the reader may see anyhow.
"""

import json
import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, NamedTuple, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from weir.clock import from_us, to_us
from weir.errors import RequestError
from weir.model.account import USER_NAME_PATTERN
from weir.model.query import BucketQuestion, Resolution
from weir.model.serial import is_serial
from weir.postgres.queries.buckets import BucketPosition
from weir.postgres.queries.dead_letters import DEAD_LETTER_ID_MAX
from weir.postgres.queries.events import EventPosition
from weir.postgres.queries.lanes import Lane, Position
from weir.postgres.queries.locations import LocationPosition
from weir.postgres.queries.logs import LogPosition
from weir.postgres.queries.rollup_verification import Place

T = TypeVar("T")


class BucketPage(NamedTuple):
    """Where a page of buckets continues: in which question, and behind which bucket."""

    since: datetime
    until: datetime
    resolution: Resolution
    position: BucketPosition


_STRICT = ConfigDict(strict=True)
#: PostgreSQL's integer.
_Id = Annotated[int, Field(ge=0, lt=2**31)]
_SERIAL = TypeAdapter(str, config=_STRICT)
_NAME = TypeAdapter(str, config=_STRICT)
_USER_NAME = re.compile(USER_NAME_PATTERN)
_NUMBER = TypeAdapter(int, config=_STRICT)
#: The dead letter that was reached, and the last one to reach.
_ROUND = TypeAdapter(tuple[int, int])
#: until, observed_at (microseconds since 1970), series, whether it is a text.
_PAGE = TypeAdapter(tuple[int, int, int, bool])
#: until, observed_at (microseconds since 1970), device, type, digest (hexadecimal).
_EVENT_PAGE = TypeAdapter(tuple[int, int, _Id, str, str])
#: PostgreSQL's bigint.
_Position = Annotated[int, Field(ge=0, lt=2**63)]
#: until, placed_at (microseconds since 1970), position.
_LOG_PAGE = TypeAdapter(tuple[int, int, _Position])
#: The position up to which everything was given. A list, so that it is no number of other lists.
_LOG_TAIL = TypeAdapter(tuple[_Position])
#: until, observed_at (microseconds since 1970), device.
_LOCATION_PAGE = TypeAdapter(tuple[int, int, _Id])
#: since, until, resolution, start of the bucket (microseconds since 1970), series.
_BUCKET_PAGE = TypeAdapter(tuple[int, int, Resolution, int, _Id])
#: since, until, series, how far it is verified, its newest bucket that differs (microseconds since
#: 1970).
_VERIFICATION = TypeAdapter(tuple[int, int, _Id, int, int | None])
#: The newest instant; then, for each lane that was seen, how far its series is from the one before,
#: whether it is a text, and how many microseconds it is behind the newest. All are small numbers,
#: which keeps the token of a device with many fields short.
_VIEW = TypeAdapter(tuple[int, list[tuple[int, bool, int]]])
#: No honest token is longer when it is unpacked.
_UNPACKED_BYTES_MAX = 64 * 1024
#: Deflate without header and checksum: the shape is checked anyhow.
_RAW_DEFLATE = -zlib.MAX_WBITS


def encode_serial(serial: str) -> str:
    """Continue a list of devices behind this one."""
    return _encode(serial)


def decode_serial(token: str) -> str:
    """Read back `encode_serial`.

    Raises:
        RequestError: not such a token.
    """
    serial = _decode(token, _SERIAL)
    if not is_serial(serial):
        raise _refusal()
    return serial


def encode_user(name: str) -> str:
    """Continue a list of users behind this one."""
    return _encode(name)


def decode_user(token: str) -> str:
    """Read back `encode_user`.

    Raises:
        RequestError: not such a token.
    """
    name = _decode(token, _NAME)
    if not _USER_NAME.fullmatch(name):
        raise _refusal()
    return name


def encode_number(number: int) -> str:
    """Continue a list of dead letters below this number."""
    return _encode(number)


def decode_number(token: str) -> int:
    """Read back `encode_number`.

    Raises:
        RequestError: not such a token.
    """
    number = _decode(token, _NUMBER)
    if not 0 <= number <= DEAD_LETTER_ID_MAX:
        raise _refusal()
    return number


def encode_round(reached_id: int, last_id: int) -> str:
    """Continue settling dead letters behind a number, up to the last one of the first round."""
    return _encode([reached_id, last_id])


def decode_round(token: str) -> tuple[int, int]:
    """Read back `encode_round`.

    Raises:
        RequestError: not such a token.
    """
    reached_id, last_id = _decode(token, _ROUND)
    if not 0 <= reached_id <= last_id <= DEAD_LETTER_ID_MAX:
        raise _refusal()
    return reached_id, last_id


def encode_page(until: datetime, position: Position) -> str:
    """Continue a page of readings: its window's end, and the last reading that was given."""
    observed_at, lane = position
    return _encode([to_us(until), to_us(observed_at), lane.series_id, lane.is_text])


def decode_page(token: str) -> tuple[datetime, Position]:
    """Read back `encode_page`.

    Raises:
        RequestError: not such a token.
    """
    until_us, observed_us, series_id, is_text = _decode(token, _PAGE)
    return _instant(until_us), Position(_instant(observed_us), Lane(series_id, is_text))


def encode_event_page(until: datetime, position: EventPosition) -> str:
    """Continue a page of device events: its window's end, and the last event that was given."""
    observed_at, device_id, type_, digest = position
    return _encode([to_us(until), to_us(observed_at), device_id, type_, digest.hex()])


def decode_event_page(token: str) -> tuple[datetime, EventPosition]:
    """Read back `encode_event_page`.

    Raises:
        RequestError: not such a token.
    """
    until_us, observed_us, device_id, type_, digest = _decode(token, _EVENT_PAGE)
    try:
        position = EventPosition(_instant(observed_us), device_id, type_, bytes.fromhex(digest))
    except ValueError as error:
        raise _refusal() from error
    if "\0" in type_:
        # PostgreSQL has no such text.
        raise _refusal()
    return _instant(until_us), position


def encode_log_page(until: datetime, place: LogPosition) -> str:
    """Continue a page of log lines: its window's end, and the last line that was given."""
    return _encode([to_us(until), to_us(place.placed_at), place.position])


def decode_log_page(token: str) -> tuple[datetime, LogPosition]:
    """Read back `encode_log_page`.

    Raises:
        RequestError: not such a token.
    """
    until_us, placed_us, position = _decode(token, _LOG_PAGE)
    return _instant(until_us), LogPosition(_instant(placed_us), position)


def encode_log_tail(position: int) -> str:
    """Continue a live view of log lines behind this position."""
    return _encode([position])


def decode_log_tail(token: str) -> int:
    """Read back `encode_log_tail`.

    Raises:
        RequestError: not such a token.
    """
    return _decode(token, _LOG_TAIL)[0]


def encode_location_page(until: datetime, position: LocationPosition) -> str:
    """Continue a page of locations: its window's end, and the last location that was given."""
    observed_at, device_id = position
    return _encode([to_us(until), to_us(observed_at), device_id])


def decode_location_page(token: str) -> tuple[datetime, LocationPosition]:
    """Read back `encode_location_page`.

    Raises:
        RequestError: not such a token.
    """
    until_us, observed_us, device_id = _decode(token, _LOCATION_PAGE)
    return _instant(until_us), LocationPosition(_instant(observed_us), device_id)


def encode_bucket_page(question: BucketQuestion, position: BucketPosition) -> str:
    """Continue a page of buckets: its question's range and resolution, and the last bucket."""
    since_us, until_us = to_us(question.since), to_us(question.until)
    return _encode([since_us, until_us, question.resolution, *position])


def is_bucket_page(token: str) -> bool:
    """Whether a token is one of `encode_bucket_page`."""
    try:
        decode_bucket_page(token)
    except RequestError:
        return False
    return True


def decode_bucket_page(token: str) -> BucketPage:
    """Read back `encode_bucket_page`.

    Raises:
        RequestError: not such a token.
    """
    since_us, until_us, resolution, start_us, series_id = _decode(token, _BUCKET_PAGE)
    if resolution in {Resolution.RAW, Resolution.AUTO}:
        raise _refusal()
    position = BucketPosition(to_us(_instant(start_us)), series_id)
    return BucketPage(_instant(since_us), _instant(until_us), resolution, position)


def encode_verification(since: datetime, until: datetime, place: Place) -> str:
    """Continue a verification of rollups: its window, and how far it has come."""
    suspect_us = None if place.suspect_at is None else to_us(place.suspect_at)
    return _encode([to_us(since), to_us(until), place.series_id, to_us(place.at), suspect_us])


def decode_verification(token: str) -> tuple[datetime, datetime, Place]:
    """Read back `encode_verification`.

    Raises:
        RequestError: not such a token.
    """
    since_us, until_us, series_id, at_us, suspect_us = _decode(token, _VERIFICATION)
    suspect_at = None if suspect_us is None else _instant(suspect_us)
    return _instant(since_us), _instant(until_us), Place(series_id, _instant(at_us), suspect_at)


def encode_view(seen: Mapping[Lane, datetime]) -> str:
    """Continue a live view: the last instant that was given of each lane."""
    newest_us = max(map(to_us, seen.values()), default=0)
    lanes = []
    last_id = 0
    for (series_id, is_text), instant in sorted(seen.items()):
        lanes.append([series_id - last_id, int(is_text), newest_us - to_us(instant)])
        last_id = series_id
    return _encode([newest_us, lanes])


def decode_view(token: str) -> dict[Lane, datetime]:
    """Read back `encode_view`.

    Raises:
        RequestError: not such a token.
    """
    newest_us, lanes = _decode(token, _VIEW)
    seen = {}
    series_id = 0
    for distance, is_text, age_us in lanes:
        series_id += distance
        seen[Lane(series_id, is_text)] = _instant(newest_us - age_us)
    return seen


def _encode(value: object) -> str:
    text = json.dumps(value, separators=(",", ":"))
    packed = zlib.compress(text.encode(), wbits=_RAW_DEFLATE)
    return urlsafe_b64encode(packed).decode().rstrip("=")


def _decode(token: str, shape: TypeAdapter[T]) -> T:
    try:
        packed = urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        text = zlib.decompressobj(_RAW_DEFLATE).decompress(packed, _UNPACKED_BYTES_MAX)
        return shape.validate_json(text)
    except (ValidationError, ValueError, zlib.error) as error:
        raise _refusal() from error


def _instant(instant_us: int) -> datetime:
    try:
        return from_us(instant_us)
    except OverflowError as error:
        raise _refusal() from error


def _refusal() -> RequestError:
    return RequestError("not a cursor of this list: give back what the last answer had, unchanged")
